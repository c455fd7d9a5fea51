"""Background removal: the subject of a photograph as a PNG with transparency."""

from typing import Any

from PIL import Image, ImageChops, ImageFilter, ImageMath, ImageStat

from imgbot.painter.decoding import decode
from imgbot.painter.engine.drawing import paint_spread
from imgbot.painter.engine.restoration import STRIP_PX
from imgbot.painter.engine.segmentation import CERTAIN, find_subject
from imgbot.painter.pictures import save_lossless_or_jpeg
from imgbot.painter.steps import EngineResult


def apply_matte(image: Image.Image, mask: Image.Image) -> Image.Image:
    """Foreground of `image` (RGB) as RGBA; `mask` (L) has the size of a reduced copy.

    Opacity is the projection of the pixel's colour onto the line from the local background colour
    to the local foreground colour, pulled towards the mask where the two hardly differ.
    """
    small = image.resize(mask.size, Image.Resampling.BOX)
    # The band of unknown opacity is around the coarse mask's edge.
    inside = mask.filter(ImageFilter.MinFilter(5))
    outside = ImageChops.invert(mask.filter(ImageFilter.MaxFilter(7)))
    front, back = _continue_colours(small, inside), _continue_colours(small, outside)
    soft = mask.filter(ImageFilter.GaussianBlur(1))
    result = Image.new("RGBA", image.size)
    rows = small.height / image.height
    for top in range(0, image.height, STRIP_PX):
        bottom = min(image.height, top + STRIP_PX)
        size = (image.width, bottom - top)
        box = (0, top * rows, small.width, min(small.height, bottom * rows))
        strip = image.crop((0, top, image.width, bottom))
        near, far, guess, certain, excluded = (
            layer.resize(size, Image.Resampling.BILINEAR, box)
            for layer in (front, back, soft, inside, outside)
        )
        alpha = _project(strip, near, far, guess)
        alpha = ImageChops.darker(ImageChops.lighter(alpha, certain), ImageChops.invert(excluded))
        # Pixels at the edge hold background light: the foreground's own colour replaces it.
        clean = Image.composite(strip, near, alpha)
        clean.putalpha(alpha)
        result.paste(clean, (0, top))
    return result


def _continue_colours(image: Image.Image, known: Image.Image) -> Image.Image:
    """Colours of the picture where `known` is set, continued from there everywhere else."""
    mean = ImageStat.Stat(image, known).mean if known.getbbox() else (0, 0, 0)
    result = Image.new("RGB", image.size, tuple(map(int, mean)))
    # Radii for continuing colours into that band, the nearest last.
    for radius_px in (24, 9, 3):
        paint_spread(result, image, known, radius_px)
    return result


def _project(
    image: Image.Image, front: Image.Image, back: Image.Image, guess: Image.Image
) -> Image.Image:
    pictures = {"pixel": image, "near": front, "far": back}
    bands = {
        f"{name}{number}": band
        for name, picture in pictures.items()
        for number, band in enumerate(picture.split())
    }

    def opacity(v: dict[str, Any]) -> Any:
        # Squared colour distance at which the mask counts as much as the colours.
        along, length = 0, 900
        for number in range(3):
            pixel, near, far = (v["float"](v[f"{name}{number}"]) for name in pictures)
            span = near - far
            along, length = along + (pixel - far) * span, length + span * span
        share = (along + v["guess"] * (900 / 255)) / length
        # Opacity below 0.1 and above 0.9 is noise.
        stretched = (share - 0.1) * (255 / 0.8)
        return v["convert"](v["min"](v["max"](stretched, 0), 255), "L")

    return ImageMath.lambda_eval(opacity, guess=guess, **bands)


def remove_background(source: str, target_stem: str) -> EngineResult:
    """Write the subject of the picture at `source` to `target_stem` + .png, as RGBA.

    `applied` of the result is ("background_removed",), or ("no_clear_subject",) if the cut is a
    guess; without even a guess, nothing is transparent. Transparency of the source is kept. Larger
    pictures are reduced to 12 megapixels, which take about 2 s of CPU time and 250 MB.
    UserError: the errors of `decode`.
    """
    # The picture, its cut-out and the strips between them fit into a worker's memory.
    image = decode(source, limit_megapixels=64, keep_megapixels=12.0)
    is_clear = True
    if image.mode != "RGBA":
        image, is_clear = cut_subject(image)
    applied = "background_removed" if is_clear else "no_clear_subject"
    path = save_lossless_or_jpeg(image, target_stem, 95)
    return EngineResult(path, image.width, image.height, (applied,), ())


def cut_subject(image: Image.Image) -> tuple[Image.Image, bool]:
    """Picture (RGB) as RGBA, transparent around its subject, and True if the subject is certain."""
    mask, confidence = find_subject(image)
    if not confidence:
        image = image.copy()
        image.putalpha(255)
        return image, False
    return apply_matte(image, mask), confidence >= CERTAIN
