"""Results of the engine's operations."""

from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image


class EditResult(NamedTuple):
    """The picture, what was done to it, the words that meant nothing, and known ones near them."""

    image: Image.Image
    applied: tuple[str, ...]
    unrecognised: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineResult:
    """A finished picture: where it is, what was done, which words meant nothing here.

    `did` holds keys, with a value where there is one (`blur|slightly`, `crop_ratio|16:9`);
    `nearest` holds known words near the unknown ones, as a person would say them.
    """

    path: str
    width: int
    height: int
    applied: tuple[str, ...]
    unrecognised: tuple[str, ...]
    suggestions: tuple[str, ...] = ()
