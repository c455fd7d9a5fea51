"""Results of the engine's operations."""

from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image


class EditResult(NamedTuple):
    """Picture, keys of the applied changes, unrecognised words, and suggestions for them."""

    image: Image.Image
    applied: tuple[str, ...]
    unrecognised: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


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
