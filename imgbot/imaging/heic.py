"""HEIC, the photo format of iPhones: detection, and decoding with the extra `imgbot[heic]`."""

from functools import cache
from pathlib import Path

from imgbot.domain.errors import UserError

FORMAT = "HEIF"

# HEVC brands of ISO/IEC 23008-12; mif1 and msf1 stand for any codec.
_HEVC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
_OPEN_BRANDS = frozenset((b"mif1", b"mif2", b"msf1"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEADER_BYTES = 256
# Decoder threads count towards a worker's memory, and a worker has one core at best.
_DECODE_THREADS = 1


def is_heic(path: str) -> bool:
    """Return True if the content is HEIC (or HEIF other than AVIF), whatever the file's name."""
    try:
        with Path(path).open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError:
        return False
    if header[4:8] != b"ftyp":
        return False
    size_bytes = min(int.from_bytes(header[:4], "big"), len(header))
    brands = {header[8:12], *(header[at : at + 4] for at in range(16, size_bytes, 4))}
    if header[8:12] in _OPEN_BRANDS:
        return not brands & _AVIF_BRANDS
    return header[8:12] in _HEVC_BRANDS


@cache
def register() -> None:
    """Register HEIC with Pillow. UserError picture_heic if the extra is not installed."""
    try:
        import pillow_heif  # noqa: PLC0415 -- an extra, and 11 ms that few workers need
    except ImportError as error:
        raise UserError("picture_heic") from error
    pillow_heif.register_heif_opener(
        thumbnails=False,
        depth_images=False,
        aux_images=False,
        decode_threads=_DECODE_THREADS,
    )
