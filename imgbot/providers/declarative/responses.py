"""Interpretation of responses by a provider's spec file. Pure."""

import re
from typing import Any

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.providers.declarative.spec import ErrorRule, Outputs, Spec, Stage
from imgbot.providers.declarative.templates import decoded, first_text, pick, texts_at
from imgbot.providers.http import (
    ORDER_KINDS,
    STATUS_KINDS,
    TEXT_CHARACTERS,
    ProviderResponse,
    proves_refusal,
    retry_after_s,
    seconds_of,
)

_KIND = ProviderErrorKind

_STATUSES = {**STATUS_KINDS, 404: _KIND.LOST, 410: _KIND.LOST, 451: _KIND.MODERATED}
"""Error kind by HTTP status, where no rule of the file matches; a missing task is lost."""

_FOR_NOW = frozenset({_KIND.UNAVAILABLE, _KIND.RATE_LIMITED, _KIND.SUBMIT_UNKNOWN})


def rejection(spec: Spec, stage: Stage, answer: ProviderResponse) -> ProviderError | None:
    """Return the error for a rejected request, None if it succeeded."""
    content = answer.content
    is_ok = spec.ok is None or spec.ok.equals in pick(content, spec.ok.path)
    if is_ok and answer.is_success and isinstance(content, dict | list):
        return None
    text = _error_text(spec, answer) or answer.text
    rule = _rule(spec, stage, answer, text)
    if rule is not None and stage == "submit" and _is_ambiguous(rule, answer):
        rule = None
    return ProviderError(
        rule.kind if rule else _by_status(stage, answer),
        f"HTTP {answer.status} {_safe(text)}",
        retry_after_s=_wait_s(rule, answer),
        is_billed=rule.billed if rule else None,
    )


def failure(spec: Spec, answer: ProviderResponse) -> ProviderError:
    """Return the error for a task that the provider reports as failed."""
    text = _error_text(spec, answer)
    rule = _rule(spec, "task", answer, text)
    # The task has ended: asking again would give the same answer.
    kind = rule.kind if rule and rule.kind not in _FOR_NOW else _KIND.FAILED
    billed = rule.billed if rule and rule.billed is not None else spec.failure.billed
    return ProviderError(kind, _safe(text), is_billed=billed)


def pictures(spec: Spec, answer: ProviderResponse) -> list[str]:
    """Return the URLs of a finished task, from the first place that has any.

    Raises ProviderError for a flagged or a missing picture.
    """
    for flag in spec.flags:
        if any(value is True for value in pick(answer.content, flag.path)):
            raise ProviderError(flag.kind, f"flagged: {flag.path}")
    for place in spec.outputs:
        if found := _texts(place, answer.content):
            return found[:20]
    if rule := _rule(spec, "result", answer, ""):
        detail = "task finished, but its picture is gone"
        raise ProviderError(rule.kind, detail, is_billed=rule.billed)
    raise ProviderError(_KIND.FAILED, "task finished without a picture")


def _texts(place: Outputs, content: Any) -> list[str]:
    values = pick(content, place.path)
    if place.json_path:
        values = [deep for value in values for deep in pick(decoded(value), place.json_path)]
    flat = [part for value in values for part in (value if isinstance(value, list) else [value])]
    return [part for part in flat if isinstance(part, str) and part]


def _error_text(spec: Spec, answer: ProviderResponse) -> str:
    """Return the beginning of the error text at the file's paths.

    A pattern may take a time that grows with the square of the text's length.
    """
    places = (spec.failure.code, spec.failure.text)
    found = (next(texts_at(answer.content, paths), "")[:TEXT_CHARACTERS] for paths in places)
    return " ".join(filter(None, found))


def _rule(spec: Spec, stage: Stage, answer: ProviderResponse, text: str) -> ErrorRule | None:
    return next((rule for rule in spec.errors if _fits(rule, stage, answer, text)), None)


def _fits(rule: ErrorRule, stage: Stage, answer: ProviderResponse, text: str) -> bool:
    if (rule.at and stage not in rule.at) or (rule.http and answer.status not in rule.http):
        return False
    if rule.path:
        found = pick(answer.content, rule.path)
        if not found or (rule.equals and not any(value in rule.equals for value in found)):
            return False
    # Match the error text alone: elsewhere in a response the words may be field names.
    return not rule.text or bool(re.search(rule.text, text))


def _wait_s(rule: ErrorRule | None, answer: ProviderResponse) -> float | None:
    by_header = retry_after_s(answer)
    if by_header is not None or rule is None:
        return by_header
    text = first_text(answer.content, rule.retry_after)
    if not text and rule.retry_after_text:
        found = re.search(rule.retry_after_text, answer.text)
        text = found[1] if found and found.re.groups else ""
    return seconds_of(text)


def _is_ambiguous(rule: ErrorRule, answer: ProviderResponse) -> bool:
    """Return true if a task may exist in spite of the error text."""
    # The words alone could come from a gateway's page.
    is_own = isinstance(answer.content, dict | list)
    is_own_word = is_own and (answer.is_success or (answer.status == 503 and rule.path))
    return not (is_own_word or proves_refusal(answer.status))


def _by_status(stage: Stage, answer: ProviderResponse) -> ProviderErrorKind:
    # A garbled response to a submit may hide an accepted task; a poll can be repeated.
    status = answer.status
    if not proves_refusal(status):
        return _KIND.SUBMIT_UNKNOWN if stage == "submit" else _KIND.UNAVAILABLE
    if stage in {"submit", "upload"} and status in ORDER_KINDS:
        return ORDER_KINDS[status]
    if stage == "poll" and not isinstance(answer.content, dict) and status in {403, 404}:
        # A gateway's page, not the provider's own response.
        return _KIND.UNAVAILABLE
    return _STATUSES.get(status, _KIND.INVALID)


def _safe(text: str) -> str:
    """Shorten a provider's text for the log and drop what may be a secret in a URL."""
    text = re.sub(r"data:[^\s\"']{40,}", "data:…", text)
    text = re.sub(r"(https?://[^\s?\"']+)\?[^\s\"']*", r"\1?…", text)
    return " ".join(text.split())[:200]
