"""How kie says no: with HTTP 200 and a code in the body."""

from aiohttp import web

from imgbot.sandbox.provider_orders import Refusal
from imgbot.sandbox.simulators.fields import Problem
from imgbot.sandbox.simulators.inputs import Pictures

_CODES = {413: 400, 415: 400, 503: 455}
_MESSAGES = {
    402: (
        "Credits insufficient : The current credits are insufficient. Please top up to continue."
    ),
    429: "Your call frequency is too high, please try again later.",
    503: "The service is currently under maintenance. Please try again later.",
}
_INPUT_BYTES = 10 << 20
_MOST_SIDE = 20_000

FAILURES = {
    "moderated": (
        400,
        "The input or output was flagged as sensitive. Please try again with different inputs.",
    ),
    "failed": (501, "Image generation failed."),
    "501": (501, "Generation failed: the model returned no image."),
    "unreadable_input": (422, "The image file is invalid or its format is not supported."),
}
"""What becomes of tasks: `failCode` and `failMsg`."""

AT_SUBMIT = {
    "433": (433, "Request limit: sub-key usage exceeds the limit"),
    "451": (
        451,
        "Failed to fetch the image. Kindly verify any access limits set by you or your provider.",
    ),
    "455": (455, "The service is currently under maintenance. Please try again later."),
}
"""What a submit is refused with by a mark of that name."""


def answer(refusal: Refusal) -> web.Response:
    code = _CODES.get(refusal.status, refusal.status)
    message = _MESSAGES.get(refusal.status, refusal.message)
    return web.json_response({"code": code, "msg": message, "data": None})


def by_mark(mark: str) -> Refusal:
    return Refusal(AT_SUBMIT[mark][0], mark, AT_SUBMIT[mark][1])


def no_such_model() -> Refusal:
    return Refusal(
        422,
        "model",
        "The model name you specified is not supported. Please verify your input and use one of "
        "the supported models provided by KIE.",
    )


def about_field(problem: Problem) -> Refusal:
    """The first thing that is wrong; for a missing or a wrong value kie's code is 500."""
    name = problem.name
    match problem.fault:
        case "missing":
            return Refusal(500, "invalid", f"{name} is required")
        case "choice":
            text = f"{name} is not within the range of allowed options"
            return Refusal(500, "invalid", text)
        case "short":
            return Refusal(500, "invalid", f"{name} is required")
        case "long" | "many":
            text = f"{name} exceeds the maximum limit of {problem.field.most}"
            return Refusal(422, "invalid", text)
        case _:
            return Refusal(422, "invalid", f"The format of {name} is incorrect")


def check_pictures(pictures: Pictures, scale: float) -> None:
    """Refuse what kie cannot get, and what is too large for it."""
    if pictures.missing:
        raise by_mark("451")
    if any(len(content) > _INPUT_BYTES for content in pictures.contents):
        raise Refusal(422, "invalid", "File size exceeds the maximum limit of 10MB")
    if pictures.size and max(pictures.size) * scale > _MOST_SIDE:
        raise Refusal(422, "invalid", "The upscaled image exceeds 20000 pixels on a side")
