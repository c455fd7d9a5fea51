"""Webhooks of providers: a wake-up to poll at once, or the ticket of a submit without an answer.

Each job has a URL of its own, `/hook/<job>/<secret>`. A request to it only makes the provider
be polled; what it says of the task is never trusted.
"""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from imgbot.domain.errors import ProviderError, TransientError
from imgbot.domain.job import Job
from imgbot.files import replace_file
from imgbot.jobs.provider_routing import ProviderRouter
from imgbot.providers.protocol import Provider
from imgbot.storage.job_queue import JobQueue
from imgbot.telemetry import events

_KEY_BYTES = 32


def read_key(path: Path) -> bytes:
    """Secret key of all webhook URLs, created at the first start and stable from then on."""
    try:
        key = path.read_bytes()
        if len(key) == _KEY_BYTES:
            return key
    except FileNotFoundError:
        pass
    key = secrets.token_bytes(_KEY_BYTES)
    replace_file(path, key)
    return key


class Webhooks:
    """Webhook URLs of jobs, and the requests made to them."""

    def __init__(
        self,
        public_url: str,
        key: bytes,
        queue: JobQueue,
        routing: ProviderRouter,
        now_ms: Callable[[], int],
    ) -> None:
        self._public_url = public_url.rstrip("/")
        self._key = key
        self._queue = queue
        self._routing = routing
        self._now_ms = now_ms

    def url_for(self, job_id: str) -> str:
        """Webhook URL of a job; empty without a public URL."""
        if not self._public_url:
            return ""
        return f"{self._public_url}/hook/{job_id}/{self._secret(job_id)}"

    def can_recover(self, provider: Provider) -> bool:
        """True if a webhook may bring the ticket of a submit whose answer was lost."""
        return bool(self._public_url) and provider.is_hooked

    async def handle(
        self,
        job_id: str,
        secret: str,
        headers: Mapping[str, str],
        read: Callable[[], Awaitable[bytes]],
    ) -> bool:
        """Accept a request; False if it is forged.

        One for a finished job is accepted, too: else its provider would repeat it. Raises
        TransientError while Redis or the provider's signing key is unavailable.
        """
        if not hmac.compare_digest(secret.encode(), self._secret(job_id).encode()):
            events.hook_received("forged")
            return False
        job = await self._queue.job(job_id)
        if job is None:
            events.hook_received("late")
            return True
        is_true = await self._tell(job, headers, await read())
        events.hook_received("taken" if is_true else "forged")
        return is_true

    async def _tell(self, job: Job, headers: Mapping[str, str], body: bytes) -> bool:
        provider = self._routing.provider_of(job)
        now_s = self._now_ms() / 1000
        try:
            operation, model = job.request.operation, self._routing.model_of(job, provider)
            ticket = await provider.ticket_of_hook(operation, headers, body, now_s, model)
        except ProviderError as error:
            raise TransientError(f"the signing key of {provider.name}: {error}") from error
        if ticket is None or job.progress.ticket.get("id", ticket["id"]) != ticket["id"]:
            return False
        await self._queue.wake(job.id, {} if job.progress.ticket else ticket)
        return True

    def _secret(self, job_id: str) -> str:
        return hmac.new(self._key, job_id.encode(), hashlib.sha256).hexdigest()[:32]
