"""Captions of results, and the sentences sent instead of one."""

import re

from imgbot.domain.job import Job
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.domain.texts import has_text, t
from imgbot.domain.texts.changes import edit_names
from imgbot.telegram.messenger import cut

_CAPTION_WORDS = 600
"""Characters of the prompt that a caption repeats; Telegram takes 1024 in all."""

_UNKNOWN_WORDS = 120
_NEARLY = 0.97
"""Fraction of a scale that counts as reached: sides are rounded."""


def success_caption(job: Job) -> str:
    """Caption of a result: the prompt, what was applied, what was not understood."""
    request, facts = job.request, job.progress.facts
    spec, parts = OPERATIONS[request.operation], _parts(job, "did")
    own_key = spec.captions.get(parts[0]) if len(parts) == 1 else None
    key = own_key or f"caption_{request.operation}"
    words, factor = _shortened(request.prompt), float(facts.get("factor", request.scale))
    if spec.has_scale and factor < request.scale * _NEARLY:
        key += "_less"
    count, scale = len(request.sources), f"{factor:.2g}"
    lines = [t(request.language, key, words=words, count=count, scale=scale)]
    did = edit_names(request.language, parts)
    # A prompt that was applied to the letter need not be repeated.
    is_said = request.operation is Operation.EDIT and _normalised(did) == _normalised(words)
    if did and spec.lists_changes and not own_key and not is_said:
        lines.append(t(request.language, "caption_did", did=did))
    unknown = str(facts.get("unknown", ""))
    if unknown:
        key = "caption_unknown_nearest" if "nearest" in facts else "caption_unknown"
        nearest = facts.get("nearest", "")
        lines.append(t(request.language, key, words=unknown[:_UNKNOWN_WORDS], nearest=nearest))
    if request.note and has_text(request.note):
        lines += ["", t(request.language, request.note)]
    return "\n".join(lines)


def _normalised(words: str) -> list[str]:
    """Words without "and" and punctuation: "warmer and brighter" equals "warmer, brighter"."""
    return [word for word in re.findall(r"\w+", words.lower()) if word not in {"и", "and"}]


def _parts(job: Job, name: str) -> list[str]:
    return [part for part in str(job.progress.facts.get(name, "")).split(", ") if part]


def failure_text(job: Job) -> str:
    """Sentence that says why there is no picture, and what is known of its charge."""
    language, reason = job.request.language, job.progress.reason
    key = reason if has_text(reason) else "went_wrong"
    facts = dict(job.progress.facts)
    charge = facts.pop("charge", "")
    try:
        text = t(language, key, **facts)
    except KeyError:
        # A sentence without its facts says less than the plain one.
        return t(language, "went_wrong")
    is_free = job.charge.price_micro == 0 and charge != "yes"
    return text if not charge or is_free else f"{text} {t(language, f'charge_{charge}')}"


def _shortened(words: str) -> str:
    short = cut(words, _CAPTION_WORDS)
    return short if short == words else short + "…"
