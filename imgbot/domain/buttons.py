"""Inline buttons, and their callback data: the name of an action, and the parts of its argument.

Callback data is not trusted: it is parsed to what its action takes, and the handlers check access.
A button that one handler alone shows stands beside it.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from imgbot.domain.errors import UserError
from imgbot.domain.job import Job
from imgbot.domain.operations import (
    OPERATIONS,
    PHOTO_ACTIONS,
    RESULT_ACTIONS,
    Operation,
)
from imgbot.domain.texts import t
from imgbot.domain.texts.captions import drawing_name


@dataclass(frozen=True, slots=True)
class Button:
    """Label, and at most 64 bytes of callback data; a link instead, if there is a URL."""

    label: str
    data: str
    url: str = ""


class Presser(int):
    """Id of the one user who may press a button."""


@dataclass(frozen=True, slots=True)
class ButtonAction:
    """Action of buttons: the form of its callback data, and who may press them."""

    name: str
    parts: Sequence[Callable[[str], Any]] = (str,)
    """Types of the parts of its argument, between which dots stand; those at its end may lack."""
    is_for_admins: bool = False
    is_repeatable: bool = False
    """True if two presses within seconds count twice, as of a page that is turned."""
    is_open: bool = False
    """True if also those who are not admitted may press it."""

    def pack(self, *parts: object) -> str:
        """Return the callback data of a button."""
        return f"{self.name}:{'.'.join(map(str, parts))}"

    def button(self, language: str, *parts: object, key: str = "") -> Button:
        """Return a button, labelled by the text of a key, if it is not that of its name."""
        return Button(t(language, f"button_{key or self.name}"), self.pack(*parts))

    def parse(self, argument: str, user_id: int) -> list[Any]:
        """Return the parts of a pressed button's argument but its `Presser`.

        Raises UserError for another user's button, and for what no button of this action has.
        """
        texts = chain(argument.split(".", len(self.parts) - 1), repeat(""))
        try:
            parts = [part(text) for part, text in zip(self.parts, texts, strict=False)]
        except ValueError:
            raise UserError("unknown_button") from None
        if any(isinstance(part, Presser) and part != user_id for part in parts):
            raise UserError("not_your_button")
        return [part for part in parts if not isinstance(part, Presser)]


@dataclass(frozen=True, slots=True)
class ResultButton:
    """Button of a feature under results; its name is that of its action, and of its label."""

    name: str
    fits: Callable[[Operation, str], bool]
    """Takes the operation and the prompt of a result."""
    is_about_words: bool = False
    """True if it is also under the question what words mean, of which it takes the first sense."""


Keyboard = list[list[Button]]

_FORM = re.compile(r"([a-z]{2,10}):([A-Za-z0-9_.-]{0,60})")
SCALES = (2, 4)
# With more buttons in a row, phones truncate labels that are words.
_IN_A_ROW = 3


def action_in(data: str | None) -> tuple[str, str]:
    """Return the name of the action, and its argument; nothing for data of another form."""
    found = _FORM.fullmatch(data or "")
    return (found[1], found[2]) if found else ("", "")


def button(language: str, name: str, data: str) -> Button:
    return Button(t(language, f"button_{name}"), data)


CANCEL = ButtonAction("cancel")
RETRY = ButtonAction("retry")
"""Order the request of a failed job again."""


def in_rows(buttons: Sequence[Button], length: int) -> Keyboard:
    return [list(buttons[start : start + length]) for start in range(0, len(buttons), length)]


def under_photo(language: str, extras: Sequence[str] = ()) -> Keyboard:
    """Buttons under a photo that was sent without a prompt; `extras` are those of features."""
    plain = [each for each in PHOTO_ACTIONS if not OPERATIONS[each].has_scale]
    return [
        *in_rows([button(language, each, f"photo:{each}") for each in plain], 2),
        [Button(f"×{scale}", f"photo:x{scale}") for scale in SCALES],
        *([button(language, name, f"{name}:")] for name in extras),
    ]


def scales() -> Keyboard:
    return [[Button(f"×{scale}", f"scale:{scale}") for scale in SCALES]]


def merge(language: str) -> Keyboard:
    """Buttons while photos for a merge are collected."""
    return [[button(language, "merge_now", "merge:")]]


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
    actions = {name: not OPERATIONS[each].has_scale for name, each in RESULT_ACTIONS.items()}
    *first, sticker = _of_job(language, job.id, {"again": is_varied} | actions)
    is_created = request.operation is Operation.CREATE
    names = {"compare": is_change, "undo": is_change, "prompt": is_created}
    more = _of_job(language, job.id, names)
    (first if len(first) < _IN_A_ROW else more).append(sticker)
    fitting = {each.name: each.fits(request.operation, request.prompt) for each in offered}
    last = [*more, *_of_job(language, job.id, fitting | {"receipt": True})]
    sizes = [Button(f"×{scale}", f"up:{scale}.{job.id}") for scale in SCALES]
    file = _of_job(language, job.id, {"file": is_photo})
    length = _IN_A_ROW if len(last) != _IN_A_ROW + 1 else 2
    return [first, [*sizes, *file], *in_rows(last, length)]


def _of_job(language: str, job_id: str, names: Mapping[str, bool]) -> list[Button]:
    """Return the buttons of a result that are possible, by their names."""
    given = (name for name, is_possible in names.items() if is_possible)
    return [button(language, name, f"{name}:{job_id}") for name in given]


def resend(language: str, user_id: int, update_id: int) -> Keyboard:
    """Button under a refusal: handle the refused message again."""
    return [[button(language, "retry", f"resend:{user_id}.{update_id}")]]


def after_complaint(
    language: str, job: Job, *, again: str = "", change: str = "", is_varied: bool
) -> Keyboard:
    """Buttons under the answer to a complaint: what it misses, a change, a step back."""
    missing = (("again", "draw_with", again), ("change", "change_so", change))
    offered = [
        [Button(t(language, f"button_{key}", words=words), f"offer:{choice}.{job.id}")]
        for choice, key, words in missing
        if words
    ]
    names = {"again": is_varied and not again, "edit": True, "undo": job.request.is_change}
    return [*offered, _of_job(language, job.id, names)]


def delete(language: str, job_id: str) -> Keyboard:
    """Button that confirms that one picture is deleted."""
    return [[button(language, "delete", f"delete:{job_id}")]]


def drawn_anew(language: str, job_id: str, words: str) -> Keyboard:
    """Button that draws a picture anew, with the words that a change left out."""
    return [[Button(t(language, "button_anew", words=words), f"anew:{job_id}")]]


def meanings(
    language: str, picture_id: str, *, is_merging: bool = False, extras: Sequence[str] = ()
) -> Keyboard:
    """Buttons for what an unsure text may mean: a new picture, or a change of this one.

    `extras` are the names of buttons of features about a new picture.
    """
    row = [button(language, "new_picture", "meant:create")]
    if is_merging:
        row.append(button(language, "merge_now", "meant:merge"))
    elif picture_id:
        row.append(button(language, "change_this", f"meant:change.{picture_id}"))
    return [row, *([button(language, name, f"{name}:")] for name in extras)]


def drawings(prompt: str, job_id: str, keys: Sequence[str]) -> Keyboard:
    """Row of subjects and styles that the built-in engine can draw as well."""
    names = {key: drawing_name(key, prompt) for key in keys}
    made = [Button(f"🖌 {name}", f"draw:{key}.{job_id}") for key, name in names.items() if name]
    return [made] if made else []


def pager(newer: str, older: str, current: str, where: str) -> list[Button]:
    """Navigation row of the history: to the newer result, the position, to the older result."""
    row = (Button("◀", newer), Button(where, current), Button("▶", older))
    return [Button(each.label, f"view:{each.data}") for each in row if each.data]


def mark_of(text: str) -> str:
    """Return the form of a model's id, or of a told price, in callback data, which is short."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def forget(language: str, user_id: int) -> Keyboard:
    """Button that confirms that everything about a user is deleted."""
    return [[button(language, "forget", f"forget:{user_id}")]]
