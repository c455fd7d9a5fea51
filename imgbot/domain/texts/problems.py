"""Texts of health problems: the same for administrators in the chat and operators elsewhere."""

from collections.abc import Mapping

from imgbot.domain.texts import in_time, t, tables

_STORED = {
    "provider_key": "alarm_key_refused",
    "provider_credit": "alarm_no_credit",
    "provider_out": "alarm_provider_out",
    "provider_over": "alarm_provider_back",
    "dead": "alarm_job_dead",
    "dead_over": "alarm_job_dead_over",
}
"""Keys of stored notices that are not `incident_<kind>`."""
_KINDS = {key: kind for kind, key in _STORED.items()}

_DEFAULTS: Mapping[str, str | int] = {
    "effect": "unserved",
    "held_by": "none",
    "more": "imgbot doctor",
    "operations": "",
    "stage": "",
    "wait_s": 0,
    "workers": "",
}
"""Facts that not every kind of problem has."""


def stored_key(kind: str) -> str:
    """Return the key under which a notice of this kind is stored."""
    return _STORED.get(kind, f"incident_{kind}")


def problem_text(
    language: str, kind: str, facts: Mapping[str, str | int | float]
) -> tuple[str, str]:
    """Return what is wrong, and the advice. Raises KeyError on an unknown kind or fact.

    The kind may be the key of a stored notice.
    """
    kind = _KINDS.get(kind, kind.removeprefix("incident_"))
    facts = {**_DEFAULTS, **facts}
    held_by, stage = facts["held_by"], facts["stage"]
    if (held_by, stage) == ("none", "provider"):
        held_by = "slow_provider"
    operations = str(facts["operations"]).split(",")
    names = ", ".join(t(language, f"action_{each}") for each in operations if each)
    words = {
        "wait": in_time(language, int(facts["wait_s"])),
        "helps": t(language, f"helps_{held_by}", workers=facts["workers"]),
        "effect": t(language, f"effect_{facts['effect']}", operations=names and f": {names}"),
        "most": t(language, "slowest_stage", stage=stage) if stage else "",
    }
    text = tables(language)["problems"][kind].format_map({**facts, **words})
    what, _, advice = text.partition("\n")
    return what, advice
