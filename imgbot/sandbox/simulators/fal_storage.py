"""fal's storage: a token for uploads, the CDN that keeps them, and the older way by PUT."""

import secrets
from collections import OrderedDict
from typing import Any
from urllib.parse import quote

from aiohttp import web

from imgbot.sandbox.provider_orders import Refusal
from imgbot.sandbox.request_parsing import read_bounded
from imgbot.sandbox.simulators import serving
from imgbot.sandbox.simulators.hosted import HostedSimulator
from imgbot.sandbox.simulators.shared import Handler

_FILE_BYTES = 100 << 20
_MOST_TOKENS = 1000
_TOKEN_S = 600.0
_STALL_BYTES = 600


class Storage:
    """The endpoints of `rest.fal.ai/storage` and of the CDN."""

    def __init__(self, simulator: HostedSimulator) -> None:
        self._simulator = simulator
        self._tokens: OrderedDict[str, None] = OrderedDict()

    def keyed_handlers(self) -> dict[tuple[str, str], Handler]:
        """What needs the account's key."""
        return {
            ("POST", "/rest/storage/auth/token"): self.make_token,
            ("POST", "/rest/storage/upload/initiate"): self.initiate,
        }

    def open_handlers(self) -> dict[tuple[str, str], Handler]:
        """What needs a token, or nothing."""
        return {
            ("POST", "/cdn/files/upload"): self.upload,
            ("PUT", "/cdn/files/{id}/{name}"): self.put,
            ("GET", "/cdn/files/{id}/{name}"): self.show,
        }

    async def make_token(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("storage_type") != "fal-cdn-v3":
            raise Refusal(422, "invalid", "storage_type must be fal-cdn-v3")
        token = self._remember(secrets.token_urlsafe(24))
        simulator = self._simulator
        answer = {
            "token": token,
            "token_type": "Bearer",
            "base_url": f"{simulator.base_url}/cdn",
            "expires_at": simulator.timestamp(simulator.now() + _TOKEN_S).replace("Z", "+00:00"),
        }
        return web.json_response(answer)

    async def initiate(self, request: web.Request) -> web.StreamResponse:
        given = await self._simulator.read_object(request)
        name, kind = given.get("file_name"), given.get("content_type")
        if not isinstance(name, str) or not isinstance(kind, str):
            raise Refusal(422, "invalid", "file_name and content_type are required")
        url = self._address(self._remember(secrets.token_hex(12)), name)
        return web.json_response({"upload_url": url, "file_url": url})

    async def upload(self, request: web.Request) -> web.StreamResponse:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Bearer" or token not in self._tokens:
            raise Refusal(401, "unauthorized", "Invalid token")
        name = request.headers.get("X-Fal-File-Name", "upload.bin")
        upload_id = secrets.token_hex(12)
        await self._keep(request, upload_id, name)
        if "[[sim:stalled_upload" in self._simulator.book.settings.marks:
            return await serving.drip(request, b" " * _STALL_BYTES, "application/json")
        return web.json_response({"access_url": self._address(upload_id, name)})

    async def put(self, request: web.Request) -> web.StreamResponse:
        """Take what was announced; its address is the permission."""
        upload_id = request.match_info["id"]
        if upload_id not in self._tokens:
            raise Refusal(403, "forbidden", "Forbidden")
        await self._keep(request, upload_id, request.match_info["name"])
        return web.Response()

    async def show(self, request: web.Request) -> web.StreamResponse:
        upload = self._simulator.uploads.find(request.match_info["id"])
        if upload is None:
            raise Refusal(404, "not_found", "Not Found")
        kept = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        return web.Response(body=upload.content, content_type=upload.content_type, headers=kept)

    def content(self, address: str) -> bytes | None:
        prefix = f"{self._simulator.base_url}/cdn/files/"
        upload = self._simulator.uploads.find(address.removeprefix(prefix).partition("/")[0])
        return upload.content if upload and address.startswith(prefix) else None

    def _address(self, upload_id: str, name: str) -> str:
        return f"{self._simulator.base_url}/cdn/files/{upload_id}/{quote(name, safe='')}"

    def _remember(self, token: str) -> str:
        self._tokens[token] = None
        while len(self._tokens) > _MOST_TOKENS:
            self._tokens.popitem(last=False)
        return token

    async def _keep(self, request: web.Request, upload_id: str, name: str) -> Any:
        content = await read_bounded(request.content, _FILE_BYTES)
        if content is None:
            raise Refusal(413, "too_large", "File too large")
        return self._simulator.uploads.keep(
            content, request.content_type, name, upload_id=upload_id
        )
