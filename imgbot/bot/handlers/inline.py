"""Inline mode: `@bot` in any chat offers the user's latest pictures, free of charge."""

from contextlib import suppress

from aiogram.types import (
    InlineQuery,
    InlineQueryResultCachedDocument,
    InlineQueryResultCachedPhoto,
)

from imgbot.bot.requests import RequestService
from imgbot.domain.errors import TransientError
from imgbot.domain.texts import language_of, t
from imgbot.storage.results import Result
from imgbot.telegram.messenger import CAPTION_LIMIT, cut

_TITLE = 60


async def handle_inline(query: InlineQuery, service: RequestService) -> None:
    """Offer the pictures whose prompts contain the query."""
    # An inline query expires after half a minute: failures are ignored.
    with suppress(TransientError):
        await _offer_pictures(query, service)


async def _offer_pictures(query: InlineQuery, service: RequestService) -> None:
    user_id = query.from_user.id
    standing = await service.store.users.profile(user_id)
    is_open = standing.is_allowed or service.policy.admits(user_id)
    is_welcome = is_open and (not standing.is_banned or service.policy.is_admin(user_id))
    gallery = service.store.results
    ids = await gallery.history(user_id) if is_welcome else []
    wanted = query.query.strip().lower()
    results = await gallery.results(ids)
    offers = [_offer(result) for result in results if wanted in result.words.lower()]
    language = standing.preferences.language or language_of(query.from_user.language_code)
    await service.delivery.answer_inline(query.id, offers, t(language, "inline_button"))


def _offer(result: Result) -> InlineQueryResultCachedPhoto | InlineQueryResultCachedDocument:
    caption = cut(result.caption, CAPTION_LIMIT)
    file_id = result.picture.file_id if result.picture else ""
    if result.picture and result.picture.is_file:
        title = (result.words or t(result.language, f"title_{result.operation}"))[:_TITLE]
        return InlineQueryResultCachedDocument(
            id=result.id, document_file_id=file_id, title=title, caption=caption
        )
    return InlineQueryResultCachedPhoto(id=result.id, photo_file_id=file_id, caption=caption)
