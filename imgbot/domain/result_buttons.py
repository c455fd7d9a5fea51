"""Buttons of a job: under its status message, under its result, and under its failure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from imgbot.domain.buttons import Button, ButtonAction, Keyboard, in_rows, one_of
from imgbot.domain.job import Job
from imgbot.domain.operations import RESULT_ACTIONS, Operation
from imgbot.domain.remix import undone_part

SCALES = (2, 4)
# With more buttons in a row, phones truncate labels that are words.
_IN_A_ROW = 3
_SHOWN = 5
"""Buttons beside the one that opens the panel."""
_LABEL_WORDS = 40


CANCEL = ButtonAction("cancel")
RETRY = ButtonAction("retry")
"""Order the request of a failed job again."""
ANEW = ButtonAction("anew")
"""Draw a picture anew, with the words that a change left out."""
UP = ButtonAction("up", (one_of(*SCALES), str))
PANEL = ButtonAction("panel", (one_of("open", "close"), str), is_repeatable=True)
"""Show the other buttons of a result in the place of those that are shown."""


@dataclass(frozen=True, slots=True)
class ResultButton:
    """Button of a feature in the panel under results."""

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
    is_open: bool = False,
) -> Keyboard:
    """Buttons under a result: the first that are possible, and one for a panel with all others.

    The file if it was shown as a photo, undo if it changed another picture, regenerate if that
    would make another one, the prompt if it was created from that, and those of features.
    """
    request, is_change = job.request, job.request.is_change
    names = {"again": is_varied, "edit": True, "file": is_photo, "sticker": True}
    names |= {"undo": is_change, "compare": is_change} | dict.fromkeys(RESULT_ACTIONS, True)
    names |= {"prompt": request.operation is Operation.CREATE}
    names |= {each.action.name: each.fits(request.operation, request.prompt) for each in offered}
    others = of_job(language, job.id, names | {"receipt": True})
    twice, fourfold = (Button(f"×{scale}", UP.pack(scale, job.id)) for scale in SCALES)
    others.insert(1 + is_varied, twice)
    first, rest = others[:_SHOWN], [*others[_SHOWN:], fourfold]
    if not is_open:
        return in_rows([*first, Button("⋯", PANEL.pack("open", job.id))], _IN_A_ROW)
    rest.append(PANEL.button(language, "close", job.id, key="back"))
    return in_rows(rest, _IN_A_ROW)


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
