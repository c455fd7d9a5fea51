"""Inline mode: `@bot` in any chat offers the user's latest pictures, free of charge."""

from contextlib import suppress

from aiogram.types import (
    InlineQuery,
    InlineQueryResultCachedDocument,
    InlineQueryResultCachedPhoto,
)

from imgbot.bot.requests import AccessPolicy
from imgbot.domain.errors import TransientError
from imgbot.domain.texts import language_of, t
from imgbot.storage.results import Result, ResultStore
from imgbot.storage.users import UserStore
from imgbot.telegram.messenger import CAPTION_LIMIT, Messenger, cut

_INLINE_TITLE_LENGTH = 60


async def handle_inline(
    query: InlineQuery,
    messenger: Messenger,
    policy: AccessPolicy,
    results: ResultStore,
    users: UserStore,
) -> None:
    """Offer the pictures whose prompts contain the query."""
    # An inline query expires after half a minute: failures are ignored.
    with suppress(TransientError):
        user_id = query.from_user.id
        profile = await users.profile(user_id)
        is_open = profile.is_allowed or policy.admits(user_id)
        is_admitted = is_open and (not profile.is_banned or policy.is_admin(user_id))
        ids = await results.history(user_id) if is_admitted else []
        wanted = query.query.strip().lower()
        found = [each for each in await results.results(ids) if wanted in each.words.lower()]
        language = profile.preferences.language or language_of(query.from_user.language_code)
        label = t(language, "inline_button")
        await messenger.answer_inline(query.id, [_offer(result) for result in found], label)


def _offer(result: Result) -> InlineQueryResultCachedPhoto | InlineQueryResultCachedDocument:
    caption = cut(result.caption, CAPTION_LIMIT)
    file_id = result.picture.file_id if result.picture else ""
    if result.picture and result.picture.is_file:
        title = (result.words or t(result.language, f"title_{result.operation}"))[:_INLINE_TITLE_LENGTH]
        return InlineQueryResultCachedDocument(
            id=result.id, document_file_id=file_id, title=title, caption=caption
        )
    return InlineQueryResultCachedPhoto(id=result.id, photo_file_id=file_id, caption=caption)
