"""What an operation on words gives back."""

from typing import NamedTuple

from PIL import Image


class Outcome(NamedTuple):
    """The picture, what was done to it, the words that meant nothing, and known ones near them."""

    image: Image.Image
    did: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()
