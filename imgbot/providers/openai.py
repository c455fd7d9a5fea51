"""OpenAI's Images API and compatible servers: the response is the picture.

There are no tasks to poll, look up or cancel. A lost response may be a picture that was made and
charged, so nothing is repeated on a guess.
"""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urljoin

import httpx

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.operations import ACTIONS, Operation
from imgbot.providers.fields import filled, has_key_slot, micro
from imgbot.providers.http import (
    PICTURES_LIMIT_BYTES,
    ProviderHttpClient,
    ProviderResponse,
    copy_result,
    keep_base64,
)
from imgbot.providers.openai_answers import picture_of
from imgbot.providers.openai_spec import ImagesApiModel, OpenAiSpec
from imgbot.providers.protocol import (
    Accepted,
    Capability,
    Done,
    GenerationRequest,
    InputLimits,
    Output,
    Provider,
    ProviderConfig,
    Timeouts,
)
from imgbot.providers.url_policy import Hosts

_KIND = ProviderErrorKind
_CONNECT_S = 10.0
_MIMES = {".png": "image/png"}


class OpenAiProvider(Provider):
    """One server; `spec` is its spec file."""

    has_account = True

    def __init__(self, name: str, spec: OpenAiSpec, config: ProviderConfig) -> None:
        self.name = name
        self.max_concurrent = spec.limits.jobs
        self._spec = spec
        self._key = config.key
        self._base_url = (config.url or spec.url).rstrip("/")
        self._models = {
            operation: model
            for operation in ACTIONS
            if (model := spec.model_for(operation, config.models.get(operation, ""))) is not None
        }
        self.offers: Mapping[Operation, Capability] = {
            operation: _offer(spec, model, operation, config)
            for operation, model in self._models.items()
        }
        deadlines = _timeouts(spec, config)
        # A picture takes minutes in which no byte arrives.
        self._timeout = httpx.Timeout(deadlines.submit_s, connect=_CONNECT_S)
        self._client = ProviderHttpClient(
            Hosts((self._base_url,), ()),
            _headers(spec, config.key),
            deadlines=deadlines,
            answer_limit_bytes=PICTURES_LIMIT_BYTES,
        )

    async def submit(self, order: GenerationRequest) -> Accepted | Done:
        model = self._models.get(order.operation)
        if model is None:
            raise ProviderError(_KIND.INVALID, f"no model for {order.operation}", is_billed=False)
        fields = self._fields(order, model)
        if order.operation is Operation.CREATE:
            answer = await self._post("/images/generations", json=fields)
        else:
            answer = await self._post_pictures("/images/edits", fields, order.pictures)
        found = picture_of(answer, self._key)
        if found.url:
            return Done((Output(url=urljoin(f"{self._base_url}/", found.url)),))
        await keep_base64(found.encoded, order.target)
        return Done((Output(path=str(order.target)),))

    async def fetch(self, output: Output, target: Path) -> None:
        if output.url:
            await self._client.fetch(output.url, target)
            return
        await copy_result(output.path, target)

    async def balance(self) -> None:
        """Check the key by listing models; the API does not tell the balance."""
        answer = await self._client.ask("GET", f"{self._base_url}/models")
        if answer.status in {401, 403}:
            raise ProviderError(_KIND.AUTH, f"HTTP {answer.status}")

    async def aclose(self) -> None:
        await self._client.aclose()

    def _fields(self, order: GenerationRequest, model: ImagesApiModel) -> dict[str, Any]:
        fields: dict[str, Any] = dict(model.body)
        fields["prompt"] = self._spec.prompt_for(order.operation, order.prompt)
        if model.id:
            fields["model"] = model.id
        if "size" not in fields and (size := self._spec.sizes.size_of(order.ratio)):
            fields["size"] = size
        if self._spec.response_format != "none":
            fields["response_format"] = self._spec.response_format
        return fields

    async def _post(self, path: str, **options: Any) -> ProviderResponse:
        url = f"{self._base_url}{path}"
        return await self._client.submit("POST", url, timeout=self._timeout, **options)

    async def _post_pictures(
        self, path: str, fields: Mapping[str, Any], pictures: tuple[Path, ...]
    ) -> ProviderResponse:
        form = {name: _form_text(value) for name, value in fields.items()}
        with ExitStack() as stack:
            files = await asyncio.to_thread(_opened, stack, pictures)
            # Servers tell the pictures apart by position, and reject them without a type.
            parts = [
                (self._spec.edit_field, (path.name, file, _MIMES.get(path.suffix, "image/jpeg")))
                for path, file in zip(pictures, files, strict=True)
            ]
            return await self._post(path, data=form, files=parts)


def _offer(
    spec: OpenAiSpec, model: ImagesApiModel, operation: Operation, config: ProviderConfig
) -> Capability:
    rules = spec.inputs
    most = model.pictures if operation is Operation.MERGE else 1
    return Capability(
        model=model.id,
        price_micro=config.prices_micro.get(operation, micro(model.price_usd)),
        inputs=InputLimits(most, rules.max_side_px, rules.max_bytes, frozenset(rules.formats)),
    )


def _timeouts(spec: OpenAiSpec, config: ProviderConfig) -> Timeouts:
    """Return the spec file's timeouts, unless the operator set others."""
    if config.deadlines != Timeouts():
        return config.deadlines
    return replace(config.deadlines, submit_s=spec.timeout_s)


def _headers(spec: OpenAiSpec, key: str) -> dict[str, str]:
    headers = filled(spec.headers, key)
    if key and not has_key_slot(spec.headers):
        headers["Authorization"] = f"Bearer {key}"
    return headers


def _opened(stack: ExitStack, paths: tuple[Path, ...]) -> list[BinaryIO]:
    return [stack.enter_context(path.open("rb")) for path in paths]


def _form_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
