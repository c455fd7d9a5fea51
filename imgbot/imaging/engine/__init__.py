"""The built-in engine: makes pictures with Pillow alone, in a worker, without any key."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from imgbot.imaging.decoding import decode
from imgbot.imaging.engine.create import create_picture
from imgbot.imaging.engine.edit import edit_picture
from imgbot.imaging.engine.merge import PHOTOS_MAX, merge_pictures
from imgbot.imaging.engine.retouch import retouch_picture
from imgbot.imaging.engine.upscale import upscale_picture
from imgbot.imaging.pictures import flatten, save_jpeg

QUALITY = 95
SOURCE_LIMIT_MEGAPIXELS = 64
# What an edit works on; its filters hold several copies of the picture at once.
EDITED_MEGAPIXELS = 12.0
# A collage shows each photograph at a fraction of this.
MERGED_MEGAPIXELS = 4.0


@dataclass(frozen=True, slots=True)
class Made:
    """A finished picture: where it is, what was done, which words meant nothing here."""

    path: str
    width: int
    height: int
    did: tuple[str, ...]
    unknown: tuple[str, ...]


def make(
    operation: str, words: str, sources: tuple[str, ...], target: str, *, scale: int, seed: int
) -> Made:
    """Carry out one operation and write the picture to `target` as a JPEG.

    UserError: edit_words_unknown, merge_needs_two, upscale_too_large, or what a broken source
    raises.
    """
    unknown: tuple[str, ...] = ()
    match operation:
        case "create":
            image, did = create_picture(words, seed)
        case "edit":
            image, did, unknown = edit_picture(_load(sources[0], EDITED_MEGAPIXELS), words)
        case "merge":
            image, did = merge_pictures(_load_all(sources[:PHOTOS_MAX]), words)
        case "retouch":
            image, did = retouch_picture(_load(sources[0], EDITED_MEGAPIXELS))
        case "upscale":
            source = _load(sources[0], SOURCE_LIMIT_MEGAPIXELS)
            image, did = upscale_picture(source, scale), (f"x{scale}",)
        case _:
            raise ValueError(f"unknown operation {operation!r}")
    save_jpeg(image, target, QUALITY)
    return Made(target, image.width, image.height, did, unknown)


def _load_all(sources: Sequence[str]) -> list[Image.Image]:
    return [_load(source, MERGED_MEGAPIXELS) for source in sources]


def _load(source: str, keep_megapixels: float) -> Image.Image:
    return flatten(
        decode(source, limit_megapixels=SOURCE_LIMIT_MEGAPIXELS, keep_megapixels=keep_megapixels)
    )
