"""Helpers of the control interface: parsing requests, finding chats, answering."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from aiohttp import web

from imgbot.sandbox.chats import Chat, SandboxError
from imgbot.sandbox.control_request import ControlRequest
from imgbot.sandbox.request_parsing import read_bounded
from imgbot.sandbox.state import SandboxState
from imgbot.sandbox.updates import QueueFullError

_BODY_BYTES = 1 << 20

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes_of(table: Mapping[tuple[str, str], Handler]) -> list[web.RouteDef]:
    """Return handlers by method and path, with impossible requests answered by a reason."""
    return [
        web.RouteDef(method, path, _answering(handler), {})
        for (method, path), handler in table.items()
    ]


def _answering(handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (SandboxError, QueueFullError, ValueError, TypeError) as error:
            sentence = str(error) or "the queue of updates is full"
            return web.json_response({"error": sentence}, status=400)

    return answer


async def read_wish(request: web.Request) -> ControlRequest:
    body = await read_bounded(request.content, _BODY_BYTES)
    fields: Any = json.loads(body or b"null")
    if not isinstance(fields, dict):
        raise SandboxError("the body must be a JSON object")
    return ControlRequest(cast("dict[str, Any]", fields))


def chat_of(world: SandboxState, request: web.Request) -> Chat:
    """Return the chat named in the path; 404 if there is none."""
    return chat_by_id(world, int(request.match_info["chat_id"]))


def chat_by_id(world: SandboxState, chat_id: int) -> Chat:
    chat = world.chats.get(chat_id)
    if chat is None:
        raise web.HTTPNotFound(
            text=json.dumps({"error": "no such chat"}), content_type="application/json"
        )
    return chat
