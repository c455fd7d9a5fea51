"""Input pictures checked, result pictures prepared for sending.

Both run in workers: paths in, small facts out. A file gets its name only when it is complete and on
the disk.
"""

import io
import os
import re
from dataclasses import replace
from pathlib import Path

from PIL import Image

from imgbot.domain.errors import UserError
from imgbot.files import commit, copy_file, replace_file
from imgbot.painter.decoding import decode, size_bytes
from imgbot.painter.metadata import stripped
from imgbot.painter.steps import (
    MIB,
    RESULT_LIMIT_BYTES,
    RESULT_LIMIT_MEGAPIXELS,
    Deliverable,
)

# Telegram's download limit for bots is 20 MB.
SOURCE_LIMIT_BYTES = 20 * MIB
SOURCE_LIMIT_MEGAPIXELS = 50
SOURCE_QUALITY = 95


# Telegram's limits for a photo.
PHOTO_LIMIT_BYTES = 10_000_000
_PHOTO_SIDES_SUM_PX, _PHOTO_RATIO = 10_000, 20

# Telegram's limit for a document sent by a bot.
DOCUMENT_LIMIT_BYTES = 50_000_000
DOCUMENT_QUALITIES = (95, 85, 70, 50)


def check_picture(
    source: str,
    target_stem: str,
    *,
    is_own: bool = False,
    keep_megapixels: float = 25,
) -> str:
    """Convert a file from outside into a checked picture; return its path, the stem + .jpg or .png.

    It is a plain file of ours then: upright, sRGB, without metadata. 25 megapixels are more than
    any provider takes, and four copies fit into a worker.

    `is_own` is for a result of ours, which may exceed the input limits. UserError:
    picture_not_a_picture, picture_truncated, picture_too_small, picture_too_large,
    picture_too_many_pixels or picture_too_long.
    """
    limit_bytes = RESULT_LIMIT_BYTES if is_own else SOURCE_LIMIT_BYTES
    if (size := size_bytes(source)) > limit_bytes:
        raise UserError(
            "picture_too_large", size_mb=round(size / MIB, 1), limit_mb=limit_bytes // MIB
        )
    image = decode(
        source,
        limit_megapixels=RESULT_LIMIT_MEGAPIXELS if is_own else SOURCE_LIMIT_MEGAPIXELS,
        keep_megapixels=keep_megapixels,
    )
    if min(image.size) < 16:
        raise UserError("picture_too_small")
    path = _keep_own(source, image, target_stem, limit_bytes)
    return path or save_lossless_or_jpeg(image, target_stem, SOURCE_QUALITY)


def size_of(path: str) -> tuple[int, int]:
    """Return width and height from the header alone. UserError: result_not_a_picture."""
    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(path, formats=("JPEG", "PNG", "WEBP")) as image:
            return image.size
    except Exception as error:
        raise UserError("result_not_a_picture") from error


def fit_picture(source: str, *, max_side_px: int, max_bytes: int, takes_png: bool) -> str:
    """Reduce a checked picture to what a provider accepts; return its path, unchanged if it fits.

    0 is no limit. Where it must be a JPEG, transparency becomes white.
    """
    path = Path(source)
    with Image.open(path, formats=("JPEG", "PNG")) as image:
        is_small = not max_side_px or max(image.size) <= max_side_px
        is_light = not max_bytes or path.stat().st_size <= max_bytes
        if is_small and is_light and (takes_png or path.suffix != ".png"):
            return source
        if max_side_px:
            # Before reading: a JPEG decoder can read at reduced size, so there is never a second
            # copy.
            image.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
        fitted = image.copy()
    stem = str(path.with_name(f"{path.stem}-fitted"))
    if not takes_png:
        fitted = flattened(fitted)
    # Fallback for a provider with a lower byte limit.
    target = _write(fitted, stem, (95, 88, 75, 50), max_bytes or RESULT_LIMIT_BYTES)
    if not target:
        raise UserError(
            "picture_too_large",
            size_mb=round(size_bytes(source) / MIB, 1),
            limit_mb=round(max_bytes / MIB, 1),
        )
    return target


def prepare(
    source: str, target_stem: str, *, as_file: bool = False, on_white: bool = False
) -> Deliverable:
    """Prepare a result, which is as untrusted as any input, for sending.

    `as_file` asks for a document in full quality, `on_white` for a photo of what has transparency.
    The result's own file loses its metadata. UserError: result_not_a_picture.
    """
    image = decode_result(source)
    suffix = _strip_original(source, image)
    if as_file and suffix and size_bytes(source) <= DOCUMENT_LIMIT_BYTES:
        path = f"{target_stem}{suffix}"
        copy_file(source, Path(path))
        return Deliverable(path, "document", image.width, image.height, size_bytes(path), suffix)
    if on_white and image.mode == "RGBA":
        preview = _prepare(source, flattened(image), target_stem, as_file=False)
        if preview.kind == "photo":
            return replace(preview, original_suffix=suffix, note="removebg_note")
    return replace(_prepare(source, image, target_stem, as_file=as_file), original_suffix=suffix)


def as_it_is(source: str, target_stem: str) -> Deliverable:
    """Send a result that cannot be prepared: the file itself, else a smaller copy of it.

    UserError: result_not_a_picture, if it does not even begin like one.
    """
    suffix = original_suffix(source)
    if suffix and size_bytes(source) <= DOCUMENT_LIMIT_BYTES:
        width, height = size_of(source)
        path = f"{target_stem}{suffix}"
        content = stripped(Path(source).read_bytes(), is_original=True, is_damaged=True)
        replace_file(Path(path), content)
        size = size_bytes(path)
        return Deliverable(path, "document", width, height, size, note="result_as_is_note")
    # Results above all limits, including bytes, are at least reduced to a smaller copy.
    image = decode(source, limit_megapixels=90, keep_megapixels=30)
    return _prepare(source, image, target_stem, as_file=True)


def _strip_original(source: str, image: Image.Image) -> str:
    """Remove the metadata of a result's own file, which is handed out as well; return its suffix.

    Where that would change what the file shows, it is written anew from `image`, the decoded file.
    """
    content = Path(source).read_bytes()
    kept = b"" if image.info.get("is_turned") else stripped(content, is_original=True)
    if kept and kept != content:
        replace_file(Path(source), kept)
    elif not kept:
        path = _write(image, f"{source}-anew", DOCUMENT_QUALITIES, DOCUMENT_LIMIT_BYTES)
        if not path:
            return ""
        commit(Path(path), Path(source))
    return original_suffix(source)


def _prepare(source: str, image: Image.Image, target_stem: str, *, as_file: bool) -> Deliverable:
    # A photo would lose the transparency.
    if not as_file and image.mode == "RGB" and _fits_photo(image):
        path = _keep_own(source, image, target_stem, PHOTO_LIMIT_BYTES) or _write(
            image, target_stem, (92, 85), PHOTO_LIMIT_BYTES
        )
        if path:
            return Deliverable(path, "photo", image.width, image.height, size_bytes(path))
    path = _keep_own(source, image, target_stem, DOCUMENT_LIMIT_BYTES) or _write(
        image, target_stem, DOCUMENT_QUALITIES, DOCUMENT_LIMIT_BYTES
    )
    if not path:
        raise UserError("result_not_a_picture")
    return Deliverable(path, "document", image.width, image.height, size_bytes(path))


def _keep_own(source: str, image: Image.Image, target_stem: str, limit_bytes: int) -> str:
    """Write the source's own bytes without metadata; return the path, empty if they do not fit.

    `image` is the decoded source: a PNG is kept for its transparency, else it is a JPEG.
    """
    suffix = ".png" if image.mode == "RGBA" else ".jpg"
    if not image.info.get("is_plain") or original_suffix(source) != suffix:
        return ""
    content = stripped(Path(source).read_bytes())
    if not 0 < len(content) <= limit_bytes:
        return ""
    replace_file(Path(f"{target_stem}{suffix}"), content)
    return f"{target_stem}{suffix}"


def decode_result(source: str) -> Image.Image:
    """Open a result within its limits. UserError: result_not_a_picture."""
    megapixels = RESULT_LIMIT_MEGAPIXELS
    try:
        if size_bytes(source) <= RESULT_LIMIT_BYTES:
            return decode(source, limit_megapixels=megapixels, keep_megapixels=megapixels)
    except UserError as error:
        raise UserError("result_not_a_picture") from error
    raise UserError("result_not_a_picture")


def original_suffix(source: str) -> str:
    """Return the suffix of a decodable picture in a common format, else an empty string."""
    with Path(source).open("rb") as file:
        head = file.read(12)
    found = re.match(rb"(\xff\xd8\xff)|(\x89PNG\r\n)|(RIFF....WEBP)", head, re.DOTALL)
    return ("", ".jpg", ".png", ".webp")[found.lastindex or 0] if found else ""


def _fits_photo(image: Image.Image) -> bool:
    ratio = max(image.size) / min(image.size)
    return sum(image.size) <= _PHOTO_SIDES_SUM_PX and ratio <= _PHOTO_RATIO


def _write(
    image: Image.Image, target_stem: str, qualities: tuple[int, ...], limit_bytes: int
) -> str:
    """Save as PNG if there is transparency and room for it, else as the best JPEG that fits.

    Return the path, empty if none fits.
    """
    if image.mode == "RGBA":
        path = save_lossless_or_jpeg(image, target_stem, SOURCE_QUALITY)
        if size_bytes(path) <= limit_bytes:
            return path
        Path(path).unlink()
    flat, path = flattened(image), f"{target_stem}.jpg"
    for quality in qualities:
        save_jpeg(flat, path, quality)
        if size_bytes(path) <= limit_bytes:
            return path
    Path(path).unlink()
    return ""


def flattened(image: Image.Image) -> Image.Image:
    """Convert to RGB, with transparency on white."""
    if image.mode != "RGBA":
        return image
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def save_lossless_or_jpeg(image: Image.Image, target_stem: str, quality: int) -> str:
    """Save as PNG if there is transparency, else as JPEG; return the path."""
    if image.mode == "RGBA":
        path = f"{target_stem}.png"
        save(image, path, "PNG", compress_level=3)
    else:
        path = f"{target_stem}.jpg"
        save_jpeg(image, path, quality)
    return path


def save_jpeg(image: Image.Image, path: str, quality: int) -> None:
    """Write a JPEG, completely or not at all."""
    # From this quality on, full chroma resolution is worth its bytes.
    subsampling = "4:4:4" if quality >= 90 else "4:2:0"
    save(image, path, "JPEG", quality=quality, subsampling=subsampling)


def save(image: Image.Image, path: str, name: str, **options: int | str) -> None:
    """Write a picture in a format, completely or not at all."""
    partial = Path(f"{path}.{os.getpid()}.part")
    try:
        with partial.open("wb", buffering=0) as raw, _Writer(raw) as file:
            image.save(file, name, **options)
        commit(partial, Path(path))
    finally:
        partial.unlink(missing_ok=True)


class _Writer(io.BufferedWriter):
    """File object without a descriptor.

    Given a descriptor, Pillow writes by itself and ignores short writes, as they happen on a nearly
    full disk: the picture would be truncated without an error.
    """

    def fileno(self) -> int:
        raise io.UnsupportedOperation
