"""answerInlineQuery: results for a user who typed the bot's name in a chat.

Answers are not cached here: every query reaches the bot.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from imgbot.sandbox.api_errors import QUERY_TOO_OLD, ApiError, bad_request
from imgbot.sandbox.arguments import Arguments, Json, as_text
from imgbot.sandbox.inline import InlineResult
from imgbot.sandbox.media import Media
from imgbot.sandbox.message_fields import Contents
from imgbot.sandbox.methods import Methods
from imgbot.sandbox.state import SandboxState

_MAX_RESULTS = 50
_ID_BYTES = 64
_OFFSET_BYTES = 64
_START_PARAMETER = re.compile(r"[A-Za-z0-9_-]{1,64}")

Reader = Callable[[SandboxState, Json, Arguments], Awaitable[InlineResult]]


async def answer_inline_query(world: SandboxState, arguments: Arguments) -> Any:
    results = arguments.json_objects("results", "inline query results") or []
    if len(results) > _MAX_RESULTS:
        raise bad_request("too many inline query results specified")
    offers: dict[str, InlineResult] = {}
    for result in results:
        result_id, offer = await _offer(world, arguments.method, result)
        if result_id in offers:
            raise bad_request("RESULT_ID_DUPLICATE")
        offers[result_id] = offer
    answer = _answer(world, arguments)
    query = world.inline.open(arguments.text("inline_query_id"))
    if query is None:
        raise bad_request(QUERY_TOO_OLD)
    query.give(answer, offers)
    return True


def _answer(world: SandboxState, arguments: Arguments) -> Json:
    """Fields of the answer besides its results."""
    next_offset = arguments.text("next_offset")
    if len(next_offset.encode()) > _OFFSET_BYTES:
        raise bad_request("NEXT_OFFSET_INVALID")
    answer: Json = {
        "next_offset": next_offset,
        "cache_time": arguments.integer("cache_time", 300),
        "is_personal": arguments.flag("is_personal"),
    }
    button = arguments.json_object("button", "inline query results button")
    if button:
        Contents(world, arguments).note_fields("InlineQueryResultsButton", button)
        if not _START_PARAMETER.fullmatch(str(button.get("start_parameter", ""))):
            raise bad_request("START_PARAM_INVALID")
        answer["button"] = button
    return answer


async def _offer(world: SandboxState, method: str, result: Json) -> tuple[str, InlineResult]:
    kind, result_id = str(result.get("type", "")).lower(), result.get("id")
    reader = _READERS.get(kind)
    if reader is None:
        world.calls.violation(f"an inline result of type {kind} is not simulated")
        raise _unparsed(f'type "{kind}" is unsupported for the inline query result')
    if not isinstance(result_id, str):
        raise _unparsed('Can\'t find field "id"')
    if not 1 <= len(result_id.encode()) <= _ID_BYTES:
        raise bad_request("RESULT_ID_INVALID")
    values = {name: as_text(value) for name, value in result.items()}
    offer = await reader(world, result, Arguments(method, values))
    shown = ("id", "type", "title", "description")
    view = {name: result[name] for name in shown if name in result}
    return result_id, InlineResult(view | offer.view, offer.content)


async def _photo(world: SandboxState, result: Json, values: Arguments) -> InlineResult:
    return await _cached(world, result, values, "photo")


async def _document(world: SandboxState, result: Json, values: Arguments) -> InlineResult:
    if not values.text("title"):
        raise bad_request("FILE_TITLE_EMPTY")
    return await _cached(world, result, values, "document")


async def _cached(world: SandboxState, result: Json, values: Arguments, kind: str) -> InlineResult:
    """Return the file stored at Telegram, with what is sent with or instead of it."""
    contents, media = Contents(world, values), Media(world, values)
    source = values.text(f"{kind}_file_id")
    if not source:
        # By URL: the sandbox fetches nothing, as Telegram fetches nothing from here.
        raise bad_request("WEBDOCUMENT_URL_INVALID")
    contents.note_fields(f"InlineQueryResultCached{kind.capitalize()}", result)
    file = await (media.photo if kind == "photo" else media.document)(source, None)
    keyboard = contents.keyboard(only_inline=True)
    if "input_message_content" in result:
        return InlineResult(file, _text(world, result) | keyboard)
    caption = _parsed(contents.caption)
    return InlineResult(file | caption, file | caption | keyboard)


async def _article(world: SandboxState, result: Json, values: Arguments) -> InlineResult:
    contents = Contents(world, values)
    contents.note_fields("InlineQueryResultArticle", result)
    if not values.text("title"):
        raise _unparsed('Can\'t find field "title"')
    content = _text(world, result)
    return InlineResult(content, content | contents.keyboard(only_inline=True))


def _text(world: SandboxState, result: Json) -> Json:
    """Return the text message that is sent for a result."""
    given = result.get("input_message_content")
    if not isinstance(given, dict) or "message_text" not in given:
        world.calls.violation("an inline result with such a content is not simulated")
        # UNVERIFIED: the words.
        raise _unparsed("input message content is not specified")
    values = {str(name): as_text(value) for name, value in given.items()}
    values["text"] = values["message_text"]
    contents = Contents(world, Arguments("answerInlineQuery", values))
    contents.note_fields("InputTextMessageContent", given)
    return _parsed(contents.text)


def _parsed(read: Callable[[], Json]) -> Json:
    """Call `read`; a refused markup is reported as one of the result."""
    try:
        return read()
    except ApiError as refusal:
        reason = refusal.description.removeprefix("Bad Request: ")
        raise _unparsed(reason[:1].upper() + reason[1:]) from None


def _unparsed(reason: str) -> ApiError:
    return bad_request(f"can't parse inline query result: {reason}")


_READERS: Mapping[str, Reader] = {"photo": _photo, "document": _document, "article": _article}

METHODS: Methods = {"answerInlineQuery": answer_inline_query}
