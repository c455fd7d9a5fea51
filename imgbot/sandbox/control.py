"""The control interface: JSON over HTTP for the chat page, for tests and for load.

There is no authentication: the server answers on loopback addresses only, and refuses pages of
other sites. Ids are Telegram's. A *message* is the Bot API's Message as the bot would get it, and
besides `"edits": n`, `"deleted": bool`, `"outgoing": bool` (the bot sent it) and
`"reactions": ["👀"]`. A refusal is `{"error": "a sentence"}` with status 400, 404 or 413.

State and people
    GET  /control/state
        {"bot": {id, username, first_name, commands: {"": [..], "ru": [..]}}, "users": [User],
        "chats": [Chat and "members": [ids], "blocked": bool if private], "bot_is_polling": bool,
        "seq": last event}
    POST /control/users {first_name, username?, language_code?}
        → User; a private chat of the same id appears
    POST /control/chats {title, members: [ids], is_forum?}
        → Chat, a supergroup; the bot is in it, in privacy mode
    POST /control/settings {flood?: bool}
        → the settings; flood limits on or off

What people do
    POST /control/files?name=cat.jpg, the body is the file (64 MiB at most)
        → {key, name, size, mime, width?, height?}
    POST /control/chats/{chat_id}/messages
        {user_id, text?, caption?, photos?: [key], documents?: [key], reply_to_message_id?,
        thread_id?, extra?: {raw fields merged into each message: sticker, voice, …}}
        → {"messages": [..]}; several photos or documents become an album with the caption on the
        first; a text of more than 4096 characters goes out in several messages, as clients do it
    POST /control/chats/{chat_id}/edit {message_id, text} → {"message": ..}
    POST /control/chats/{chat_id}/callbacks {user_id, message_id, data}
        → {"callback_query_id"}; data need not be on the keyboard
    POST /control/chats/{chat_id}/block {user_id, blocked: bool} → {"blocked": bool}
    DELETE /control/chats/{chat_id}/messages/{message_id} → {"deleted": true}
    POST /control/updates {any JSON object} → {"update_id"}; it is queued as it is

Watching
    GET /control/chats/{chat_id}/messages?after=<message_id>
        → {"messages": [..]} in order, as they stand now, the deleted among them
    GET /control/events?after=<seq> (or Last-Event-ID), a text/event-stream
        `id: seq`, `data: {"seq", "type", "chat_id"?, ..}`; without `after` from now on. Types:
        message {message} · edit {message} · delete {message_id} · reaction {message_id, reactions}
        · action {action} · callback_answer {callback_query_id, text, show_alert, user_id} ·
        commands {commands} · polling {active} · call {method, ok, error_code?, description?}
        (good getUpdates calls are left out) · reset: events after `after` were forgotten (2,000
        are kept), load the state anew and go on from its `seq`
    GET /control/calls
        → {"calls": [{seq, method, chat_id?, ok, error_code?, description?}], "counts": {method: n},
        "violations": [what Telegram would have ignored, and no test should]}
    GET /control/files/{file_id or key} → the bytes

Faults
    POST /control/faults {method: "sendMessage" | "download" | "*", kind, times?: 1, chat_id?, ..}
        kind error {error_code?, description?, parameters?} · flood {retry_after_s?} · delay
        {delay_s?} · drop_before: the connection is cut before the method acts · drop_after: it
        acts, then the connection is cut. → {"waiting": n}
    DELETE /control/faults forgets all

The simulated provider (see imgbot/sandbox/provider.py)
    GET  /control/provider → {"tasks": [..], "ledger": [..], "settings": {..}}
    POST /control/provider {settings} → the settings
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from aiohttp import web

from imgbot.sandbox.bodies import read_bounded, read_to_file
from imgbot.sandbox.faults import fault_from
from imgbot.sandbox.people import People
from imgbot.sandbox.provider import Provider
from imgbot.sandbox.updates import QueueFullError
from imgbot.sandbox.wishes import Wish
from imgbot.sandbox.world import Chat, World, WorldError

_BODY_BYTES = 1 << 20
_FILE_BYTES = 64 << 20
_HEARTBEAT_S = 15.0
_SHOWN_INLINE = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"})

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _answering(handler: Handler) -> Handler:
    """Turn what cannot be into an answer that says why."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (WorldError, QueueFullError, ValueError, TypeError) as error:
            sentence = str(error) or "the queue of updates is full"
            return web.json_response({"error": sentence}, status=400)

    return answer


class Control:
    """Handlers of everything under /control."""

    def __init__(self, world: World, provider: Provider) -> None:
        self._world = world
        self._provider = provider
        self._people = People(world)

    def routes(self) -> list[web.RouteDef]:
        chat = "/control/chats/{chat_id}"
        table: Mapping[tuple[str, str], Handler] = {
            ("GET", "/control/state"): self.state,
            ("POST", "/control/users"): self.add_user,
            ("POST", "/control/chats"): self.add_chat,
            ("POST", "/control/settings"): self.set_settings,
            ("POST", "/control/files"): self.add_file,
            ("GET", "/control/files/{handle}"): self.file,
            ("POST", f"{chat}/messages"): self.send,
            ("GET", f"{chat}/messages"): self.messages,
            ("DELETE", f"{chat}/messages/{{message_id}}"): self.delete,
            ("POST", f"{chat}/edit"): self.edit,
            ("POST", f"{chat}/callbacks"): self.press,
            ("POST", f"{chat}/block"): self.block,
            ("POST", "/control/updates"): self.add_update,
            ("GET", "/control/events"): self.events,
            ("GET", "/control/calls"): self.calls,
            ("POST", "/control/faults"): self.add_fault,
            ("DELETE", "/control/faults"): self.clear_faults,
            ("GET", "/control/provider"): self.provider,
            ("POST", "/control/provider"): self.set_provider,
        }
        return [
            web.RouteDef(method, path, _answering(handler), {})
            for (method, path), handler in table.items()
        ]

    async def state(self, _request: web.Request) -> web.StreamResponse:
        world = self._world
        shown = ("id", "username", "first_name")
        bot = {name: world.bot[name] for name in shown}
        bot["commands"] = world.profile.for_private_chats()
        return web.json_response(
            {
                "bot": bot,
                "users": list(world.users.values()),
                "chats": [_chat_view(chat) for chat in world.chats.values()],
                "bot_is_polling": world.poller.is_active,
                "seq": world.events.last_seq,
            }
        )

    async def add_user(self, request: web.Request) -> web.StreamResponse:
        wish = await _wish(request)
        user = self._world.add_user(
            wish.text("first_name"), wish.text("username", ""), wish.text("language_code", "")
        )
        return web.json_response(user)

    async def add_chat(self, request: web.Request) -> web.StreamResponse:
        wish = await _wish(request)
        chat = self._people.found_group(
            wish.text("title"), wish.numbers("members"), is_forum=wish.flag("is_forum")
        )
        return web.json_response(_chat_view(chat))

    async def set_settings(self, request: web.Request) -> web.StreamResponse:
        wish = await _wish(request)
        self._world.floods.is_on = wish.flag("flood", default=self._world.floods.is_on)
        return web.json_response({"flood": self._world.floods.is_on})

    async def add_file(self, request: web.Request) -> web.StreamResponse:
        path = self._world.files.new_path()
        if await read_to_file(request.content, path, _FILE_BYTES) is None:
            path.unlink()
            return web.json_response({"error": "the file is too large"}, status=413)
        file = await self._world.files.keep_upload(path, request.query.get("name", "file"))
        answer: dict[str, Any] = {
            "key": file.file_id,
            "name": file.name,
            "size": file.size_bytes,
            "mime": file.mime,
        }
        if file.width:
            answer |= {"width": file.width, "height": file.height}
        return web.json_response(answer)

    async def file(self, request: web.Request) -> web.StreamResponse:
        file = self._world.files.find(request.match_info["handle"])
        if file is None:
            return web.json_response({"error": "no such file"}, status=404)
        # A document may be a hostile page: it must not run where the chat page runs.
        headers = {
            "Content-Type": file.mime,
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
        }
        if file.mime not in _SHOWN_INLINE:
            headers["Content-Disposition"] = "attachment"
        return web.FileResponse(file.path, headers=headers)

    async def send(self, request: web.Request) -> web.StreamResponse:
        wish = await _wish(request)
        posts = await self._people.send(self._chat(request), wish.number("user_id"), wish.parcel())
        return web.json_response({"messages": [post.view() for post in posts]})

    async def messages(self, request: web.Request) -> web.StreamResponse:
        after = int(request.query.get("after", "0"))
        posts = self._chat(request).posts.values()
        return web.json_response({"messages": [post.view() for post in posts if post.id > after]})

    async def edit(self, request: web.Request) -> web.StreamResponse:
        wish = await _wish(request)
        post = self._people.edit(self._chat(request), wish.number("message_id"), wish.text("text"))
        return web.json_response({"message": post.view()})

    async def delete(self, request: web.Request) -> web.StreamResponse:
        self._people.delete(self._chat(request), int(request.match_info["message_id"]))
        return web.json_response({"deleted": True})

    async def press(self, request: web.Request) -> web.StreamResponse:
        wish = await _wish(request)
        query_id = self._people.press(
            self._chat(request),
            wish.number("user_id"),
            wish.number("message_id"),
            wish.text("data"),
        )
        return web.json_response({"callback_query_id": query_id})

    async def block(self, request: web.Request) -> web.StreamResponse:
        wish = await _wish(request)
        is_blocked = wish.flag("blocked", default=True)
        self._people.block(self._chat(request), wish.number("user_id"), is_blocked=is_blocked)
        return web.json_response({"blocked": is_blocked})

    async def add_update(self, request: web.Request) -> web.StreamResponse:
        update_id = self._world.updates.add_raw((await _wish(request)).fields)
        return web.json_response({"update_id": update_id})

    async def events(self, request: web.Request) -> web.StreamResponse:
        feed = self._world.events
        after = request.headers.get("Last-Event-ID") or request.query.get("after")
        seq = int(after) if after else feed.last_seq
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        try:
            # A browser may leave as early as this.
            await response.prepare(request)
            await response.write(b": hello\n\n")
            while not feed.is_closed:
                found = await feed.wait_after(seq, _HEARTBEAT_S)
                if found:
                    seq = found[-1].seq
                lines = "".join(f"id: {event.seq}\ndata: {event.data}\n\n" for event in found)
                await response.write((lines or ": still here\n\n").encode())
        except ConnectionError:
            pass
        return response

    async def calls(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self._world.calls.view())

    async def add_fault(self, request: web.Request) -> web.StreamResponse:
        self._world.faults.add(fault_from((await _wish(request)).fields))
        return web.json_response({"waiting": len(self._world.faults)})

    async def clear_faults(self, _request: web.Request) -> web.StreamResponse:
        self._world.faults.clear()
        return web.json_response({"waiting": 0})

    async def provider(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self._provider.view())

    async def set_provider(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._provider.change_settings((await _wish(request)).fields))

    def _chat(self, request: web.Request) -> Chat:
        chat = self._world.chats.get(int(request.match_info["chat_id"]))
        if chat is None:
            raise web.HTTPNotFound(
                text=json.dumps({"error": "no such chat"}), content_type="application/json"
            )
        return chat


def _chat_view(chat: Chat) -> dict[str, Any]:
    view = chat.info | {"members": chat.members}
    return view | {"blocked": chat.is_blocked} if chat.is_private else view


async def _wish(request: web.Request) -> Wish:
    body = await read_bounded(request.content, _BODY_BYTES)
    fields: Any = json.loads(body or b"null")
    if not isinstance(fields, dict):
        raise WorldError("the body must be a JSON object")
    return Wish(cast("dict[str, Any]", fields))
