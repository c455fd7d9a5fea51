"""Decoding of untrusted pictures: header first, limits next, pixels last.

Any bytes give a plain RGB or RGBA image or a UserError.
"""

import contextlib
import io
import math
import re
import warnings
from collections.abc import Generator
from functools import cache
from importlib import import_module
from pathlib import Path

from PIL import ExifTags, Image, ImageCms, ImageOps

from imgbot.domain.errors import UserError
from imgbot.painter import worker
from imgbot.painter.steps import MEGAPIXEL, SIDE_LIMIT_PX

# A real profile has a few KB, a printer's a few MB; more is abuse.
_ICC_LIMIT_BYTES = 4 << 20
# Magic bytes with nothing behind them are not a truncated picture.
_HEADER_BYTES = 100

# Importing plugins by name loads these only; otherwise Pillow loads all forty at the first unknown
# file.
_PLUGINS = ("Jpeg", "Png", "WebP", "Gif", "Avif", "Tiff", "Bmp")
FORMATS = tuple(name.upper() for name in _PLUGINS)
for _name in _PLUGINS:
    import_module(f"PIL.{_name}ImagePlugin")


_BEGINNING = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|RIFF....WEBP|GIF8[79]a|II\*\x00|MM\x00\*|....ftypavi[fs]", re.DOTALL
)


def decode(path: str, *, limit_megapixels: float, keep_megapixels: float) -> Image.Image:
    """Read a picture as upright sRGB without metadata, reduced to `keep_megapixels`.

    `info["is_plain"]` is True where the file's own pixels are that already, `info["is_turned"]`
    where its metadata turns them. UserError: picture_not_a_picture, picture_too_many_pixels,
    picture_too_long, picture_truncated, picture_heic.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image, orientation = _load(path, limit_megapixels)
        with _refusing("picture_truncated"):
            profile = _load_profile(image.info.get("icc_profile"))
            size, mode = image.size, image.mode
            # One variable for every stage, so that each is freed when the next exists.
            image = _to_plain_mode(image)
            image = _reduce(image, keep_megapixels)
            image = _to_srgb(image, profile)
            if is_turned := 2 <= orientation <= 8:
                image.getexif()[ExifTags.Base.Orientation] = orientation
                image = ImageOps.exif_transpose(image)
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        image = image.convert("RGB")
    is_same = (image.size, image.mode) == (size, mode) and not is_turned
    # Encoders write comments, profiles and EXIF found here without being asked.
    image.info = {"is_plain": is_same and profile is None, "is_turned": is_turned}
    return image


def _load(path: str, limit_megapixels: float) -> tuple[Image.Image, int]:
    """Return the pixels, detached from the file and its decoder, and the EXIF orientation."""
    image = _open(path, limit_megapixels)
    with image, _refusing("picture_truncated"):
        image.load()
        # A HEIC header may state a smaller size than its stream has.
        _check_size(image, limit_megapixels)
        # A WebP decoder holds the picture three times.
        bare = image._new(image.im)  # noqa: SLF001 -- copy() would need room for one more
        bare.readonly = image.readonly
        return bare, _orientation(image)


@contextlib.contextmanager
def _refusing(reason: str) -> Generator[None]:
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:
        # C libraries report it only in the message text.
        if "out of memory" in str(error).lower():
            raise MemoryError from error
        # Decoders fail on hostile bytes in every possible way: struct.error, SyntaxError,
        # ZeroDivisionError… All mean the same to the user.
        raise UserError(reason) from error


def _open(path: str, limit_megapixels: float) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = int(limit_megapixels * MEGAPIXEL)
    free_bytes = worker.free_bytes()
    with _refusing("picture_not_a_picture"):
        formats = FORMATS
        if is_heic(path):
            register_heic()
            formats = ("HEIF",)
        try:
            image = Image.open(path, formats=formats)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            pixels = re.search(r"\d+", str(error))
            raise _too_many_pixels(int(pixels[0]) if pixels else 0, limit_megapixels) from error
        except MemoryError:
            raise
        except Exception as error:
            # It begins like a picture, so the rest is missing or broken.
            reason = "picture_truncated" if _begins_as_picture(path) else "picture_not_a_picture"
            raise UserError(reason) from error
    try:
        _check_size(image, limit_megapixels)
        _check_memory(image, free_bytes)
    except (UserError, MemoryError):
        image.close()
        raise
    return image


def _begins_as_picture(path: str) -> bool:
    with Path(path).open("rb") as file:
        return _BEGINNING.match(file.read(12)) is not None and size_bytes(path) > _HEADER_BYTES


def _check_size(image: Image.Image, limit_megapixels: float) -> None:
    if max(image.size) > SIDE_LIMIT_PX:
        raise UserError("picture_too_long", side_px=max(image.size), limit_px=SIDE_LIMIT_PX)
    # The rest is for the file itself and for earlier allocations of the process.
    in_memory = worker.MEMORY_BYTES * 0.95 / _bytes_per_pixel(image) / MEGAPIXEL
    limit_megapixels = min(limit_megapixels, math.floor(in_memory))
    if image.width * image.height > limit_megapixels * MEGAPIXEL:
        raise _too_many_pixels(image.width * image.height, limit_megapixels)


def _check_memory(image: Image.Image, free_bytes: float) -> None:
    # Checked beforehand: out of memory, some libraries report a broken file, others abort.
    if image.width * image.height * _bytes_per_pixel(image) > free_bytes:
        raise MemoryError


def _bytes_per_pixel(image: Image.Image) -> float:
    if image.info.get("progressive"):
        return 4 + 2 * len(image.getbands())
    # Peak memory of decoding, measured; Pillow stores every colour in four bytes.
    plain = 13 if image.mode.startswith(("I", "F")) else 9
    return {"WEBP": 16.5, "AVIF": 13.5, "HEIF": 11}.get(image.format or "", plain)


def _too_many_pixels(pixels: int, limit_megapixels: float) -> UserError:
    return UserError(
        "picture_too_many_pixels",
        megapixels=round(pixels / MEGAPIXEL, 1),
        limit_megapixels=limit_megapixels,
    )


def _orientation(image: Image.Image) -> int:
    # After load(): TIFF and AVIF rotate themselves then, and remove the tag.
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 -- EXIF is foreign bytes; the picture is good without
        return 1


def _to_plain_mode(image: Image.Image) -> Image.Image:
    """Convert to RGB, RGBA or CMYK (whose profile is still needed), 8 bits per channel."""
    if image.mode in ("RGB", "RGBA", "CMYK") and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _to_eight_bits(image).convert("RGB")
    if image.mode in ("PA", "LA", "La", "RGBa") or "transparency" in image.info:
        # La and RGBa have no direct conversion to RGBA; their straight forms have.
        straight = {"La": "LA", "RGBa": "RGBA"}.get(image.mode)
        return (image.convert(straight) if straight else image).convert("RGBA")
    return image.convert("RGB")


def _to_eight_bits(image: Image.Image) -> Image.Image:
    # Pillow clips these modes at 255 instead of scaling them, which turns photographs white.
    wide = image.convert("F")
    low, high = wide.getextrema()
    if not isinstance(low, float) or not isinstance(high, float):
        raise UserError("picture_not_a_picture")
    if not math.isfinite(low) or not math.isfinite(high):
        raise UserError("picture_not_a_picture")
    top = 65535.0 if image.mode != "F" and 255 < high <= 65535 else max(high, 255.0)
    bottom = min(low, 0.0)
    scale = 255.0 / (top - bottom)
    return wide.point(lambda value: value * scale - bottom * scale).convert("L")


def _reduce(image: Image.Image, keep_megapixels: float) -> Image.Image:
    width, height = image.size
    share = (keep_megapixels * MEGAPIXEL / (width * height)) ** 0.5
    if share < 1:
        image.thumbnail(
            (max(1, int(width * share)), max(1, int(height * share))),
            Image.Resampling.LANCZOS,
            reducing_gap=2.0,
        )
    return image


def _to_srgb(image: Image.Image, source: ImageCms.ImageCmsProfile | None) -> Image.Image:
    """Convert in place where the mode allows: a second copy of a large picture would not fit."""
    is_cmyk, converted = image.mode == "CMYK", None
    if source is not None:
        # Pixels mapped from the file cannot be written to.
        image = image.copy() if image.readonly else image
        # If the profile is for another colour space, for example, keep the colours as they are.
        with contextlib.suppress(ImageCms.PyCMSError):
            converted = ImageCms.profileToProfile(
                image,
                source,
                ImageCms.createProfile("sRGB"),
                outputMode="RGB" if is_cmyk else image.mode,
                inPlace=not is_cmyk,
            )
    return converted or (image.convert("RGB") if is_cmyk else image)


def _load_profile(profile: object) -> ImageCms.ImageCmsProfile | None:
    if not isinstance(profile, bytes) or not 0 < len(profile) <= _ICC_LIMIT_BYTES:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return None if "sRGB" in ImageCms.getProfileDescription(source) else source
    except Exception:  # noqa: BLE001 -- a broken profile: the colours as they are
        return None


def size_bytes(path: str) -> int:
    """Return the file's length in bytes; a missing file is not a picture."""
    try:
        return Path(path).stat().st_size
    except OSError as error:
        raise UserError("picture_not_a_picture") from error


# Brands of ISO/IEC 23008-12: those of HEVC; mif1 and msf1 stand for any codec.
_HEIC = re.compile(rb".{4}ftyp(?:he[iv][cxms]|(?:mif[12]|msf1)(?!.*avi[fs]))", re.DOTALL)


def is_heic(path: str) -> bool:
    """Return true if the content is HEIC (or HEIF other than AVIF); the file's name is ignored."""
    try:
        with Path(path).open("rb") as file:
            header = file.read(256)
    except OSError:
        return False
    return _HEIC.match(header[: max(12, int.from_bytes(header[:4]))]) is not None


@cache
def register_heic() -> None:
    """Register HEIC with Pillow. UserError picture_heic if the extra is not installed."""
    try:
        import pillow_heif  # noqa: PLC0415 -- an extra, and 11 ms that few workers need
    except ImportError as error:
        raise UserError("picture_heic") from error
    # Decoder threads count towards a worker's memory, and a worker has one core at best.
    pillow_heif.register_heif_opener(
        thumbnails=False,
        depth_images=False,
        aux_images=False,
        decode_threads=1,
    )
