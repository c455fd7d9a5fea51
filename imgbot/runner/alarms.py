"""What the bot's owner is told on Telegram, once in a while per matter."""

import uuid
from collections.abc import Mapping, Sequence

from imgbot import telemetry
from imgbot.errors import ConfigError, FencedError, ImgbotError, ProviderErrorKind
from imgbot.job import Job
from imgbot.queue.people import People
from imgbot.telegram.delivery import Delivery, Place
from imgbot.telegram.flood import patience
from imgbot.texts import say

_AGAIN_S = 3600
_PATIENCE_S = 5.0

_KEYS = {
    ProviderErrorKind.AUTH: "alarm_key_refused",
    ProviderErrorKind.NO_CREDIT: "alarm_no_credit",
}


class Alarms:
    """Speaks to the administrators; a message that cannot be sent now is not worth a wait."""

    def __init__(self, admins: Sequence[int], people: People, delivery: Delivery) -> None:
        self._admins = tuple(admins)
        self._people = people
        self._delivery = delivery

    async def provider_out(self, name: str, kind: ProviderErrorKind) -> None:
        """A provider refuses service."""
        await self._tell(_KEYS.get(kind, "alarm_provider_out"), name, provider=name)

    async def job_dead(self, job: Job) -> None:
        """A job ended without anybody knowing what became of its order."""
        await self._tell("alarm_job_dead", job.provider, provider=job.provider or "?", job=job.id)

    async def _tell(self, key: str, about: str, **facts: str) -> None:
        for admin in self._admins:
            try:
                await self._tell_one(admin, key, about, facts)
            except (FencedError, ConfigError):
                raise
            except ImgbotError as error:
                telemetry.warned("an administrator could not be told (%s): %s", key, error)

    async def _tell_one(self, admin: int, key: str, about: str, facts: Mapping[str, str]) -> None:
        # Each saying is one of its own: what is asked about is the time since the last one.
        saying = uuid.uuid4().hex
        if not await self._people.is_first_saying(admin, f"{key}.{about}", saying, _AGAIN_S):
            return
        preferences = await self._people.preferences(admin)
        text = say(preferences.language or "en", key, **facts)
        with patience(_PATIENCE_S):
            await self._delivery.announce(Place(admin), text, [])
