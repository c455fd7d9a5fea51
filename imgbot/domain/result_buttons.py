"""Buttons of a job: under its status message, under its result, and under its failure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from imgbot.domain.buttons import Button, ButtonAction, Keyboard, in_rows, one_of
from imgbot.domain.job import Job
from imgbot.domain.operations import RESULT_ACTIONS, Operation
from imgbot.domain.remix import undone_part
from imgbot.domain.texts.captions import drawing_name

SCALES = (2, 4)
# With more buttons in a row, phones truncate labels that are words.
_IN_A_ROW = 3
_LABEL_WORDS = 40


CANCEL = ButtonAction("cancel")
RETRY = ButtonAction("retry")
"""Order the request of a failed job again."""
ANEW = ButtonAction("anew")
"""Draw a picture anew, with the words that a change left out."""
DRAW = ButtonAction("draw", (str, str))
"""Draw a picture with a subject or style that the built-in engine knows, too."""
UP = ButtonAction("up", (one_of(*SCALES), str))


@dataclass(frozen=True, slots=True)
class ResultButton:
    """Button of a feature under results."""

    action: ButtonAction
    fits: Callable[[Operation, str], bool]
    """Takes the operation and the prompt of a result."""
    is_about_words: bool = False
    """True if it is also under the question what words mean, of which it takes the first sense."""


def under_result(
    language: str,
    job: Job,
    offered: Iterable[ResultButton] = (),
    *,
    is_photo: bool = True,
    is_varied: bool = True,
) -> Keyboard:
    """Buttons under a result; three in a row at most, or phones truncate their labels.

    The file if it was shown as a photo, undo if it changed another picture, regenerate if that
    would make another one, the prompt if it was created from that, and those of features.
    """
    request, is_change = job.request, job.request.is_change
    actions = {"again": is_varied} | dict.fromkeys(RESULT_ACTIONS, True)
    *first, sticker = of_job(language, job.id, actions)
    is_created = request.operation is Operation.CREATE
    names = {"compare": is_change, "undo": is_change, "prompt": is_created}
    more = of_job(language, job.id, names)
    (first if len(first) < _IN_A_ROW else more).append(sticker)
    fitting = {each.action.name: each.fits(request.operation, request.prompt) for each in offered}
    last = [*more, *of_job(language, job.id, fitting | {"receipt": True})]
    sizes = [Button(f"×{scale}", UP.pack(scale, job.id)) for scale in SCALES]
    file = of_job(language, job.id, {"file": is_photo})
    length = _IN_A_ROW if len(last) != _IN_A_ROW + 1 else 2
    return [first, [*sizes, *file], *in_rows(last, length)]


def of_job(language: str, job_id: str, names: Mapping[str, bool]) -> list[Button]:
    """Return the buttons of a result that are possible, by the names of their actions."""
    given = (name for name, is_possible in names.items() if is_possible)
    return [ButtonAction(name).button(language, job_id) for name in given]


def drawn_anew(job: Job) -> Keyboard:
    """Button for what a change left out, if the picture can be drawn anew with it."""
    request, undone = job.request, job.progress.parts_of("unknown")
    if request.operation is not Operation.EDIT or not (request.base and undone):
        return []
    words = undone_part(request.prompt, undone)[:_LABEL_WORDS]
    return [[ANEW.button(request.language, job.id, words=words)]]


def drawings(prompt: str, job_id: str, keys: Sequence[str]) -> Keyboard:
    """Row of subjects and styles that the built-in engine can draw as well."""
    names = {key: drawing_name(key, prompt) for key in keys}
    made = [Button(f"🖌 {name}", DRAW.pack(key, job_id)) for key, name in names.items() if name]
    return [made] if made else []
