"""Input pictures in a request: inline, or uploaded first; never as a Telegram URL.

An upload costs nothing and creates no task, so a failed one may always be repeated.
"""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.providers.declarative.responses import refusal
from imgbot.providers.declarative.spec import Spec, UploadRule
from imgbot.providers.declarative.templates import fill, first_text
from imgbot.providers.http import ProviderHttpClient, ProviderResponse
from imgbot.providers.protocol import GenerationRequest

_MIMES = {".jpg": "image/jpeg", ".png": "image/png"}
_BASE64_GROWTH = 4 / 3


@dataclass(frozen=True, slots=True)
class _File:
    """One picture to send."""

    path: Path
    name: str
    mime: str
    size_bytes: int

    async def content(self) -> bytes:
        return await asyncio.to_thread(self.path.read_bytes)

    async def text(self) -> str:
        return base64.b64encode(await self.content()).decode()


class InputUploader:
    """Turns the pictures of a request into the strings its body carries."""

    def __init__(self, spec: Spec, client: ProviderHttpClient, urls: Mapping[str, str]) -> None:
        self._spec = spec
        self._client = client
        self._urls = urls

    async def upload_all(self, order: GenerationRequest) -> tuple[str, ...]:
        """Return one string per picture, in order. Raises ProviderError; no task exists then."""
        files = [_file(order.job_id, index, path) for index, path in enumerate(order.pictures)]
        return tuple([await self._one(file) for file in files])

    async def _one(self, file: _File) -> str:
        rules = self._spec.inputs
        limit = rules.data_uri_max_bytes
        is_long = limit and file.size_bytes * _BASE64_GROWTH > limit
        if rules.hand_over == "upload" or (rules.hand_over == "data_uri" and is_long):
            return await self._upload(file)
        text = await file.text()
        return text if rules.hand_over == "base64" else f"data:{file.mime};base64,{text}"

    async def _upload(self, file: _File) -> str:
        upload = self._spec.upload
        if upload is None:
            raise ProviderError(
                ProviderErrorKind.UNSUITABLE, "the picture is too large to send inline"
            )
        url = fill(upload.url, {**self._urls, **_values(file)}, {})
        match upload.kind:
            case "multipart":
                answer = await self._post_form(upload, url, file)
            case "json":
                values = {**_values(file), "data": await file.text()}
                body = fill(upload.body, values, {})
                answer = await self._client.ask("POST", url, json=body)
            case "presigned":
                answer = await self._put(upload, url, file)
            case "token":
                answer = await self._post_with_token(upload, url, file)
        return self._found(answer, upload.result)

    async def _post_form(self, upload: UploadRule, url: str, file: _File) -> ProviderResponse:
        fields = fill(upload.fields, _values(file), {})
        files = {upload.file: (file.name, await file.content(), file.mime)}
        return await self._client.ask("POST", url, data=fields, files=files)

    async def _put(self, upload: UploadRule, url: str, file: _File) -> ProviderResponse:
        answer = await self._client.ask("POST", url, json=fill(upload.body, _values(file), {}))
        there = self._found(answer, upload.put)
        headers = {"Content-Type": file.mime}
        done = await self._client.ask(
            "PUT", there, is_public=True, content=await file.content(), headers=headers
        )
        if not done.is_success:
            raise ProviderError(ProviderErrorKind.UNAVAILABLE, f"upload: HTTP {done.status}")
        return answer

    async def _post_with_token(self, upload: UploadRule, url: str, file: _File) -> ProviderResponse:
        answer = await self._client.ask("POST", url, json=fill(upload.body, _values(file), {}))
        base = self._found(answer, upload.base)
        token = self._found(answer, upload.token)
        kind = first_text(answer.content, upload.token_type) or "Bearer"
        headers = {
            "Authorization": f"{kind} {token}",
            "Content-Type": file.mime,
            "X-Fal-File-Name": file.name,
        }
        there = base.rstrip("/") + upload.path
        return await self._client.ask(
            "POST", there, is_public=True, content=await file.content(), headers=headers
        )

    def _found(self, answer: ProviderResponse, paths: tuple[str, ...]) -> str:
        if (error := refusal(self._spec, "upload", answer)) is not None:
            raise error
        found = first_text(answer.content, paths)
        if not found:
            raise ProviderError(ProviderErrorKind.UNAVAILABLE, "the upload response has no URL")
        return found


def _file(job_id: str, index: int, path: Path) -> _File:
    # Unique names: some providers overwrite by name and serve the old file from a cache.
    suffix = path.suffix if path.suffix in _MIMES else ".jpg"
    return _File(path, f"{job_id}-{index}{suffix}", _MIMES[suffix], path.stat().st_size)


def _values(file: _File) -> dict[str, Any]:
    return {"file_name": file.name, "mime": file.mime, "size_bytes": file.size_bytes}
