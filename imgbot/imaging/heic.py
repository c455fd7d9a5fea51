"""HEIC, the photograph of iPhones: known by its first bytes, read where `imgbot[heic]` is there."""

from functools import cache
from pathlib import Path

from imgbot.domain.errors import UserError

FORMAT = "HEIF"

# Brands of ISO/IEC 23008-12 that stand for HEVC; mif1 and msf1 stand for any coding.
_HEVC_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"))
_OPEN_BRANDS = frozenset((b"mif1", b"mif2", b"msf1"))
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEADER_BYTES = 256
# Its threads count towards a worker's memory, and a worker has a core at best.
_DECODE_THREADS = 1


def is_heic(path: str) -> bool:
    """Whether the file says that it is HEIC (or HEIF that is no AVIF), whatever its name is."""
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
    """Teach Pillow to open HEIC; UserError picture_heic where the extra is not installed."""
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
