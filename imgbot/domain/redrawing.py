"""Redrawing: a changed picture is drawn anew, from its prompt and what is kept of changes. Pure."""

from dataclasses import replace

from imgbot.domain.errors import UserError
from imgbot.domain.job import Changes, Job, State
from imgbot.domain.lettering import NOTHING, read_lettering
from imgbot.domain.operations import Operation
from imgbot.domain.prompt_options import parse_prompt_options, to_prompt
from imgbot.domain.prompt_words import TABLES
from imgbot.domain.remix import amend
from imgbot.domain.spelling import has_cyrillic


def drawn_from(made: Job) -> tuple[str, str]:
    """Return the prompt that a picture is drawn anew from, and which changes it would lose.

    Light and techniques become words of the prompt.
    """
    request, prompt = made.request, made.request.full_prompt
    if not prompt or request.operation is Operation.CREATE:
        return prompt, ""
    if request.is_lettering_alone:
        return _with_words(prompt, request.prompt), request.lost
    lost = [request.lost] if request.lost else []
    for key in made.progress.parts_of("did"):
        words = TABLES["kept"].get(key.partition("|")[0])
        try:
            said = words.split("|")[has_cyrillic(prompt)] if words else ""
            prompt = to_prompt(amend(prompt, said)) if said else prompt
        except UserError:
            said = ""
        lost += [] if said else [key]
    return prompt, ", ".join(lost)


def _with_words(prompt: str, words: str) -> str:
    """Return a prompt with other words to stand on its picture, or with none."""
    known = parse_prompt_options(prompt, has_words=False)
    found = read_lettering(known.prompt)
    scene = (found.scene or found.rest) if found else known.prompt
    bare = "без надписей" if has_cyrillic(words) else "without text"
    wanted = bare if words in NOTHING.values() else words
    return to_prompt(replace(known, prompt=", ".join(filter(None, (scene, wanted)))))


def redrawn(job: Job, error: Exception) -> Changes:
    """Return the changes of a job that is to be drawn anew; empty if it is not."""
    is_refused = isinstance(error, UserError) and error.reason == "edit_words_unknown"
    if not (is_refused and job.request.base and job.state is State.SUBMITTING):
        return {}
    try:
        wanted = amend(job.request.base, job.request.prompt)
    except UserError:
        return {}
    return {
        "operation": Operation.CREATE,
        "prompt": wanted.prompt,
        "negative": ", ".join(filter(None, (wanted.negative, job.request.negative))),
        "ratio": job.request.ratio or wanted.ratio,
        "seed": wanted.seed or job.request.seed,
        "sources": (),
        "note": "drawn_anew",
        # The engine has ordered nothing.
        "submit_ms": 0,
        "provider": "",
        "order_id": "",
        "ticket": {},
        "tries": 0,
    }
