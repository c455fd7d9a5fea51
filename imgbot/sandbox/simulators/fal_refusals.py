"""How fal says no: at once by a status, or where the result would have been."""

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from imgbot.sandbox.provider_orders import Refusal
from imgbot.sandbox.simulators.fields import Kind, Problem
from imgbot.sandbox.simulators.inputs import Pictures, Place

_LOCKED = (
    "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."
)
_FLAGGED = (
    "The content could not be processed because it contained material flagged by a content checker."
)
_ERRORS = "https://docs.fal.ai/errors#"
_SHOWN_CHARACTERS = 300
_TYPES: Mapping[Kind, tuple[str, str]] = {
    "text": ("string_type", "string"),
    "picture": ("string_type", "string"),
    "integer": ("int_type", "integer"),
    "number": ("float_type", "number"),
    "flag": ("bool_type", "boolean"),
    "pictures": ("list_type", "list"),
    "size": ("model_attributes_type", "dictionary"),
}
_PICTURES = {
    "file_download_error": (
        "Failed to download the file. Please check if the URL is accessible and try again."
    ),
    "image_load_error": (
        "Failed to load the image. Please ensure the image file is not corrupted and is in a "
        "supported format."
    ),
}

Detail = list[dict[str, Any]]


def answer(refusal: Refusal) -> web.Response:
    """A refusal at once; an account without credit is locked out with 403."""
    status = 403 if refusal.status == 402 else refusal.status
    detail = _LOCKED if refusal.status == 402 else refusal.message
    headers = {"Retry-After": "1"} if status == 429 else {}
    return web.json_response({"detail": detail}, status=status, headers=headers)


def failed(failure: str, details: Any) -> tuple[int, dict[str, Any]]:
    """Status and body where the result of a failed request would have been."""
    match failure:
        case "cancelled":
            text = "Request was cancelled by the client"
            return 499, {"detail": text, "error_type": "client_cancelled"}
        case "no_path":
            return 404, {"detail": details}
        case "moderated":
            text = "The content could not be processed because it contained material flagged by a "
            entry = _entry(
                ["body", "prompt"], "content_policy_violation", f"{text}content checker."
            )
            return 422, {"detail": [entry | {"categories": ["model_moderated"]}]}
        case "failed":
            return 500, {"detail": [_entry(["body"], "internal_server_error", "Internal error")]}
        case _:
            return 422, {"detail": details}


def about_fields(problems: Iterable[Problem]) -> Detail:
    """What a model says about its input, in the words of pydantic."""
    return [_about_field(problem) for problem in problems]


def about_pictures(pictures: Pictures) -> Detail:
    missing = [_about_picture(found, "file_download_error") for found in pictures.missing]
    return missing + [_about_picture(found, "image_load_error") for found in pictures.unreadable]


def _about_picture(found: tuple[Place, str], kind: str) -> dict[str, Any]:
    (name, index), address = found
    place: list[str | int] = ["body", name]
    if index is not None:
        place.append(index)
    return _entry(place, kind, _PICTURES[kind]) | {"input": address}


def _entry(place: list[str | int], kind: str, text: str) -> dict[str, Any]:
    return {"loc": place, "msg": text, "type": kind, "url": f"{_ERRORS}{kind}"}


def _about_field(problem: Problem) -> dict[str, Any]:
    place: list[str | int] = ["body", *problem.name.split(".")]
    if problem.index is not None:
        place.append(problem.index)
    kind, text, context = _wrong(problem)
    entry = _entry(place, kind, text) | {"input": shorten(problem.given)}
    return entry | {"ctx": context} if context else entry


def _wrong(problem: Problem) -> tuple[str, str, dict[str, Any]]:
    field = problem.field
    if problem.fault == "unknown":
        return "extra_forbidden", "Extra inputs are not permitted", {}
    least, most = field.least, field.most
    kind, name = _TYPES[field.kind]
    quoted = [f"'{value}'" for value in field.choices]
    expected = " or ".join(part for part in (", ".join(quoted[:-1]), *quoted[-1:]) if part)
    is_list = isinstance(problem.given, list)
    size = len(problem.given) if isinstance(problem.given, list | str) else 0
    unit, prefix = (
        (f"items after validation, not {size}", "List") if is_list else ("characters", "String")
    )
    which = "" if is_list else "string_"
    answers: dict[str, tuple[str, str, dict[str, Any]]] = {
        "missing": ("missing", "Field required", {}),
        "type": (kind, f"Input should be a valid {name}", {}),
        "choice": ("literal_error", f"Input should be {expected}", {"expected": expected}),
        "least": (
            "greater_than_equal",
            f"Input should be greater than or equal to {least:g}" if least is not None else "",
            {"ge": least},
        ),
        "most": (
            "less_than_equal",
            f"Input should be less than or equal to {most:g}" if most is not None else "",
            {"le": most},
        ),
        "short": (f"{which}too_short", f"{prefix} should have at least {least} {unit}", {}),
        "long": (f"{which}too_long", f"{prefix} should have at most {most} {unit}", {}),
        "many": ("too_long", f"{prefix} should have at most {most} {unit}", {}),
    }
    return answers[problem.fault]


def shorten(value: Any) -> Any:
    """The same value without the length of its pictures."""
    if isinstance(value, str):
        return value[:_SHOWN_CHARACTERS]
    if isinstance(value, list):
        return [shorten(item) for item in value[:20]]
    if isinstance(value, dict):
        return {str(name)[:100]: shorten(item) for name, item in list(value.items())[:50]}
    return value
