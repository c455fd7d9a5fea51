"""The control interface: JSON over HTTP for the chat page, for tests and for load (README.md)."""

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
