"""OpenAI's Images API and compatible servers: the response is the picture.

There are no tasks to poll, look up or cancel. A lost response may be a picture that was made and
charged, so nothing is repeated on a guess.
"""

import asyncio
import re
from collections.abc import Collection, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urljoin

from pydantic import AfterValidator, Field, field_validator, model_validator

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.domain.ratios import fitted, nearest, value_of
from imgbot.providers.http import (
    ORDER_KINDS,
    PICTURES_LIMIT_BYTES,
    ProviderHttpClient,
    ProviderResponse,
    copy_result,
    keep_base64,
    proves_refusal,
    retry_after_s,
)
from imgbot.providers.protocol import (
    Accepted,
    Capability,
    Done,
    GenerationRequest,
    Output,
    Provider,
    ProviderConfig,
    Timeouts,
)
from imgbot.providers.spec_file import (
    KEY_SLOT,
    LocatedTable,
    ModelNotes,
    ModelSpec,
    OfferedOperation,
    PriceUsd,
    ProviderName,
    ServerSpec,
    price_or_guess,
    with_key,
)
from imgbot.providers.url_policy import Hosts


def _is_served(value: Operation) -> Operation:
    # The API has no upscaler.
    if OPERATIONS[value].has_scale:
        raise ValueError(f"the API does not {value}")
    return value


Served = Annotated[OfferedOperation, AfterValidator(_is_served)]

SizeText = Annotated[str, Field(pattern=r"^[1-9]\d{1,4}x[1-9]\d{1,4}$")]

_RESERVED = frozenset(
    {"model", "prompt", "image", "image[]", "mask", "n", "stream", "partial_images"}
    | {"response_format"}
)


class Sizes(LocatedTable):
    """Mapping of a ratio to `size`: from a list, or by area; with neither, none is sent."""

    listed: Mapping[str, SizeText] = Field(default_factory=dict[str, str])
    default: Annotated[str, Field(pattern=r"^(|auto|[1-9]\d{1,4}x[1-9]\d{1,4})$")] = ""
    """Sent if no ratio is requested; empty leaves the size to the server."""
    area_px: Annotated[int, Field(ge=0, le=1 << 26)] = 0
    multiple_of_px: Annotated[int, Field(ge=1, le=256)] = 16

    @model_validator(mode="after")
    def _is_usable(self) -> "Sizes":
        if wrong := [ratio for ratio in self.listed if value_of(ratio) is None]:
            raise ValueError(f"{wrong[0]!r} is not a ratio; write it like 16:9")
        if self.listed and self.area_px:
            raise ValueError("set either listed or area_px, not both")
        return self

    def size_of(self, ratio: str) -> str:
        """Return the nearest size; empty if none is to be sent."""
        if self.listed:
            return self.listed.get(nearest(ratio, self.listed), self.default)
        sides = fitted(ratio, self.area_px, self.multiple_of_px) if self.area_px else None
        return f"{sides[0]}x{sides[1]}" if sides else self.default


class ImagesApiModel(ModelNotes):
    """One model, its operations, and further fields of its requests."""

    operations: Annotated[tuple[Served, ...], Field(min_length=1)]
    id: str = ""
    """Empty sends none, for servers with a single model."""
    price_usd: PriceUsd | None = None
    pictures: Annotated[int, Field(ge=1, le=16)] = 1
    """Maximum number of pictures."""
    body: Mapping[str, str | int | float | bool] = Field(
        default_factory=dict[str, "str | int | float | bool"]
    )

    @field_validator("body")
    @classmethod
    def _leaves_room(cls, value: Mapping[str, object]) -> Mapping[str, object]:
        if taken := sorted(value.keys() & _RESERVED):
            raise ValueError(f"{taken[0]} is set by imgbot itself")
        return value


class OpenAiSpec(ModelSpec[ImagesApiModel], ServerSpec):
    """Complete spec file of one server."""

    adapter: Literal["openai"]
    name: ProviderName = "openai"
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 600.0
    response_format: Literal["none", "b64_json"] = "none"
    edit_field: Literal["image[]", "image"] = "image[]"
    sizes: Sizes = Sizes()
    prompts: Mapping[Served, str] = Field(default_factory=dict[Operation, str])
    """Default prompt where the user gave none; prefix of the user's prompt for retouch."""

    def usual_for(self, operation: Operation) -> ImagesApiModel | None:
        """Return the usual model, which need not be one of the file."""
        serving = next((each for each in self.models if operation in each.operations), None)
        renamed = {"id": self.usual.get(operation, "")}
        return super().usual_for(operation) or (serving and serving.model_copy(update=renamed))

    def offer(
        self, operation: Operation, model: ImagesApiModel, own_usd: float | None
    ) -> Capability:
        return Capability(
            model=model.id,
            price_micro=price_or_guess(own_usd, model.price_usd, self.key),
            inputs=self.inputs.limits(model.pictures if operation is Operation.MERGE else 1),
            **model.notes(model.id),
        )


_KIND = ProviderErrorKind


class OpenAiProvider(Provider):
    """One server; `spec` is its spec file."""

    has_account = True

    def __init__(self, spec: OpenAiSpec, config: ProviderConfig) -> None:
        spec.introduce(self, config)
        self._file = self._spec = spec
        self._announced: Mapping[str, date] = {}
        self._key = config.key
        self._base_url = (config.url or spec.url).rstrip("/")
        self.urls = (self._base_url,)
        headers = with_key(spec.headers, config.key)
        if config.key and not any(KEY_SLOT in text for text in spec.headers.values()):
            headers["Authorization"] = f"Bearer {config.key}"
        deadlines = config.deadlines
        if deadlines == Timeouts():
            deadlines = replace(deadlines, submit_s=spec.timeout_s)
        self.submit_s = deadlines.submit_s
        self._client = ProviderHttpClient(
            Hosts((self._base_url,), ()),
            headers,
            deadlines=deadlines,
            answer_limit_bytes=PICTURES_LIMIT_BYTES,
        )

    async def submit(self, order: GenerationRequest) -> Accepted | Done:
        fields = self._fields(order, self._spec.model_for(order))
        if order.operation is Operation.CREATE:
            answer = await self._post("/images/generations", json=fields)
        else:
            answer = await self._post_pictures(fields, order)
        encoded, url = picture_of(answer, self._key)
        if url:
            return Done((Output(url=urljoin(f"{self._base_url}/", url)),))
        await keep_base64(encoded, order.target)
        return Done((Output(path=str(order.target)),))

    async def fetch(self, output: Output, target: Path) -> None:
        if output.url:
            await self._client.fetch(output.url, target)
        else:
            await copy_result(output.path, target)

    async def balance(self) -> None:
        """Check the key by listing models; the API does not tell the balance."""
        answer = await self._client.ask("GET", f"{self._base_url}/models")
        if answer.status in {401, 403}:
            raise ProviderError(_KIND.AUTH, f"HTTP {answer.status}")

    async def ask_retirements(self) -> None:
        answer = await self._client.ask("GET", f"{self._base_url}/models")
        if answer.is_success:
            self._announced = shutdown_dates(answer.content)

    def renew(self, today: date, agreed: Collection[str] = ()) -> None:
        self._spec, self.retirements = self._file.renewed(today, self._announced, agreed)
        self._spec.offer_to(self)

    async def aclose(self) -> None:
        await self._client.aclose()

    def _fields(self, order: GenerationRequest, model: ImagesApiModel) -> dict[str, Any]:
        fields: dict[str, Any] = dict(model.body)
        fields["prompt"] = order.prompt_by(self._spec.prompts)
        if model.id:
            fields["model"] = model.id
        if "size" not in fields and (size := self._spec.sizes.size_of(order.ratio)):
            fields["size"] = size
        if self._spec.response_format != "none":
            fields["response_format"] = self._spec.response_format
        return fields

    async def _post(self, path: str, **options: Any) -> ProviderResponse:
        return await self._client.submit("POST", f"{self._base_url}{path}", **options)

    async def _post_pictures(
        self, fields: Mapping[str, Any], order: GenerationRequest
    ) -> ProviderResponse:
        texts = {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in fields.items()
        }
        with ExitStack() as stack:
            # Servers tell the pictures apart by position, and reject them without a type.
            files = [
                (
                    "mask" if path == order.mask else self._spec.edit_field,
                    (
                        path.name,
                        stack.enter_context(await asyncio.to_thread(path.open, "rb")),
                        "image/png" if path.suffix == ".png" else "image/jpeg",
                    ),
                )
                for path in order.files
            ]
            return await self._post("/images/edits", data=texts, files=files)


def shutdown_dates(content: Any) -> dict[str, date]:
    """Return the days in a list of models, by their ids; compatible servers tell none."""
    found: dict[str, date] = {}
    data = content.get("data") if isinstance(content, dict) else None
    for each in data if isinstance(data, list) else []:
        with suppress(LookupError, TypeError, ValueError):
            found[str(each["id"])] = date.fromisoformat(each["shutdown_date"])
    return found


# Gateways send these with any status, so they come before it.
_BY_CODE = {
    "moderation_blocked": _KIND.MODERATED,
    "content_policy_violation": _KIND.MODERATED,
    "insufficient_quota": _KIND.NO_CREDIT,
    "billing_hard_limit_reached": _KIND.NO_CREDIT,
    "billing_not_active": _KIND.NO_CREDIT,
    "model_not_found": _KIND.NOT_FOUND,
}
_BY_STATUS = {**ORDER_KINDS, 415: _KIND.UNSUITABLE}
_PICTURE_CODE = re.compile(
    r"image_(parse_error|too_large)|unsupported_(file_mimetype|image)"
    r"|invalid_(base64_image|image|image_file|image_format)"
)
_PICTURE_PARAM = re.compile(r"(image|images|mask)(\[.*)?")
_MODERATED = re.compile(r"safety system|content policy|moderation", re.IGNORECASE)


def picture_of(answer: ProviderResponse, key: str = "") -> tuple[str, str]:
    """Return the first picture, as base64 or a URL; the other text is empty.

    Raises ProviderError; `key` is kept out of its text.
    """
    if not answer.is_success or error_details(answer.content):
        raise refusal(answer, key)
    if not isinstance(answer.content, dict):
        raise ProviderError(_KIND.SUBMIT_UNKNOWN, f"HTTP {answer.status} without a JSON object")
    data = answer.content.get("data")
    for item in data if isinstance(data, list) else []:
        entry = item if isinstance(item, dict) else {}
        for text in (entry.get("b64_json"), entry.get("url")):
            if isinstance(text, str) and text:
                is_url = text == entry.get("url") and not text.startswith("data:")
                return ("", text) if is_url else (text, "")
    raise ProviderError(_KIND.FAILED, "the response has no picture")


def refusal(answer: ProviderResponse, key: str = "") -> ProviderError:
    """Return the error for a failed response; a possible picture is never repeated."""
    info = error_details(answer.content)
    kind = _kind_of(answer, info)
    words = f"{info['code'] or info['type']}: {info['message']}" if info else ""
    if key:
        # Some gateways quote the key they rejected.
        words = words.replace(key, "***")
    return ProviderError(
        kind,
        f"HTTP {answer.status} {words[:150]}".strip(),
        retry_after_s=retry_after_s(answer),
        is_billed=None if kind in {_KIND.SUBMIT_UNKNOWN, _KIND.FAILED} else False,
    )


def error_details(content: Any) -> dict[str, str]:
    """Return message, type, code and param of an error; empty if not in OpenAI's format."""
    error = content.get("error") if isinstance(content, dict) else None
    if not isinstance(error, dict) or not any(
        isinstance(error.get(name), str) for name in ("message", "type")
    ):
        return {}
    # LocalAI's codes are numbers.
    return {
        name: str(value) if isinstance(value := error.get(name), str | int) else ""
        for name in ("message", "type", "code", "param")
    }


def _kind_of(answer: ProviderResponse, info: Mapping[str, str]) -> ProviderErrorKind:
    status = answer.status
    if info and (kind := _by_words(info, is_refusal=400 <= status < 500)) is not None:
        return kind
    if answer.is_success:
        return _KIND.FAILED
    if not proves_refusal(status):
        return _KIND.UNAVAILABLE if info and status == 503 else _KIND.SUBMIT_UNKNOWN
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if info and (_PICTURE_CODE.fullmatch(info["code"]) or _PICTURE_PARAM.fullmatch(info["param"])):
        return _KIND.UNSUITABLE
    return _KIND.INVALID


def _by_words(info: Mapping[str, str], *, is_refusal: bool) -> ProviderErrorKind | None:
    for word in (info["code"], info["type"]):
        if word in _BY_CODE:
            return _BY_CODE[word]
    is_limit = "rate_limit" in info["code"]
    if is_refusal and not is_limit and _MODERATED.search(info["message"]):
        return _KIND.MODERATED
    return None
