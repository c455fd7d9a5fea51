"""Redrawing: what is kept of the changes of a picture that is drawn anew from its prompt. Pure."""

from imgbot.domain.errors import UserError
from imgbot.domain.job import Job
from imgbot.domain.operations import Operation
from imgbot.domain.prompt_options import to_prompt
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
