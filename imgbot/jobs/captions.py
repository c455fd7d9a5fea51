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
    spec, parts = OPERATIONS[job.operation], _parts(job, "did")
    own_key = spec.captions.get(parts[0]) if len(parts) == 1 else None
    key = own_key or f"caption_{job.operation}"
    words, factor = _shortened(job.words), float(job.facts.get("factor", job.scale))
    if spec.has_scale and factor < job.scale * _NEARLY:
        key += "_less"
    lines = [t(job.language, key, words=words, count=len(job.sources), scale=f"{factor:.2g}")]
    did = edit_names(job.language, parts)
    # A prompt that was applied to the letter need not be repeated.
    is_said = job.operation is Operation.EDIT and _normalised(did) == _normalised(words)
    if did and spec.lists_changes and not own_key and not is_said:
        lines.append(t(job.language, "caption_did", did=did))
    unknown = str(job.facts.get("unknown", ""))
    if unknown:
        key = "caption_unknown_nearest" if "nearest" in job.facts else "caption_unknown"
        nearest = job.facts.get("nearest", "")
        lines.append(t(job.language, key, words=unknown[:_UNKNOWN_WORDS], nearest=nearest))
    if job.note and has_text(job.note):
        lines += ["", t(job.language, job.note)]
    return "\n".join(lines)


def _normalised(words: str) -> list[str]:
    """Words without "and" and punctuation: "warmer and brighter" equals "warmer, brighter"."""
    return [word for word in re.findall(r"\w+", words.lower()) if word not in {"и", "and"}]


def _parts(job: Job, name: str) -> list[str]:
    return [part for part in str(job.facts.get(name, "")).split(", ") if part]


def failure_text(job: Job) -> str:
    """Sentence that says why there is no picture, and what is known of its charge."""
    key = job.reason if has_text(job.reason) else "went_wrong"
    facts = dict(job.facts)
    charge = facts.pop("charge", "")
    try:
        text = t(job.language, key, **facts)
    except KeyError:
        # A sentence without its facts says less than the plain one.
        return t(job.language, "went_wrong")
    is_free = job.price_micro == 0 and charge != "yes"
    return text if not charge or is_free else f"{text} {t(job.language, f'charge_{charge}')}"


def _shortened(words: str) -> str:
    short = cut(words, _CAPTION_WORDS)
    return short if short == words else short + "…"
