"""Bot API over HTTP: from a URL and a body to a method, and back."""

import asyncio
import hmac
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from aiohttp import web
from pydantic import ValidationError

from imgbot.sandbox.api_errors import ApiError, bad_request, too_large
from imgbot.sandbox.bot_objects import refusal_of, unknown_fields
from imgbot.sandbox.calls import Call, RawJson, UploadedFile
from imgbot.sandbox.faults import Fault
from imgbot.sandbox.methods import METHODS
from imgbot.sandbox.state import SandboxState

# Telegram does not mind the case of a method's name.
_NAMES = {name.lower(): name for name in METHODS}
_TOKEN = re.compile(r"[0-9]{1,16}:[A-Za-z0-9_-]{24,64}")
_NOT_FOUND = ApiError(404, "Not Found")
_UNAUTHORIZED = ApiError(401, "Unauthorized")
_DOWNLOAD = "download"
_UPLOAD_BYTES = 50 << 20


class BotApi:
    """Handlers of the two URLs that a bot uses: methods and files."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/bot{token}/{method}", self.call),
            web.post("/bot{token}/{method}", self.call),
            web.get("/file/bot{token}/{path:.+}", self.download),
        ]

    async def call(self, request: web.Request) -> web.StreamResponse:
        uploads: dict[str, UploadedFile] = {}
        try:
            return await self._answer(request, uploads)
        except ApiError as refusal:
            return web.json_response(refusal.body(), status=refusal.code)
        except (ConnectionError, web.RequestPayloadError):
            # The caller was killed while it was sending: nobody is there to be answered.
            return web.Response()
        finally:
            for upload in uploads.values():
                upload.path.unlink(missing_ok=True)

    async def _answer(
        self, request: web.Request, uploads: dict[str, UploadedFile]
    ) -> web.StreamResponse:
        self._check_token(request.match_info["token"])
        name = request.match_info["method"]
        method = _NAMES.get(name.lower())
        if method is None:
            self._state.calls.violation(f"unknown method {name}")
            self._state.calls.record(name, "", _NOT_FOUND)
            raise _NOT_FOUND
        try:
            values = await _read_call(request, self._state.files.new_path, uploads)
        except ApiError as refusal:
            self._state.calls.record(method, "", refusal)
            raise
        fault = self._state.faults.take(method, values.get("chat_id", ""))
        if fault and fault.kind == "drop_before":
            return _cut(request)
        if fault and fault.kind == "gateway":
            return _error_page(fault)
        call = Call(self._state, uploads, lambda: _is_gone(request))
        result = await self._perform(method, values, call, fault)
        if fault and fault.kind == "drop_after":
            return _cut(request)
        text = result if isinstance(result, RawJson) else json.dumps(result, ensure_ascii=False)
        return web.Response(text=f'{{"ok":true,"result":{text}}}', content_type="application/json")

    async def _perform(
        self, method: str, values: dict[str, str], call: Call, fault: Fault | None
    ) -> Any:
        """Run the method and log the outcome."""
        refusal: ApiError | None = None
        try:
            if fault:
                await self._apply(fault)
            parameters = METHODS[method].model_validate(values)
            for violation in unknown_fields(parameters):
                self._state.calls.violation(violation)
            return await parameters.act(call)
        except ValidationError as error:
            refusal = refusal_of(error)
            raise refusal from None
        except ApiError as error:
            refusal = error
            raise
        finally:
            self._state.calls.record(method, values.get("chat_id", ""), refusal)

    async def download(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_token(request.match_info["token"])
            fault = self._state.faults.take(_DOWNLOAD, "")
            if fault and fault.kind in {"drop_before", "drop_after"}:
                return _cut(request)
            if fault:
                await self._apply(fault)
            file = self._state.files.by_file_path(request.match_info["path"])
            if file is None:
                raise _NOT_FOUND
        except ApiError as refusal:
            return web.json_response(refusal.body(), status=refusal.code)
        headers = {"Content-Type": "application/octet-stream"}
        return web.FileResponse(file.path, headers=headers)

    async def _apply(self, fault: Fault) -> None:
        if fault.kind == "delay":
            await self._state.faults.delay(fault.delay_s)
        if refusal := fault.refusal():
            raise refusal

    def _check_token(self, token: str) -> None:
        if not _TOKEN.fullmatch(token):
            raise _NOT_FOUND
        if not hmac.compare_digest(token, self._state.token):
            raise _UNAUTHORIZED


async def _read_call(
    request: web.Request, new_path: Callable[[], Path], uploads: dict[str, UploadedFile]
) -> dict[str, str]:
    """Return the parameters from the URL and the body; files go to `uploads`."""
    values = dict(request.query.items())
    if request.content_type == "application/json":
        return values | _from_json(await request.read())
    try:
        form = await request.post()
    except ValueError:
        raise bad_request("can't parse multipart form data") from None
    size_bytes = 0
    for name, part in form.items():
        if isinstance(part, web.FileField):
            path = new_path()
            await asyncio.to_thread(_keep, part, path)
            uploads[name] = UploadedFile(path, part.filename, path.stat().st_size)
            size_bytes += uploads[name].size_bytes
        else:
            values[name] = str(part)
    if size_bytes > _UPLOAD_BYTES:
        raise too_large()
    return values


def _keep(part: web.FileField, path: Path) -> None:
    with path.open("wb") as file:
        shutil.copyfileobj(part.file, file)


def _from_json(body: bytes) -> dict[str, str]:
    try:
        given: Any = json.loads(body or b"{}")
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise bad_request("can't parse JSON object")
    parameters = cast("dict[str, Any]", given)
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in parameters.items()
        if value is not None
    }


def _is_gone(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _error_page(fault: Fault) -> web.StreamResponse:
    """Return a gateway's error page in an encoding other than UTF-8."""
    page = f"<html><h1>{fault.error_code} Сервер недоступен</h1></html>".encode("cp1251")
    return web.Response(status=fault.error_code, body=page, content_type="text/html")


def _cut(request: web.Request) -> web.StreamResponse:
    """Close the connection; the returned response is never sent."""
    if request.transport:
        request.transport.abort()
    return web.Response()
