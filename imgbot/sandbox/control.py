"""The control interface: JSON over HTTP for the chat page, for tests and for load.

There is no authentication: the server answers on loopback addresses only, and refuses pages of
other sites. Ids are Telegram's. A *message* is the Bot API's Message as the bot would get it, and
besides `"edits": n`, `"deleted": bool`, `"outgoing": bool` (the bot sent it) and, where the bot
asks for a reply, `"force_reply": {"selective": bool, "placeholder"}`.
A refusal is `{"error": "a sentence"}` with status 400, 404 or 413.

State and users
    GET  /control/state
        {"bot": {id, username, first_name, commands: {"": [..], "ru": [..]}}, "users": [User],
        "chats": [Chat and "members": [ids], "hears_all": bool, "blocked": bool if private,
        "closed": what the bot is answered if it can no longer reach the chat, "over": true if
        people cannot write there, either],
        "bot_is_polling": bool, "seq": last event}
    POST /control/users {first_name, username?, language_code?}
        → User; a private chat of the same id appears
    POST /control/chats {title, members: [ids], type?: "supergroup", is_forum?}
        → Chat; type is "group" (a basic one), "supergroup" or "channel". The bot is in it: in
        groups in privacy mode, in a channel as an administrator
    POST /control/settings {flood: bool} → the settings; flood limits on or off

What users do
    POST /control/files?name=cat.jpg, the body is the file (64 MiB at most)
        → {key, name, size, mime, width?, height?}
    POST /control/chats/{chat_id}/messages
        {user_id, text?, caption?, photos?: [key] or documents?: [key], reply_to_message_id?,
        quote?: a part of that message, thread_id?, spoiler?: over the photos, anonymous?: as an
        administrator of a group who is not named, gap_ms?: time between the messages (10,000 at
        most), media_group_id?: of an album in the chat to which the files come late,
        extra?: {raw fields merged into each message: sticker, voice, …}}
        → {"messages": [..]}; several photos or documents become an album with the caption on the
        first; a text of more than 4096 characters goes out in several messages, as clients do it.
        In a channel the bot gets a channel_post
    POST /control/chats/{chat_id}/forward {user_id, from_chat_id, message_ids: [..],
        hidden?: the author's name is not given} → {"messages": [..]} with forward_origin
    POST /control/chats/{chat_id}/edit {message_id, text: the new text or caption}
        → {"message": ..}
    POST /control/chats/{chat_id}/callbacks {user_id, message_id, data}
        → {"callback_query_id"}; data need not be on the keyboard
    DELETE /control/chats/{chat_id}/messages/{message_id} → {"deleted": true}
    POST /control/inline {user_id, query?, chat_id?, timeout_s?: 10}
        types `@bot query` and waits → {"inline_query_id", "results": [{id, type, title?, photo?,
        document?, text?, caption?, ..}], "next_offset", "cache_time", "is_personal", "button"?}
    POST /control/inline/{inline_query_id} {chat_id, result_id}
        → {"message": ..}, the chosen result, sent by the user via the bot

What becomes of chats
    POST /control/chats/{chat_id}/block {user_id, blocked: bool} → {"blocked": bool}
    POST /control/chats/{chat_id}/privacy {on: bool}
        → Chat; off makes the bot an administrator of the group, who gets every message
    POST /control/chats/{chat_id}/migrate {}
        → Chat, the supergroup that a basic group became: a service message in each of them, and
        calls to the old one are refused with migrate_to_chat_id
    POST /control/chats/{chat_id}/close {reason: "deleted" | "kicked" | "deactivated"}
        → Chat; the bot is answered "chat not found", "bot was kicked", "user is deactivated"
    POST /control/updates {any JSON object} → {"update_id"}; it is queued as it is

Watching
    GET /control/chats/{chat_id}/messages?after=<message_id>
        → {"messages": [..]} in order, as they stand now, the deleted among them
    GET /control/events?after=<seq> (or Last-Event-ID), a text/event-stream
        `id: seq`, `data: {"seq", "type", "chat_id"?, ..}`; without `after` from now on. Types:
        message {message} · edit {message} · delete {message_id} · action {action} ·
        callback_answer {callback_query_id, text, show_alert, user_id} · commands {commands} ·
        polling {active} · chat {chat: a new or changed one} · call {method, ok, error_code?,
        description?} (good getUpdates calls are left out) · reset: events after `after` were
        dropped (2,000 are kept), load the state anew and go on from its `seq`
    GET /control/calls
        → {"calls": [{seq, method, chat_id?, ok, error_code?, description?}], "counts": {method: n},
        "violations": [what Telegram would have ignored, and no test should]}
    GET /control/files/{file_id or key} → the bytes

Faults
    POST /control/faults {method: "sendMessage" | "download" | "*", kind, times?: 1, chat_id?, ..}
        kind error {error_code?, description?, parameters?} · flood {retry_after_s?} · delay
        {delay_s?} · drop_before: the connection is cut before the method acts · drop_after: it
        acts, then the connection is cut · gateway {error_code?}: a page that is not UTF-8 in its
        place. → {"waiting": n}
    DELETE /control/faults forgets all; calls that are being delayed go on

Providers, played by their spec files (see imgbot/sandbox/played_preset.py)
    GET  /control/provider/{name} → {"tasks": [..], "ledger": [..], "settings": {..}, ..}
    POST /control/provider/{name} {settings} → the settings; `marks` is a scenario for every order
        without a name: `simulated`, the sandbox's own
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from aiohttp import web
from pydantic import ValidationError

from imgbot.sandbox.faults import Fault
from imgbot.sandbox.membership import Membership
from imgbot.sandbox.played_preset import PlayedPreset
from imgbot.sandbox.state import Chat, Json, SandboxError, SandboxState
from imgbot.sandbox.updates import QueueFullError
from imgbot.sandbox.users import SandboxUsers

_HEARTBEAT_S = 15.0
_ANSWER_S = 10
_SHOWN_INLINE = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"})
_CHAT = "/control/chats/{chat_id}"
_MESSAGE_FIELDS: Mapping[str, type] = {
    "text": str,
    "caption": str,
    "photos": list,
    "documents": list,
    "reply_to_message_id": int,
    "quote": str,
    "thread_id": int,
    "spoiler": bool,
    "anonymous": bool,
    "media_group_id": str,
    "gap_ms": int,
    "extra": dict,
}


class _NotFoundError(Exception):
    """Something named in the path does not exist; the text says what."""


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A control request with its JSON fields, each validated when read."""

    http: web.Request
    fields: Json

    def path(self, name: str) -> str:
        return self.http.match_info[name]

    def text(self, name: str, default: str | None = None) -> str:
        return self._typed(name, str, default)

    def number(self, name: str, default: int | None = None) -> int:
        return self._typed(name, int, default)

    def flag(self, name: str, *, default: bool = False) -> bool:
        return self._typed(name, bool, default)

    def numbers(self, name: str) -> list[int]:
        values = self._typed(name, list, None)
        if not all(isinstance(value, int) for value in values):
            raise SandboxError(f"{name} must be numbers")
        return cast("list[int]", values)

    def message(self) -> Json:
        """Return the optional fields of a message to send; absent and null ones are omitted."""
        unknown = self.fields.keys() - _MESSAGE_FIELDS.keys() - {"user_id"}
        if unknown:
            raise SandboxError(f"unknown fields: {', '.join(sorted(unknown))}")
        return {
            name: self._typed(name, kind, None)
            for name, kind in _MESSAGE_FIELDS.items()
            if self.fields.get(name) is not None
        }

    def _typed(self, name: str, kind: type, default: Any) -> Any:
        value = self.fields.get(name)
        if value is None and default is not None:
            return default
        if value is None:
            raise SandboxError(f"{name} is missing")
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise SandboxError(f"{name} must be of type {kind.__name__}")
        return value


Handler = Callable[[ControlRequest], Awaitable[Json | web.StreamResponse]]


def _answering(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Read a request's fields, and answer it with JSON or with the reason of a refusal."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            is_file = request.path == "/control/files"
            fields = {} if request.method != "POST" or is_file else await _fields(request)
            found = await handler(ControlRequest(request, fields))
        except web.HTTPRequestEntityTooLarge:
            return web.json_response({"error": "the body is too large"}, status=413)
        except _NotFoundError as error:
            return web.json_response({"error": str(error)}, status=404)
        except ValidationError as error:
            reasons = (
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
            )
            return web.json_response({"error": "; ".join(reasons)}, status=400)
        except (SandboxError, QueueFullError, ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return found if isinstance(found, web.StreamResponse) else web.json_response(found)

    return answer


async def _fields(request: web.Request) -> Json:
    fields: Any = json.loads(await request.read() or b"null")
    if not isinstance(fields, dict):
        raise SandboxError("the body must be a JSON object")
    return cast("Json", fields)


class Control:
    """Everything under /control."""

    def __init__(self, state: SandboxState, presets: Mapping[str, PlayedPreset]) -> None:
        self._state = state
        self._presets = presets
        self._users = SandboxUsers(state)
        self._membership = Membership(state)

    def routes(self) -> list[web.RouteDef]:
        table: Mapping[tuple[str, str], Handler] = {
            ("GET", "/control/state"): self.state,
            ("POST", "/control/users"): self.add_user,
            ("POST", "/control/settings"): self.set_settings,
            ("POST", "/control/chats"): self.add_chat,
            ("POST", f"{_CHAT}/messages"): self.send,
            ("GET", f"{_CHAT}/messages"): self.messages,
            ("DELETE", f"{_CHAT}/messages/{{message_id}}"): self.delete,
            ("POST", f"{_CHAT}/edit"): self.edit,
            ("POST", f"{_CHAT}/forward"): self.forward,
            ("POST", f"{_CHAT}/callbacks"): self.press,
            ("POST", f"{_CHAT}/block"): self.block,
            ("POST", f"{_CHAT}/privacy"): self.set_privacy,
            ("POST", f"{_CHAT}/migrate"): self.migrate,
            ("POST", f"{_CHAT}/close"): self.close,
            ("POST", "/control/inline"): self.ask_inline,
            ("POST", "/control/inline/{query_id}"): self.choose_inline,
            ("POST", "/control/files"): self.add_file,
            ("GET", "/control/files/{handle}"): self.file,
            ("POST", "/control/updates"): self.add_update,
            ("GET", "/control/events"): self.events,
            ("GET", "/control/calls"): self.calls,
            ("POST", "/control/faults"): self.add_fault,
            ("DELETE", "/control/faults"): self.clear_faults,
            ("GET", "/control/provider"): self.provider,
            ("POST", "/control/provider"): self.set_provider,
            ("GET", "/control/provider/{name}"): self.provider,
            ("POST", "/control/provider/{name}"): self.set_provider,
        }
        return [
            web.RouteDef(method, path, _answering(handler), {})
            for (method, path), handler in table.items()
        ]

    def _chat(self, chat_id: int | str) -> Chat:
        chat = self._state.chats.get(int(chat_id))
        if chat is None:
            raise _NotFoundError("no such chat")
        return chat

    # State and users

    async def state(self, _call: ControlRequest) -> Json:
        state = self._state
        bot = {name: state.bot[name] for name in ("id", "username", "first_name")}
        return {
            "bot": bot | {"commands": state.private_commands()},
            "users": list(state.users.values()),
            "chats": [chat.view() for chat in state.chats.values()],
            "bot_is_polling": state.poller.is_active,
            "seq": state.events.last_seq,
        }

    async def add_user(self, call: ControlRequest) -> Json:
        return self._state.add_user(
            call.text("first_name"), call.text("username", ""), call.text("language_code", "")
        )

    async def set_settings(self, call: ControlRequest) -> Json:
        self._state.floods.is_on = call.flag("flood")
        return {"flood": self._state.floods.is_on}

    # What users do

    async def send(self, call: ControlRequest) -> Json:
        chat = self._chat(call.path("chat_id"))
        posts = await self._users.send(chat, call.number("user_id"), call.message())
        return {"messages": [post.view() for post in posts]}

    async def messages(self, call: ControlRequest) -> Json:
        after = int(call.http.query.get("after", "0"))
        posts = self._chat(call.path("chat_id")).posts.values()
        return {"messages": [post.view() for post in posts if post.id > after]}

    async def edit(self, call: ControlRequest) -> Json:
        chat = self._chat(call.path("chat_id"))
        post = self._users.edit(chat, call.number("message_id"), call.text("text"))
        return {"message": post.view()}

    async def delete(self, call: ControlRequest) -> Json:
        self._users.delete(self._chat(call.path("chat_id")), int(call.path("message_id")))
        return {"deleted": True}

    async def forward(self, call: ControlRequest) -> Json:
        posts = self._users.forward(
            self._chat(call.path("chat_id")),
            call.number("user_id"),
            self._chat(call.number("from_chat_id")),
            call.numbers("message_ids"),
            is_hidden=call.flag("hidden"),
        )
        return {"messages": [post.view() for post in posts]}

    async def press(self, call: ControlRequest) -> Json:
        chat = self._chat(call.path("chat_id"))
        query_id = self._users.press(
            chat, call.number("user_id"), call.number("message_id"), call.text("data")
        )
        return {"callback_query_id": query_id}

    async def ask_inline(self, call: ControlRequest) -> Json:
        chat_id = call.number("chat_id", 0)
        return await self._users.ask_inline(
            call.number("user_id"),
            call.text("query", ""),
            self._chat(chat_id) if chat_id else None,
            min(call.number("timeout_s", _ANSWER_S), 60),
        )

    async def choose_inline(self, call: ControlRequest) -> Json:
        chat = self._chat(call.number("chat_id"))
        post = self._users.choose_inline(chat, call.path("query_id"), call.text("result_id"))
        return {"message": post.view()}

    # What becomes of chats

    async def add_chat(self, call: ControlRequest) -> Json:
        return self._membership.found(
            call.text("title"),
            call.numbers("members"),
            call.text("type", "supergroup"),
            is_forum=call.flag("is_forum"),
        ).view()

    async def block(self, call: ControlRequest) -> Json:
        is_blocked = call.flag("blocked", default=True)
        chat = self._chat(call.path("chat_id"))
        self._membership.block(chat, call.number("user_id"), is_blocked=is_blocked)
        return {"blocked": is_blocked}

    async def set_privacy(self, call: ControlRequest) -> Json:
        chat = self._chat(call.path("chat_id"))
        self._membership.set_privacy(chat, is_private=call.flag("on", default=True))
        return chat.view()

    async def migrate(self, call: ControlRequest) -> Json:
        return self._membership.migrate(self._chat(call.path("chat_id"))).view()

    async def close(self, call: ControlRequest) -> Json:
        chat = self._chat(call.path("chat_id"))
        self._membership.close(chat, call.text("reason", "deleted"))
        return chat.view()

    async def add_update(self, call: ControlRequest) -> Json:
        return {"update_id": self._state.updates.add_raw(call.fields)}

    # Files

    async def add_file(self, call: ControlRequest) -> Json:
        path = self._state.files.new_path()
        await asyncio.to_thread(path.write_bytes, await call.http.read())
        name = call.http.query.get("name", "file")
        file = await self._state.files.keep_upload(path, name)
        size = {"width": file.width, "height": file.height} if file.width else {}
        known = {"key": file.file_id, "name": file.name, "size": file.size_bytes}
        return known | {"mime": file.mime} | size

    async def file(self, call: ControlRequest) -> web.StreamResponse:
        file = self._state.files.find(call.path("handle"))
        if file is None:
            raise _NotFoundError("no such file")
        # A document may be a hostile page: it must not run in the chat page's origin.
        headers = {
            "Content-Type": file.mime,
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
        }
        if file.mime not in _SHOWN_INLINE:
            headers["Content-Disposition"] = "attachment"
        return web.FileResponse(file.path, headers=headers)

    # Watching

    async def events(self, call: ControlRequest) -> web.StreamResponse:
        feed = self._state.events
        after = call.http.headers.get("Last-Event-ID") or call.http.query.get("after")
        seq = int(after) if after else feed.last_seq
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        try:
            # A browser may disconnect this early.
            await response.prepare(call.http)
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

    async def calls(self, _call: ControlRequest) -> Json:
        return self._state.calls.view()

    # Faults and providers

    async def add_fault(self, call: ControlRequest) -> Json:
        self._state.faults.add(Fault.model_validate(call.fields))
        return {"waiting": len(self._state.faults)}

    async def clear_faults(self, _call: ControlRequest) -> Json:
        self._state.faults.clear()
        return {"waiting": 0}

    async def provider(self, call: ControlRequest) -> Json:
        return self._played(call).view()

    async def set_provider(self, call: ControlRequest) -> Json:
        return self._played(call).ledger.change_settings(call.fields)

    def _played(self, call: ControlRequest) -> PlayedPreset:
        preset = self._presets.get(call.http.match_info.get("name", "simulated"))
        if preset is None:
            raise _NotFoundError("no such provider")
        return preset
