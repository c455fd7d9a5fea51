"""Administrators: what they are told unasked, each in their own chat and language."""

from collections.abc import Awaitable, Callable, Iterable

from imgbot.domain.errors import ChatGoneError, TelegramRefusedError
from imgbot.storage.users import UserStore
from imgbot.telemetry import events


async def tell_administrators(
    admins: Iterable[int], users: UserStore, tell: Callable[[int, str], Awaitable[object]]
) -> bool:
    """Call `tell` with the id and the language of each; return false if none could be told.

    An administrator who cannot be written to is passed over; other errors are raised.
    """
    is_told = False
    for admin_id in sorted(admins):
        language = (await users.profile(admin_id, admin_id)).language
        try:
            await tell(admin_id, language)
            is_told = True
        except (ChatGoneError, TelegramRefusedError) as error:
            events.warning("administrator %d was not told: %s", admin_id, error)
    return is_told
