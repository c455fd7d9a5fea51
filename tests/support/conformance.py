"""What every provider must do in every scenario: one table for all, and each one's exceptions."""

from collections.abc import Mapping
from dataclasses import dataclass

from imgbot.domain.errors import ProviderErrorKind as Kind
from imgbot.domain.operations import ACTIONS, Operation

HOSTED = ("replicate", "fal", "kie", "bfl", "wavespeed")
SYNCHRONOUS = ("openai",)
SELF_HOSTED = ("comfyui",)
PROVIDERS = HOSTED + SYNCHRONOUS + SELF_HOSTED

NOT_OFFERED = {
    "bfl": {Operation.UPSCALE},
    "openai": {Operation.UPSCALE},
    # Both need a checkpoint, which the operator names.
    "comfyui": {Operation.CREATE, Operation.EDIT},
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is provoked, and what has to come of it.

    `hears` are the kinds of the refusals before the end, in order; `end` is the kind of the
    last one, or None for a picture. `charges` is how many charges the ledger must show.
    """

    name: str
    marks: str = ""
    hears: tuple[Kind, ...] = ()
    pending: int = 0
    end: Kind | None = None
    charges: int = 1
    is_picture: bool = True
    """Whether what is fetched is one."""


_SUBMIT = (
    Scenario("happy"),
    Scenario("no credit", "402", end=Kind.NO_CREDIT, charges=0),
    Scenario("too many requests", "429=1", hears=(Kind.RATE_LIMITED,)),
    Scenario("out of order", "5xx_on_submit=1", hears=(Kind.UNAVAILABLE,)),
    Scenario("moderated", "moderated", end=Kind.MODERATED, charges=0),
    Scenario("failed", "fail", end=Kind.FAILED, charges=0),
    Scenario("cut after acceptance", "drop_after_accept", end=Kind.SUBMIT_UNKNOWN),
    Scenario("garbled acceptance", "garbled_submit", end=Kind.SUBMIT_UNKNOWN),
    Scenario("500 after acceptance", "500_after_accept", end=Kind.SUBMIT_UNKNOWN),
)

_POLL = (
    Scenario("takes its time", "polls=2", pending=2),
    Scenario("5xx while polling", "5xx_on_poll=2", hears=(Kind.UNAVAILABLE,) * 2),
    Scenario("429 while polling", "429_on_poll=1", hears=(Kind.RATE_LIMITED,)),
    Scenario("truncated JSON", "malformed=1", hears=(Kind.UNAVAILABLE,)),
    Scenario("a page with 200", "html=1", hears=(Kind.UNAVAILABLE,)),
    Scenario("nulls", "null=1", hears=(Kind.UNAVAILABLE,)),
    Scenario("a state nobody knows", "unknown_state=1", pending=1),
)

_FETCH = (
    Scenario("expired", "expired", end=Kind.EXPIRED),
    Scenario("a page as a picture", "not_a_picture", is_picture=False),
    Scenario("an SVG as a picture", "svg", is_picture=False),
    Scenario("endless redirects", "redirects", end=Kind.FAILED),
)

# One operation stands for all: where there is one, one without an upload, which the deadline
# would cut short on a busy machine.
_WITHOUT_UPLOAD = dict.fromkeys(HOSTED, Operation.CREATE)
LASTING: Mapping[Scenario, Mapping[str, Operation]] = {
    Scenario("never ends an answer", "stalled", end=Kind.UNAVAILABLE): {
        **_WITHOUT_UPLOAD,
        "comfyui": Operation.RETOUCH,
    },
    Scenario("a byte a second", "trickle", end=Kind.UNAVAILABLE): _WITHOUT_UPLOAD,
}
"""Scenarios that last until a deadline, with the operation to try them at, by provider."""

_BY_STYLE: Mapping[str, tuple[Scenario, ...]] = {
    **dict.fromkeys(HOSTED, _SUBMIT + _POLL + _FETCH),
    "fal": (
        *_SUBMIT,
        *_POLL,
        *_FETCH,
        Scenario("5xx at the result", "5xx_on_result=2", hears=(Kind.UNAVAILABLE,) * 2),
    ),
    # Its answer is the picture: there is nothing to ask for and nothing to fetch.
    "openai": (*_SUBMIT[:5], Scenario("no picture", "empty", end=Kind.FAILED), *_SUBMIT[6:]),
    # Its own hardware: no credit, no moderation, no limits.
    "comfyui": (
        *(_SUBMIT[index] for index in (0, 5, 6, 7)),
        # A question to it is two calls, to the history and to the queue.
        Scenario("takes its time", "polls=2", pending=1),
        _POLL[1],
        *_POLL[3:6],
    ),
}


def cases() -> list[tuple[str, Operation, Scenario]]:
    """Every provider × operation × scenario that makes sense together and ends at once."""
    return [
        (provider, operation, scenario)
        for provider in PROVIDERS
        for operation in ACTIONS
        if operation not in NOT_OFFERED.get(provider, set())
        for scenario in _BY_STYLE[provider]
    ]
