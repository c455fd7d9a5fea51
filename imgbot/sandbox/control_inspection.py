"""Control interface, part two: files, events, calls, faults."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from imgbot.sandbox.control_http import read_wish, routes_of
from imgbot.sandbox.faults import fault_from
from imgbot.sandbox.played_preset import PlayedPreset
from imgbot.sandbox.provider import SimulatedProviderServer
from imgbot.sandbox.request_parsing import read_to_file
from imgbot.sandbox.state import SandboxState

_FILE_BYTES = 64 << 20
_HEARTBEAT_S = 15.0
_SHOWN_INLINE = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp"})


class InspectionControl:
    """Files, events, calls, faults and the simulated provider."""

    def __init__(
        self,
        world: SandboxState,
        provider: SimulatedProviderServer,
        presets: Mapping[str, PlayedPreset],
    ) -> None:
        self._world = world
        self._provider = provider
        self._presets = presets

    def routes(self) -> list[web.RouteDef]:
        return routes_of(
            {
                ("POST", "/control/files"): self.add_file,
                ("GET", "/control/files/{handle}"): self.file,
                ("POST", "/control/updates"): self.add_update,
                ("GET", "/control/events"): self.events,
                ("GET", "/control/calls"): self.calls,
                ("POST", "/control/faults"): self.add_fault,
                ("DELETE", "/control/faults"): self.clear_faults,
                ("GET", "/control/provider"): self.provider,
                ("POST", "/control/provider"): self.set_provider,
                ("GET", "/control/provider/{name}"): self.preset,
                ("POST", "/control/provider/{name}"): self.set_preset,
            }
        )

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
        # A document may be a hostile page: it must not run in the chat page's origin.
        headers = {
            "Content-Type": file.mime,
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
        }
        if file.mime not in _SHOWN_INLINE:
            headers["Content-Disposition"] = "attachment"
        return web.FileResponse(file.path, headers=headers)

    async def add_update(self, request: web.Request) -> web.StreamResponse:
        update_id = self._world.updates.add_raw((await read_wish(request)).fields)
        return web.json_response({"update_id": update_id})

    async def events(self, request: web.Request) -> web.StreamResponse:
        feed = self._world.events
        after = request.headers.get("Last-Event-ID") or request.query.get("after")
        seq = int(after) if after else feed.last_seq
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

    async def calls(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self._world.calls.view())

    async def add_fault(self, request: web.Request) -> web.StreamResponse:
        self._world.faults.add(fault_from((await read_wish(request)).fields))
        return web.json_response({"waiting": len(self._world.faults)})

    async def clear_faults(self, _request: web.Request) -> web.StreamResponse:
        self._world.faults.clear()
        return web.json_response({"waiting": 0})

    async def provider(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response(self._provider.view())

    async def set_provider(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._provider.change_settings((await read_wish(request)).fields))

    async def preset(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._played(request).view())

    async def set_preset(self, request: web.Request) -> web.StreamResponse:
        settings = self._played(request).book.settings
        settings.change((await read_wish(request)).fields)
        return web.json_response(settings.view())

    def _played(self, request: web.Request) -> PlayedPreset:
        preset = self._presets.get(request.match_info["name"])
        if preset is None:
            raise web.HTTPNotFound(
                text=json.dumps({"error": "no such provider"}), content_type="application/json"
            )
        return preset
