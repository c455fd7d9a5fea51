"""Background removal: the subject of a photograph as a PNG with transparency."""

from PIL import Image

from imgbot.imaging.decoding import decode
from imgbot.imaging.engine.matting import apply_matte
from imgbot.imaging.engine.results import EngineResult
from imgbot.imaging.engine.segmentation import segment
from imgbot.imaging.pictures import save_lossless_or_jpeg

# Keys of the results. Without a clear subject the picture is a guess, or whole if there is none.
REMOVED, NO_CLEAR_SUBJECT = "background_removed", "no_clear_subject"
_MEGAPIXELS_MAX = 64
# The picture, its cut-out and the strips between them fit into a worker's memory.
_KEPT_MEGAPIXELS = 12.0
_JPEG_QUALITY = 95


def remove_background(source: str, target_stem: str) -> EngineResult:
    """Write the subject of the picture at `source` to `target_stem` + .png, as RGBA.

    `applied` of the result is ("background_removed",), or ("no_clear_subject",) if the cut is a
    guess; without even a guess, nothing is transparent. Transparency of the source is kept. Larger
    pictures are reduced to 12 megapixels, which take about 2 s of CPU time and 250 MB.
    UserError: the errors of `decode`.
    """
    image = decode(source, limit_megapixels=_MEGAPIXELS_MAX, keep_megapixels=_KEPT_MEGAPIXELS)
    applied = REMOVED
    if image.mode != "RGBA":
        image, is_clear = cut_subject(image)
        applied = REMOVED if is_clear else NO_CLEAR_SUBJECT
    path = save_lossless_or_jpeg(image, target_stem, _JPEG_QUALITY)
    return EngineResult(path, image.width, image.height, (applied,), ())


def cut_subject(image: Image.Image) -> tuple[Image.Image, bool]:
    """Picture (RGB) as RGBA, transparent around its subject, and True if the subject is clear."""
    found = segment(image)
    if found.mask.getbbox() is None:
        image = image.copy()
        image.putalpha(255)
        return image, False
    return apply_matte(image, found.small, found.mask), found.is_clear
