"""kie's upload host: three ways to bring a file, which gets a public address."""

import base64
import binascii
import secrets
from collections.abc import Mapping
from mimetypes import guess_type
from typing import Any
from urllib.parse import quote, unquote

from aiohttp import web

from imgbot.sandbox.provider_orders import Refusal
from imgbot.sandbox.simulators.hosted import HostedSimulator
from imgbot.sandbox.simulators.inputs import decode_data_uri
from imgbot.sandbox.simulators.shared import Handler

_STREAM_BYTES = 100 << 20
_BASE64_BYTES = 10 << 20
_NAME_CHARACTERS = 200


class Uploads:
    """The endpoints of the upload host. A file of the same path and name is overwritten."""

    def __init__(self, simulator: HostedSimulator) -> None:
        self._simulator = simulator

    def keyed_handlers(self) -> dict[tuple[str, str], Handler]:
        return {
            ("POST", "/upload/api/file-stream-upload"): self.stream,
            ("POST", "/upload/api/file-base64-upload"): self.base64,
            ("POST", "/upload/api/file-url-upload"): self.address,
        }

    def open_handlers(self) -> dict[tuple[str, str], Handler]:
        return {("GET", "/upload/files/{path:.+}"): self.show}

    async def stream(self, request: web.Request) -> web.StreamResponse:
        parts = await self._simulator.read_form(request, _STREAM_BYTES)
        part = parts.get("file")
        if part is None or part.filename is None:
            raise Refusal(400, "file", "file is required")
        fields = {name: field.text for name, field in parts.items() if field.filename is None}
        return self._keep(part.content, fields, part.content_type)

    async def base64(self, request: web.Request) -> web.StreamResponse:
        fields = await self._simulator.read_object(request)
        text = _text(fields, "base64Data", required=True)
        content = decode_data_uri(text) if text.startswith("data:") else _decoded(text)
        if content is None or len(content) > _BASE64_BYTES:
            raise Refusal(400, "file", "base64Data is invalid or exceeds 10MB")
        return self._keep(content, fields, "")

    async def address(self, request: web.Request) -> web.StreamResponse:
        fields = await self._simulator.read_object(request)
        content = await self._simulator.fetch(_text(fields, "fileUrl", required=True))
        if content is None:
            raise Refusal(500, "file", "Failed to download the file from the URL")
        return self._keep(content, fields, "")

    async def show(self, request: web.Request) -> web.StreamResponse:
        upload = self._simulator.uploads.find(request.match_info["path"])
        if upload is None:
            raise web.HTTPNotFound
        kept = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        return web.Response(body=upload.content, content_type=upload.content_type, headers=kept)

    def content(self, address: str) -> bytes | None:
        prefix = f"{self._simulator.base_url}/upload/files/"
        upload = self._simulator.uploads.find(unquote(address.removeprefix(prefix)))
        return upload.content if upload and address.startswith(prefix) else None

    def _keep(self, content: bytes, fields: Mapping[str, Any], kind: str) -> web.Response:
        folder = _text(fields, "uploadPath", required=True).strip("/")
        name = _text(fields, "fileName") or f"{secrets.token_hex(8)}.jpg"
        path = f"{folder}/{name}"
        kind = kind or guess_type(name)[0] or "application/octet-stream"
        simulator = self._simulator
        simulator.uploads.keep(content, kind, path, upload_id=path)
        data = {
            "success": True,
            "fileName": name,
            "filePath": path,
            "downloadUrl": f"{simulator.base_url}/upload/files/{quote(path)}",
            "fileSize": len(content),
            "mimeType": kind,
            "uploadedAt": simulator.timestamp(simulator.now()),
        }
        answer = {"success": True, "code": 200, "msg": "File uploaded successfully", "data": data}
        return web.json_response(answer)


def _text(fields: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str) or (required and not value):
        raise Refusal(400, "invalid", f"{name} is required")
    if len(value) > _NAME_CHARACTERS and name != "base64Data":
        raise Refusal(400, "invalid", f"{name} is too long")
    return value


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
