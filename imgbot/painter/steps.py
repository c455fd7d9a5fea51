"""The steps that a worker can run, with their records: all that the supervisor knows of them.

It names a step and hands it to `pool.Pool.run`; the code of the step is loaded in the worker.
"""

import importlib
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

T = TypeVar("T")

MIB = 1 << 20
MEGAPIXEL = 1_000_000
SIDE_LIMIT_PX = 20_000

RESULT_LIMIT_BYTES = 100 * MIB
RESULT_LIMIT_MEGAPIXELS = 64


@dataclass(frozen=True, slots=True)
class EngineResult:
    """Path and size of a finished picture, the changes applied and the words not recognised.

    `applied` has keys, some with a value (`blur|slightly`, `crop_ratio|16:9`); `suggestions` has
    recognised words similar to the unrecognised ones, in the form shown to users; of a created
    picture they are as `create_report` gives them.
    """

    path: str
    width: int
    height: int
    applied: tuple[str, ...]
    unrecognised: tuple[str, ...]
    suggestions: tuple[str, ...] = ()


def bare_of(target: str) -> str:
    """Return the path of a finished picture without the words on it."""
    return f"{target}.bare"


@dataclass(frozen=True, slots=True)
class Deliverable:
    """File to send: a photo, a document where a photo would be refused or degraded, or a clip.

    A clip is a video (MP4) or an animation (GIF), of no known size.
    """

    path: str
    kind: Literal["photo", "document", "video", "animation"]
    width: int
    height: int
    size_bytes: int
    original_suffix: str = ""
    """Suffix of the original result, such as .png; empty if it must not be handed out."""
    note: str = ""
    """Text key of a sentence appended to the caption."""


@dataclass(frozen=True, slots=True)
class DrawnArea:
    """Area that was found: `area_found`, a reason to ask, or nothing for unrelated pictures."""

    reason: str
    is_swapped: bool = False
    """True if the first picture is the one that was drawn on."""


@dataclass(frozen=True, slots=True)
class WorkerStep(Generic[T]):
    """A function of the picture code, called by name: only a worker imports its module."""

    module: str
    name: str

    def __call__(self, *args: object, **options: object) -> T:
        """Call the function, in a worker."""
        module = importlib.import_module(self.module, __package__)
        done: T = getattr(module, self.name)(*args, **options)
        return done


# See the functions of these names.
check: WorkerStep[str] = WorkerStep(".pictures", "check_picture")
size_of: WorkerStep[tuple[int, int]] = WorkerStep(".pictures", "size_of")
fit: WorkerStep[str] = WorkerStep(".pictures", "fit_picture")
prepare: WorkerStep[Deliverable] = WorkerStep(".pictures", "prepare")
as_it_is: WorkerStep[Deliverable] = WorkerStep(".pictures", "as_it_is")
check_clip: WorkerStep[Deliverable] = WorkerStep(".clips", "check_clip")
make_sticker: WorkerStep[None] = WorkerStep(".sticker", "make_sticker")
judge: WorkerStep[Literal["safe", "unsafe", "unknown"]] = WorkerStep(".guard", "judge_picture")
find_drawn_area: WorkerStep[DrawnArea] = WorkerStep(".drawn_area", "find_drawn_area")
fit_mask: WorkerStep[str] = WorkerStep(".drawn_area", "fit_mask")
grow_canvas: WorkerStep[None] = WorkerStep(".drawn_area", "grow_canvas")
make_picture: WorkerStep[EngineResult] = WorkerStep(".engine", "make_picture")
letter: WorkerStep[None] = WorkerStep(".engine", "letter_result")
