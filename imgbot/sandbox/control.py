"""The control interface: JSON over HTTP for the chat page, for tests and for load.

There is no authentication: the server answers on loopback addresses only, and refuses pages of
other sites. Ids are Telegram's. A *message* is the Bot API's Message as the bot would get it, and
besides `"edits": n`, `"deleted": bool`, `"outgoing": bool` (the bot sent it) and, where the bot
asks for a reply, `"force_reply": {"selective": bool, "placeholder"}`. Only an ephemeral one has
another `message_id` than 0, namely its `ephemeral_message_id` with a minus sign.
A refusal is `{"error": "a sentence"}` with status 400.

State and users
    GET  /control/state
        {"bot": {id, username, first_name, commands: {"": [..], "ru": [..]}}, "users": [User],
        "chats": [Chat and "members": [ids], "hears_all": bool, "admin": true if the bot is one,
        "blocked": bool if private, "closed": what the bot is answered if it can no longer reach
        the chat, "over": true if people cannot write there, either],
        "bot_is_polling": bool, "seq": last event}
    POST /control/users {first_name, username?, language_code?}
        → User; a private chat of the same id appears
    POST /control/chats {title, members: [ids], type?: "supergroup", is_forum?, is_foreign?}
        → Chat; type is "group" (a basic one) or "supergroup"; the bot is in it, in privacy mode,
        unless it is foreign: there it only hears its mentions, as a guest

What users do
    POST /control/files?name=cat.jpg, the body is the file (64 MiB at most)
        → {key}
    POST /control/chats/{chat_id}/messages
        {user_id, text?, caption?, photos?: [key] or documents?: [key], reply_to_message_id?,
        quote?: a part of that message, thread_id?, spoiler?: over the photos, gap_ms?: time
        between the messages (10,000 at most), media_group_id?: of an album in the chat to which
        the files come late, is_old_client?: sends ephemeral commands as ordinary ones,
        extra?: {raw fields merged into each message: sticker, voice, …}}
        → {"messages": [..]}; several photos or documents become an album with the caption on the
        first; a text of more than 4096 characters goes out in several messages, as clients do it;
        an ephemeral command, or a reply to an ephemeral message, is one itself
    POST /control/chats/{chat_id}/forward {user_id, from_chat_id, message_ids: [..],
        hidden?: the author's name is not given} → {"messages": [..]} with forward_origin
    POST /control/chats/{chat_id}/edit {message_id, text: the new text or caption}
        → {"message": ..}
    POST /control/chats/{chat_id}/callbacks {user_id, message_id, data}
        → {"callback_query_id"}; data need not be on the keyboard
    POST /control/chats/{chat_id}/pay {user_id, message_id or link: of an invoice}
        asks the bot, ten seconds at most → {"message": ..} with successful_payment
    DELETE /control/chats/{chat_id}/messages/{message_id} → {"deleted": true}
    POST /control/inline {user_id, query?, chat_id?, timeout_s?: 10}
        types `@bot query` and waits → {"inline_query_id", "results": [{id, type, title?, photo?,
        document?, caption?}]}
    POST /control/inline/{inline_query_id} {chat_id, result_id}
        → {"message": ..}, the chosen result, sent by the user via the bot

What becomes of chats
    POST /control/chats/{chat_id}/block {user_id, blocked: bool} → {"blocked": bool}
    POST /control/chats/{chat_id}/privacy {on: bool}
        → Chat; off: the bot gets every message, as after BotFather's /setprivacy
    POST /control/chats/{chat_id}/promote {on: bool}
        → Chat; makes the bot an administrator of the group, who gets every message, too
    POST /control/chats/{chat_id}/migrate {}
        → Chat, the supergroup that a basic group became: a service message in each of them, and
        calls to the old one are refused with migrate_to_chat_id
    POST /control/chats/{chat_id}/close {reason: "deleted" | "kicked" | "deactivated"}
        → Chat; the bot is answered "chat not found", "bot was kicked", "user is deactivated"
    POST /control/updates {any JSON object} → {"update_id"}; it is queued as it is

Watching
    GET /control/chats/{chat_id}/messages?after=<message_id>
        → {"messages": [..]} in order, as they stand now, the deleted among them; ephemeral ones
        only after a negative id
    GET /control/events?after=<seq> (or Last-Event-ID), a text/event-stream
        `id: seq`, `data: {"seq", "type", "chat_id"?, ..}`; without `after` from now on. Types:
        message {message} · edit {message} · delete {message_id} ·
        callback_answer {callback_query_id, text, show_alert, user_id} · commands {commands} ·
        polling {active} · chat {chat: a new or changed one} · call {method, ok, error_code?,
        description?} (good getUpdates calls are left out) · reset: events after `after` were
        dropped (2,000 are kept), load the state anew and go on from its `seq`
    GET /control/calls
        → {"calls": [{seq, method, chat_id?, ok, error_code?, description?}], "counts": {method: n},
        "violations": [what Telegram would have ignored, and no test should]}
    GET /control/files/{file_id} → the bytes

Faults
    POST /control/faults {method: "sendMessage" | "download" | "*", kind, times?: 1, chat_id?, ..}
        kind error {error_code?, description?, parameters?} · flood {retry_after_s?} · delay
        {delay_s?} · drop_before: the connection is cut before the method acts · drop_after: it
        acts, then the connection is cut · gateway {error_code?}: a page that is not UTF-8 in its
        place. → {"waiting": n}
    DELETE /control/faults forgets all; calls that are being delayed go on

The simulated provider (see imgbot/sandbox/simulated_provider.py)
    GET  /control/provider → {"tasks": [..], "ledger": [..], "settings": {..}, ..}
    POST /control/provider {settings} → the settings; `marks` is a scenario for every order
    Tests add more of them: /control/provider/{name}.
"""

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import validate_call

from imgbot.sandbox.faults import Fault
from imgbot.sandbox.membership import Membership
from imgbot.sandbox.simulated_provider import NAME, SimulatedProvider
from imgbot.sandbox.state import Chat, Json, Post, SandboxError, SandboxState
from imgbot.sandbox.users import SandboxUsers

_HEARTBEAT_S = 15.0
_SHOWN_INLINE = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"})
_CHAT = "/control/chats/{chat_id}"


def _answering(act: Callable[..., Any]) -> Handler:
    """Call with the names in the path and the fields of the body, checked by the annotations."""
    checked = validate_call(act)

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            fields = await _fields(request) if request.method == "POST" else request.query
            found = checked(**request.match_info, **fields)
            if inspect.isawaitable(found):
                found = await found
        except (SandboxError, ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        return found if isinstance(found, web.StreamResponse) else web.json_response(_view(found))

    return answer


async def _fields(request: web.Request) -> Json:
    """Return the fields of a body; null ones are left out."""
    fields: Any = json.loads(await request.read() or b"null")
    if not isinstance(fields, dict):
        raise SandboxError("the body must be a JSON object")
    return {name: value for name, value in fields.items() if value is not None}


def _view(found: Any) -> Any:
    match found:
        case Post():
            return {"message": found.view()}
        case list():
            return {"messages": [post.view() for post in found]}
        case Chat():
            return found.view()
        case _:
            return found


class Control:
    """Everything under /control."""

    def __init__(self, state: SandboxState, providers: Mapping[str, SimulatedProvider]) -> None:
        self._state = state
        self._providers = providers

    def routes(self) -> list[web.RouteDef]:
        users, membership = SandboxUsers(self._state), Membership(self._state)
        table: Mapping[tuple[str, str], Callable[..., Any]] = {
            ("GET", "/control/state"): self._state.view,
            ("POST", "/control/users"): self._state.add_user,
            ("POST", "/control/chats"): membership.found,
            ("POST", f"{_CHAT}/messages"): users.send,
            ("GET", f"{_CHAT}/messages"): self.messages,
            ("DELETE", f"{_CHAT}/messages/{{message_id}}"): users.delete,
            ("POST", f"{_CHAT}/edit"): users.edit,
            ("POST", f"{_CHAT}/forward"): users.forward,
            ("POST", f"{_CHAT}/callbacks"): users.press,
            ("POST", f"{_CHAT}/pay"): users.pay,
            ("POST", f"{_CHAT}/block"): membership.block,
            ("POST", f"{_CHAT}/privacy"): membership.set_privacy,
            ("POST", f"{_CHAT}/promote"): membership.promote,
            ("POST", f"{_CHAT}/migrate"): membership.migrate,
            ("POST", f"{_CHAT}/close"): membership.close,
            ("POST", "/control/inline"): users.ask_inline,
            ("POST", "/control/inline/{query_id}"): users.choose_inline,
            ("GET", "/control/files/{handle}"): self.file,
            ("POST", "/control/updates"): self.add_update,
            ("GET", "/control/calls"): self._state.calls.view,
            ("POST", "/control/faults"): self.add_fault,
            ("DELETE", "/control/faults"): self.clear_faults,
            ("GET", "/control/provider"): self.provider,
            ("POST", "/control/provider"): self.set_provider,
            ("GET", "/control/provider/{name}"): self.provider,
            ("POST", "/control/provider/{name}"): self.set_provider,
        }
        routes = [
            web.RouteDef(method, path, _answering(act), {}) for (method, path), act in table.items()
        ]
        events = web.get("/control/events", self.events)
        return [*routes, events, web.post("/control/files", self.add_file)]

    def messages(self, chat_id: int, after: int = 0) -> list[Post]:
        return [post for post in self._state.chat(chat_id).posts.values() if post.id > after]

    def add_update(self, **update: Any) -> Json:
        return {"update_id": self._state.updates.add_raw(update)}

    # Files

    async def add_file(self, request: web.Request) -> web.Response:
        path = self._state.files.new_path()
        await asyncio.to_thread(path.write_bytes, await request.read())
        key = self._state.files.keep_upload(path, request.query.get("name", "file"))
        return web.json_response({"key": key})

    def file(self, handle: str) -> web.StreamResponse:
        file = self._state.files.find(handle)
        if file is None:
            raise web.HTTPNotFound
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

    async def events(self, request: web.Request) -> web.StreamResponse:
        feed = self._state.events
        after = request.headers.get("Last-Event-ID") or request.query.get("after") or ""
        seq = int(after) if after.isdecimal() else feed.last_seq
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        try:
            # A browser may disconnect this early.
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

    # Faults and providers

    def add_fault(self, **fault: Any) -> Json:
        self._state.faults.add(Fault.model_validate(fault))
        return {"waiting": len(self._state.faults)}

    def clear_faults(self) -> Json:
        self._state.faults.clear()
        return {"waiting": 0}

    def provider(self, name: str = NAME) -> Json:
        return self._provider(name).view()

    def set_provider(self, name: str = NAME, **settings: Any) -> Json:
        return self._provider(name).ledger.change_settings(settings)

    def _provider(self, name: str) -> SimulatedProvider:
        if name not in self._providers:
            raise web.HTTPNotFound
        return self._providers[name]
