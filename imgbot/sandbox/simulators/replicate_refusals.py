"""How Replicate says no."""

from typing import Any

from aiohttp import web

from imgbot.sandbox.provider_orders import Refusal
from imgbot.sandbox.simulators.fields import TYPE_NAMES, Problem
from imgbot.sandbox.simulators.hosted import Invalid

_TITLES = {
    400: "Bad request",
    401: "Unauthenticated",
    402: "Insufficient credit",
    404: "Not found",
    413: "Payload too large",
    415: "Unsupported media type",
    429: "Request was throttled",
    503: "Service unavailable",
}
_NO_CREDIT = (
    "You have insufficient credit to run this model. Go to "
    "https://replicate.com/account/billing#billing to purchase credit. Once you purchase credit, "
    "please wait a few minutes before trying again."
)
_THROTTLED = "Request was throttled. Your rate limit resets in ~1s."
_JSON_TYPES = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (list, "array"),
    (dict, "object"),
)


def answer(refusal: Refusal) -> web.Response:
    """A problem document. Only a poll is told `Retry-After`; a submit must read its text."""
    if isinstance(refusal, Invalid):
        return _invalid(refusal.problems)
    detail = {402: _NO_CREDIT, 429: _THROTTLED}.get(refusal.status, refusal.message)
    title = _TITLES.get(refusal.status, refusal.code)
    body = {"title": title, "detail": detail, "status": refusal.status}
    return web.json_response(body, status=refusal.status)


def no_such_version() -> Refusal:
    return Refusal(
        422,
        "Invalid version or not permitted",
        "The specified version does not exist (or perhaps you don't have permission to use it?)",
    )


def no_such_thing() -> Refusal:
    return Refusal(404, "not_found", "The requested resource could not be found.")


def _invalid(problems: list[Problem]) -> web.Response:
    fields = [_invalid_field(problem) for problem in problems]
    lines = [f"- {field['field'] or '(root)'}: {field['description']}\n" for field in fields]
    body = {
        "detail": "".join(lines).replace("(root): ", ""),
        "status": 422,
        "title": "Input validation failed",
        "invalid_fields": fields,
    }
    return web.json_response(body, status=422)


def _invalid_field(problem: Problem) -> dict[str, str]:
    parent, _, name = problem.name.rpartition(".")
    match problem.fault:
        case "missing":
            kind, text = "required", f"{name} is required"
        case "unknown":
            kind = "additional_property_not_allowed"
            text = f"Additional property {name} is not allowed"
        case _:
            kind, text = _wrong(problem, name)
            parent = problem.name if problem.index is None else f"{problem.name}.{problem.index}"
    return {"type": kind, "field": parent, "description": text}


def _wrong(problem: Problem, name: str) -> tuple[str, str]:
    field, is_list = problem.field, isinstance(problem.given, list)
    least = f"{field.least:g}" if field.least is not None else ""
    most = f"{field.most:g}" if field.most is not None else ""
    choices = ", ".join(f'"{value}"' for value in field.choices)
    short = ("array_min_items", f"Array must have at least {least} items")
    texts = {
        "type": (
            "invalid_type",
            f"Invalid type. Expected: {TYPE_NAMES[field.kind]}, given: {_type_name(problem.given)}",
        ),
        "choice": ("enum", f"{name} must be one of the following: {choices}"),
        "least": ("number_gte", f"Must be greater than or equal to {least}"),
        "most": ("number_lte", f"Must be less than or equal to {most}"),
        "short": short
        if is_list
        else ("string_gte", f"String length must be greater than or equal to {least}"),
        "long": ("string_lte", f"String length must be less than or equal to {most}"),
        "many": ("array_max_items", f"Array must have at most {most} items"),
        "format": ("format", "Does not match format 'uri'"),
    }
    return texts[problem.fault]


def _type_name(value: Any) -> str:
    return next((name for kind, name in _JSON_TYPES if isinstance(value, kind)), "null")
