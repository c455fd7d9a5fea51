"""Text under the end of a job: the caption of a picture, or the sentence instead of one. Pure."""

import re

from imgbot.domain.intents.words import stem, stems_of
from imgbot.domain.job import Job, variant_number
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.domain.prompt_options import with_negative
from imgbot.domain.texts import has_text, t
from imgbot.domain.texts.captions import drawing_lines, edit_names, quoted
from imgbot.telegram.messenger import cut

_CAPTION_WORDS = 600
"""Characters of the prompt that a caption repeats; Telegram takes 1024 in all."""

_UNKNOWN_WORDS = 120
_A_BIT = re.compile(r"\bпо(?=\w{2,}(?:[её]е|че|ше|же|ще)\b)", re.IGNORECASE)
"""Begins "поярче", which is "ярче"."""
_NEARLY = 0.97
"""Fraction of a scale that counts as reached: sides are rounded."""


def success_caption(job: Job) -> str:
    """Caption of a result: the prompt, what was applied, what was not understood."""
    title = _title(job)
    lines = [f"{job.variant} · {title}" if job.variant else title]
    lines += _changes(job)
    lines += _drawings(job) or _unknown(job)
    # Of several variants the first names them.
    if job.request.ignored and variant_number(job.id) == 1:
        ignored = _shortened(job.request.ignored)
        lines.append(t(job.request.language, "caption_ignored", flags=ignored))
    # A picture that was not drawn anew has lost nothing.
    if job.request.lost and job.request.operation is Operation.CREATE:
        names = edit_names(job.request.language, tuple(job.request.lost.split(", ")))
        if names:
            lines.append(t(job.request.language, "caption_lost", changes=_shortened(names)))
    hidden = "caption_hidden" if "hidden" in job.progress.facts else ""
    for note in (hidden, job.request.note):
        if note and has_text(note):
            lines += ["", t(job.request.language, note)]
    return "\n".join(lines)


def failure_text(job: Job) -> str:
    """Sentence that says why there is no picture, and what is known of its charge."""
    language, reason = job.request.language, job.progress.reason
    facts = dict(job.progress.facts)
    charge = facts.pop("charge", "")
    try:
        text = t(language, reason if has_text(reason) else "went_wrong", **facts)
    except KeyError:
        # A sentence without its facts says less than the plain one.
        return t(language, "went_wrong")
    is_free = job.charge.price_micro == 0 and charge != "yes"
    if charge and not is_free:
        text = f"{text} {t(language, f'charge_{charge}')}"
    return f"{job.variant} · {text}" if job.variant else text


def _only_change(job: Job) -> str:
    """Caption key of the only change that was made, where that has one of its own."""
    match job.progress.parts_of("did"):
        case [change]:
            return OPERATIONS[job.request.operation].captions.get(change, "")
        case _:
            return ""


def _title(job: Job) -> str:
    request = job.request
    factor = float(job.progress.facts.get("factor", request.scale))
    key = _only_change(job) or f"caption_{request.operation}"
    key = "caption_canvas" if request.is_on_canvas else key
    if OPERATIONS[request.operation].has_scale and factor < request.scale * _NEARLY:
        key += "_less"
    count, scale = len(request.sources), f"{factor:.2g}"
    return t(request.language, key, words=_words(job), count=count, scale=scale)


def _words(job: Job) -> str:
    return _shortened(with_negative(job.request.prompt, job.request.negative))


def _changes(job: Job) -> list[str]:
    """Return the line of what was changed; none where the title says it already."""
    is_listed = OPERATIONS[job.request.operation].lists_changes and not job.request.is_on_canvas
    if not is_listed or _only_change(job) or job.request.is_lettering_alone:
        return []
    did = edit_names(job.request.language, job.progress.parts_of("did"))
    # What the prompt says already need not be repeated, if all of it was understood.
    is_edit = job.request.operation is Operation.EDIT and not job.progress.parts_of("unknown")
    is_in_title = is_edit and stems_of(did) <= stems_of(_A_BIT.sub("", _words(job)))
    return [did[0].upper() + did[1:]] if did and not is_in_title else []


def _drawings(job: Job) -> list[str]:
    did, unknown = job.progress.parts_of("did"), job.progress.parts_of("unknown")
    return drawing_lines(job.request.language, job.request.prompt, did, unknown)


def _unknown(job: Job) -> list[str]:
    facts, language = job.progress.facts, job.request.language
    shown, parts = stems_of(job.request.base), job.progress.parts_of("unknown")
    if job.progress.parts_of("did"):
        # "The ship" in "the ship at night" only names the picture, which is changed.
        parts = tuple(each for each in parts if stem(each) not in shown)
    if not parts:
        return []
    key = "caption_unknown_nearest" if "nearest" in facts else "caption_unknown"
    words = cut(", ".join(quoted(language, each) for each in parts), _UNKNOWN_WORDS)
    return [t(language, key, words=words, nearest=facts.get("nearest", ""))]


def _shortened(words: str) -> str:
    short = cut(words, _CAPTION_WORDS)
    return short if short == words else short + "…"
