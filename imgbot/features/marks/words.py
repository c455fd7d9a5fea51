"""Words about a marked area, and what may be ordered where it has to be asked about. Pure."""

import re
from collections.abc import Mapping

from imgbot.domain.intents import Intent
from imgbot.domain.job import InputPhoto, Job, Request, State
from imgbot.domain.operations import Operation
from imgbot.domain.texts import t
from imgbot.domain.words import read
from imgbot.domain.words.chat import ABOUT_PHOTO
from imgbot.domain.words.reading import Order, Talk

FOUND = "area_found"
ELSEWHERE = "area_elsewhere"
MISSING = "area_missing"
MANY = "area_many"
ALONE = "area_alone"
UNKNOWN = "area_words_unknown"
SHORT = "area_short"

CHOICES: Mapping[str, tuple[Operation, ...]] = {
    "area_unsure": (Operation.INPAINT, Operation.EDIT),
    "area_two_pens": (Operation.INPAINT, Operation.EDIT),
    "area_all": (Operation.EDIT,),
    "area_dot": (Operation.EDIT,),
    ELSEWHERE: (Operation.EDIT,),
    UNKNOWN: (Operation.EDIT,),
    SHORT: (Operation.EDIT,),
}
"""Operations that a button offers, by the reason why a job ended with a question."""

_MARKABLE = frozenset({Operation.EDIT, Operation.RETOUCH, Operation.MERGE})
_POINTING = re.compile(
    r"\b(?:this|that|these|those|here|there|marked|circled"
    r"|эт(?:о|от|а|у|и|их|ого|ой)|т(?:о|от|у)|здесь|тут|сюда|там|отмечен\w*|обвед[её]н\w*)\b",
    re.IGNORECASE,
)

_VERB = (
    r"(?:remove|erase|delete|get rid of|take(?= \w+ (?:away|out|off))"
    r"|убери(?:те)?|убрать|удали(?:те)?|сотри(?:те)?) "
)
_REMOVAL = re.compile(
    rf"{_VERB}(?:this|that|it|them|(?:вот )?(?:это|этого|эту|эти|его|е[её]|их))"
    r"(?: away| out| off| отсюда)?(?:,? (?:please|пожалуйста))?[ .!]*",
    re.IGNORECASE,
)


def choices(job: Job) -> tuple[Operation, ...]:
    """Return the operations that may be ordered instead of a job that ended with a question."""
    is_asking = job.progress.outcome is State.FAILED
    return CHOICES.get(job.progress.reason, ()) if is_asking else ()


def photos(operation: Operation, prompt: str, photo: InputPhoto) -> tuple[InputPhoto, ...]:
    """Return the photo, behind the one that it may be with something drawn on it."""
    takes_prompt = bool(prompt) and operation in {Operation.EDIT, Operation.RETOUCH}
    return (photo.replied, photo) if photo.replied and takes_prompt else (photo,)


def may_be_marked(request: Request) -> bool:
    """Return true if one of its two photos may be the other with an area marked on it.

    If it is not, an operation on one photo is about the second one.
    """
    return len(request.sources) == 2 and request.operation in _MARKABLE


def may_be_copy(request: Request) -> bool:
    """Return true if its one photo, which its user sent, may be an earlier picture, marked."""
    is_sent = len(request.sources) == 1 and not request.parent
    return is_sent and request.operation is Operation.EDIT and not request.is_lettering_alone


def may_be_about_area(prompt: str) -> bool:
    """Return true unless words are about two photos, as "side by side" and "put 1 into 2" are."""
    found = read(prompt, ABOUT_PHOTO)
    order = found if isinstance(found, Order) else Order(Intent.CREATE)
    if order.operation is Operation.MERGE or re.search(r"\d", prompt):
        return False
    return order.intent in {Intent.CHANGE, Intent.OPERATION} or points(prompt)


def needs_area(prompt: str) -> bool:
    """Return true for words like "remove this", which ask nothing of a photo without a mark."""
    is_removal = _REMOVAL.fullmatch(prompt) is not None
    found = read(prompt, ABOUT_PHOTO)
    return is_removal or (isinstance(found, Talk) and found.topic == "delete")


def removal_hint(job: Job) -> str:
    """Return how to remove a thing, for a job that could not; empty for others."""
    request, is_unknown = job.request, job.progress.reason == "edit_words_unknown"
    is_removal = re.match(_VERB, request.prompt, re.IGNORECASE) is not None
    return t(request.language, "area_hint") if is_unknown and is_removal else ""


def points(prompt: str) -> bool:
    """Return true for words that point at something in a photo."""
    return needs_area(prompt) or _POINTING.search(prompt) is not None
