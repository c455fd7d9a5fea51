"""Replicate's files API: uploads that an input may point at."""

import json
from typing import Any, cast

from aiohttp import web

from imgbot.sandbox.simulators.fields import Problem
from imgbot.sandbox.simulators.hosted import HostedSimulator, Invalid
from imgbot.sandbox.simulators.inputs import Upload
from imgbot.sandbox.simulators.multipart import Part
from imgbot.sandbox.simulators.replicate_refusals import no_such_thing
from imgbot.sandbox.simulators.shared import Handler

_FILE_BYTES = 100 << 20
_NAME_BYTES = 255
_LIFETIME_S = 86400.0


class Files:
    """The endpoints below `/v1/files`."""

    def __init__(self, simulator: HostedSimulator) -> None:
        self._simulator = simulator

    def handlers(self) -> dict[tuple[str, str], Handler]:
        return {
            ("POST", "/files"): self.create,
            ("GET", "/files"): self.listed,
            ("GET", "/files/{id}"): self.show,
            ("DELETE", "/files/{id}"): self.delete,
        }

    async def create(self, request: web.Request) -> web.StreamResponse:
        parts = await self._simulator.read_form(request, _FILE_BYTES)
        part = parts.get("content")
        if part is None or part.filename is None:
            raise Invalid([Problem("content", "missing")])
        if len(part.filename.encode()) > _NAME_BYTES:
            raise Invalid([Problem("content.filename", "format")])
        metadata = _metadata(parts.get("metadata"))
        upload = self._simulator.uploads.keep(
            part.content, part.content_type, part.filename, metadata=metadata
        )
        return web.json_response(self._view(upload), status=201)

    async def listed(self, _request: web.Request) -> web.StreamResponse:
        shown = [self._view(upload) for upload in self._simulator.uploads.uploads[:-101:-1]]
        return web.json_response({"previous": None, "next": None, "results": shown})

    async def show(self, request: web.Request) -> web.StreamResponse:
        upload = self._simulator.uploads.find(request.match_info["id"])
        if upload is None:
            raise no_such_thing()
        return web.json_response(self._view(upload))

    async def delete(self, request: web.Request) -> web.StreamResponse:
        if not self._simulator.uploads.drop(request.match_info["id"]):
            raise no_such_thing()
        return web.Response(status=204)

    def _view(self, upload: Upload) -> dict[str, Any]:
        simulator = self._simulator
        now = simulator.now()
        return {
            "id": upload.id,
            "name": upload.name,
            "content_type": upload.content_type,
            "size": len(upload.content),
            "etag": upload.sha256[:32],
            "checksums": {"sha256": upload.sha256},
            "metadata": dict(upload.metadata),
            "created_at": simulator.timestamp(now),
            "expires_at": simulator.timestamp(now + _LIFETIME_S),
            "urls": {"get": f"{simulator.base_url}/v1/files/{upload.id}"},
        }


def _metadata(part: Part | None) -> dict[str, Any]:
    if part is None:
        return {}
    try:
        given: Any = json.loads(part.text)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise Invalid([Problem("metadata", "format")])
    return cast("dict[str, Any]", given)
