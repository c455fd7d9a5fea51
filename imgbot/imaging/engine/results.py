"""Result of an operation of the engine, before it is saved."""

from typing import NamedTuple

from PIL import Image


class EditResult(NamedTuple):
    """Picture, keys of the applied changes, unrecognised words, and suggestions for them."""

    image: Image.Image
    applied: tuple[str, ...]
    unrecognised: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
