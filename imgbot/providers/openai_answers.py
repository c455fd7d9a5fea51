"""Parsers of Images API responses: a picture in base64 or by URL, or an error."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.providers.http import ProviderResponse, proves_refusal, retry_after_s

_KIND = ProviderErrorKind
_MAX_RETRY_AFTER_S = 3600.0
_DETAIL_CHARACTERS = 150

# Gateways send these with any status, so they come before it.
_BY_CODE = {
    "moderation_blocked": _KIND.MODERATED,
    "content_policy_violation": _KIND.MODERATED,
    "insufficient_quota": _KIND.NO_CREDIT,
    "billing_hard_limit_reached": _KIND.NO_CREDIT,
    "billing_not_active": _KIND.NO_CREDIT,
}
_BY_STATUS = {
    401: _KIND.AUTH,
    402: _KIND.NO_CREDIT,
    403: _KIND.AUTH,
    413: _KIND.UNSUITABLE,
    415: _KIND.UNSUITABLE,
    429: _KIND.RATE_LIMITED,
}
_PICTURE_CODES = frozenset(
    {
        "image_parse_error",
        "image_too_large",
        "invalid_base64_image",
        "invalid_image",
        "invalid_image_file",
        "invalid_image_format",
        "unsupported_file_mimetype",
        "unsupported_image",
    }
)
_PICTURE_PARAM = re.compile(r"(image|images|mask)(\[.*)?")
_MODERATED = re.compile(r"safety system|content policy|moderation", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """Error in OpenAI's own format."""

    message: str
    type: str
    code: str
    param: str


@dataclass(frozen=True, slots=True)
class ImageReference:
    """First picture of a response: exactly one of the two is set."""

    encoded: str = ""
    url: str = ""


def picture_of(answer: ProviderResponse, key: str = "") -> ImageReference:
    """Return the picture. Raises ProviderError; `key` is kept out of its text."""
    if not answer.is_success or error_details(answer.content) is not None:
        raise refusal(answer, key)
    if not isinstance(answer.content, dict):
        raise ProviderError(_KIND.SUBMIT_UNKNOWN, f"HTTP {answer.status} without a JSON object")
    data = cast("dict[str, Any]", answer.content).get("data")
    for item in cast("list[Any]", data) if isinstance(data, list) else []:
        entry = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
        encoded, url = entry.get("b64_json"), entry.get("url")
        if isinstance(encoded, str) and encoded:
            return ImageReference(encoded=encoded)
        if isinstance(url, str) and url.startswith("data:"):
            return ImageReference(encoded=url)
        if isinstance(url, str) and url:
            return ImageReference(url=url)
    raise ProviderError(_KIND.FAILED, "the response has no picture")


def refusal(answer: ProviderResponse, key: str = "") -> ProviderError:
    """Return the error for a failed response; a possible picture is never repeated."""
    said = error_details(answer.content)
    kind = _kind_of(answer, said)
    return ProviderError(
        kind,
        _without(key, f"HTTP {answer.status} {_worded(said)}".strip()),
        retry_after_s=_retry_after_s(answer),
        is_billed=None if kind in {_KIND.SUBMIT_UNKNOWN, _KIND.FAILED} else False,
    )


def error_details(content: Any) -> ErrorDetails | None:
    """Return the error of a response; None if it is not in OpenAI's format."""
    error = cast("dict[str, Any]", content).get("error") if isinstance(content, dict) else None
    if not isinstance(error, Mapping):
        return None
    fields = cast("Mapping[str, Any]", error)
    message, kind = fields.get("message"), fields.get("type")
    if not isinstance(message, str) and not isinstance(kind, str):
        return None
    # LocalAI's codes are numbers.
    named = {name: fields.get(name) for name in ("message", "type", "code", "param")}
    texts = {name: str(value) for name, value in named.items() if isinstance(value, str | int)}
    return ErrorDetails(*(texts.get(name, "") for name in named))


def _kind_of(answer: ProviderResponse, said: ErrorDetails | None) -> ProviderErrorKind:
    status = answer.status
    if said is not None and (kind := _by_words(said, is_refusal=400 <= status < 500)) is not None:
        return kind
    if answer.is_success:
        return _KIND.FAILED
    if not proves_refusal(status):
        is_own_word = said is not None and status == 503
        return _KIND.UNAVAILABLE if is_own_word else _KIND.SUBMIT_UNKNOWN
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    if said is not None and (said.code in _PICTURE_CODES or _PICTURE_PARAM.fullmatch(said.param)):
        return _KIND.UNSUITABLE
    return _KIND.INVALID


def _by_words(said: ErrorDetails, *, is_refusal: bool) -> ProviderErrorKind | None:
    for word in (said.code, said.type):
        if word in _BY_CODE:
            return _BY_CODE[word]
    is_limit = "rate_limit" in said.code
    if is_refusal and not is_limit and _MODERATED.search(said.message):
        return _KIND.MODERATED
    return None


def _worded(said: ErrorDetails | None) -> str:
    if said is None:
        return ""
    return f"{said.code or said.type}: {said.message}"[:_DETAIL_CHARACTERS]


def _without(key: str, text: str) -> str:
    """Remove the key from a text: some gateways quote the key they rejected."""
    return text.replace(key, "***") if key else text


def _retry_after_s(answer: ProviderResponse) -> float | None:
    try:
        seconds = float(answer.headers.get("retry-after-ms", "")) / 1000
    except ValueError:
        return retry_after_s(answer)
    return min(seconds, _MAX_RETRY_AFTER_S) if seconds >= 0 else None
