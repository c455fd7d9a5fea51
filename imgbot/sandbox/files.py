"""Files on disk and their handles, and pictures processed as Telegram does it.

Everything sent is a `StoredFile`; the oldest are deleted when there are too many, and the folder
with the sandbox. Uploads stay where they are: a load test sends the same ones all the time.
Picture functions block and run in threads.
"""

import asyncio
import hashlib
import mimetypes
import os
import re
import secrets
import shutil
import struct
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

from PIL import Image, ImageOps

from imgbot.sandbox.api_errors import ApiError, bad_request

SENT_SIDES = (90, 320, 1280)
DELIVERED_SIDES = (90, 320, 1280, 2560)
THUMBNAIL_SIDES = (320,)

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_QUALITY = 87
_SIDES_SUM = 10_000
_RATIO = 20
_MAX_PIXELS = 50_000_000
_STICKER_BYTES, _STICKER_PX = 512_000, 512
Rendition = tuple[Path, int, int]
"""One size of a photo: a JPEG file, its width and height."""


def renditions(source: Path, target_stem: Path, sides: tuple[int, ...]) -> list[Rendition]:
    """Recompress the photo to the longest `sides`, small to large, none larger than itself.

    Raises ApiError for a file that is no photo.
    """
    with _opened(source) as picture:
        _check_dimensions(*picture.size)
        picture.draft("RGB", (max(sides), max(sides)))
        try:
            flat = _flattened(ImageOps.exif_transpose(picture))
        except Exception:  # noqa: BLE001 -- Pillow raises all kinds on damaged files
            raise bad_request("IMAGE_PROCESS_FAILED") from None
    found: list[Rendition] = []
    for side in reversed(_useful(sides, max(flat.size))):
        # Each size is made from the next larger one: decoding once is what costs.
        flat.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
        path = target_stem.with_name(f"{target_stem.name}-{side}.jpg")
        flat.save(path, "JPEG", quality=_QUALITY)
        found.append((path, *flat.size))
    return found[::-1]


def _useful(sides: tuple[int, ...], longest: int) -> list[int]:
    """Return the sides that reduce the picture, and one that leaves it as it is."""
    smaller = [side for side in sorted(sides) if side < longest]
    larger = [side for side in sorted(sides) if side >= longest]
    return smaller + larger[:1]


def _opened(source: Path) -> Image.Image:
    try:
        return Image.open(source, formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise bad_request("PHOTO_INVALID_DIMENSIONS") from None
    except Exception:  # noqa: BLE001 -- as above
        raise bad_request("IMAGE_PROCESS_FAILED") from None


def _check_dimensions(width: int, height: int) -> None:
    short, long = sorted((width, height))
    if not short or width + height > _SIDES_SUM or long > short * _RATIO:
        raise bad_request("PHOTO_INVALID_DIMENSIONS")


def _flattened(picture: Image.Image) -> Image.Image:
    if picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info:
        rgba = picture.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return picture.convert("RGB")


def thumbnail(source: Path, target_stem: Path) -> Rendition | None:
    """Return a small preview of a document, None if it is not a picture or too large."""
    try:
        with _opened(source) as picture:
            if picture.width * picture.height > _MAX_PIXELS:
                return None
        return renditions(source, target_stem, THUMBNAIL_SIDES)[-1]
    except ApiError:
        return None


_P = ParamSpec("_P")
_T = TypeVar("_T")

FileKind = Literal["photos", "documents", "stickers", "thumbnails", "voice", "videos", "animations"]

_MAX_FILES = 40_000
_MAX_BYTES = 4 << 30
_THREADS = 2
_MAX_MADE = 64
_PREFIXES: dict[FileKind, str] = {
    "photos": "AgACAgIAAxkBAA",
    "documents": "BQACAgIAAxkBAA",
    "stickers": "CAACAgIAAxkBAA",
    "thumbnails": "AAMCAgADGQEAA",
    "voice": "AwACAgIAAxkBAA",
    "videos": "BAACAgIAAxkBAA",
    "animations": "CgACAgIAAxkBAA",
}


@dataclass(frozen=True, slots=True)
class StoredFile:
    """File with its Telegram handles."""

    file_id: str
    unique_id: str
    path: Path
    file_path: str
    name: str
    mime: str
    size_bytes: int
    width: int = 0
    height: int = 0

    def handles(self) -> dict[str, Any]:
        return {
            "file_id": self.file_id,
            "file_unique_id": self.unique_id,
            "file_size": self.size_bytes,
        }

    def size(self) -> dict[str, Any]:
        """Return it as one size of a photo."""
        return self.handles() | {"width": self.width, "height": self.height}


Part = dict[str, Any]
"""A photo in all its sizes, or a document, as a part of a message."""


def cleaned_name(name: str) -> str:
    """Return a file name without folders and control characters."""
    bare = re.split(r"[/\\]", name)[-1]
    return re.sub(r"[\x00-\x1f\x7f\"<>|]", "", bare).strip(" .")[:120]


class FileStore:
    """Folder of files, with every handle into it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="imgbot-sandbox-"))
        self._files: OrderedDict[str, StoredFile] = OrderedDict()
        self._by_path: dict[str, str] = {}
        self._wholes: dict[str, Part] = {}
        self._uploads: dict[str, tuple[Path, str]] = {}
        self._size_bytes = 0
        self._count = 0
        self._threads = asyncio.Semaphore(_THREADS)
        self._made: OrderedDict[tuple[str, tuple[int, ...]], list[Rendition]] = OrderedDict()

    def close(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def new_path(self) -> Path:
        """Return an unused path for incoming bytes."""
        self._count += 1
        return self._folder / f"{self._count:08d}"

    def find(self, handle: str) -> StoredFile | None:
        return self._files.get(handle)

    def by_file_path(self, file_path: str) -> StoredFile | None:
        return self._files.get(self._by_path.get(file_path, ""))

    def whole(self, file_id: str) -> Part | None:
        """Return the photo or document of a handle; for a photo, any size's handle will do."""
        return self._wholes.get(file_id)

    def keep_upload(self, path: Path, name: str) -> str:
        """Note a file that a user will send; return a key, which Telegram never sees."""
        key = secrets.token_urlsafe(18)
        self._uploads[key] = (path, name)
        return key

    async def keep_sent(self, kind: str, key: str) -> Part:
        """Store what a user sends. Raises ApiError, KeyError."""
        path, name = self._uploads[key]
        if kind == "photo":
            return await self.keep_photo(path, SENT_SIDES)
        if kind == "voice":
            return await self._keep_voice(path)
        return await self.keep_document(path, name)

    async def keep_photo(self, source: Path, sides: tuple[int, ...] = DELIVERED_SIDES) -> Part:
        """Store a picture in Telegram's sizes; raises ApiError."""
        made = await self._in_thread(self._renditions, source, self.new_path(), sides)
        sizes = [await self._stored("photos", *rendition) for rendition in made]
        part: Part = {"photo": [size.size() for size in sizes]}
        self._wholes |= dict.fromkeys((size.file_id for size in sizes), part)
        return part

    async def keep_document(self, source: Path, name: str) -> Part:
        """Store any file; the bytes are moved, or linked if they belong to an upload."""
        path = self.new_path()
        await self._in_thread(os.link, source, path)
        file = await self._stored("documents", path, name=cleaned_name(name) or "file")
        part: dict[str, Any] = {"file_name": file.name, "mime_type": file.mime}
        if made := await self._in_thread(thumbnail, path, self.new_path()):
            part["thumbnail"] = (await self._stored("thumbnails", *made)).size()
        self._wholes[file.file_id] = whole = {"document": part | file.handles()}
        return whole

    async def _keep_voice(self, source: Path) -> Part:
        path = self.new_path()
        await self._in_thread(os.link, source, path)
        file = await self._stored("voice", path, name="voice.oga")
        self._wholes[file.file_id] = whole = {"voice": {"mime_type": "audio/ogg"} | file.handles()}
        return whole

    async def keep_clip(self, kind: Literal["video", "animation"], source: Path, name: str) -> Part:
        """Store an MP4, or as an animation a GIF; raises ApiError for what clients cannot play.

        Telegram would show another file as a document; that it is sent is the bot's mistake here.
        """
        with source.open("rb") as file:
            head = file.read(12)
        is_gif = kind == "animation" and head.startswith((b"GIF87a", b"GIF89a"))
        if not is_gif and head[4:8] != b"ftyp":
            raise bad_request("wrong file type")
        path = self.new_path()
        await self._in_thread(os.link, source, path)
        file_kind: FileKind = "videos" if kind == "video" else "animations"
        # What clients learn of a video by decoding it is not simulated.
        size = struct.unpack_from("<HH", head, 6) if is_gif else (320, 320)
        file = await self._stored(file_kind, path, *size, name=cleaned_name(name))
        part: Part = {"mime_type": file.mime, "duration": 5} | file.size()
        # An animation is named as a document, too.
        whole = {kind: part} | ({"document": part} if kind == "animation" else {})
        self._wholes[file.file_id] = whole
        return whole

    async def keep_sticker(self, source: Path) -> Part:
        """Store a static sticker; raises ApiError for what Telegram takes for none."""
        size = await self._in_thread(_sticker_size, source)
        path = self.new_path()
        await self._in_thread(os.link, source, path)
        file = await self._stored("stickers", path, *size, name="sticker.webp")
        kind = {"type": "regular", "is_animated": False, "is_video": False}
        self._wholes[file.file_id] = whole = {"sticker": kind | file.size()}
        return whole

    def _renditions(
        self, source: Path, target_stem: Path, sides: tuple[int, ...]
    ) -> list[Rendition]:
        """Return the sizes of a photo; those of a picture seen lately are copied, not made."""
        digest, _ = _digest(source)
        with suppress(OSError):  # the former ones may be deleted by now
            copies: list[Rendition] = []
            for former, width, height in self._made.get((digest, sides), []):
                path = target_stem.with_name(f"{target_stem.name}-{len(copies)}.jpg")
                os.link(former, path)
                copies.append((path, width, height))
            if copies:
                return copies
        made = renditions(source, target_stem, sides)
        self._made[digest, sides] = made
        if len(self._made) > _MAX_MADE:
            self._made.popitem(last=False)
        return made

    async def _stored(
        self, kind: FileKind, path: Path, width: int = 0, height: int = 0, name: str = ""
    ) -> StoredFile:
        digest, size_bytes = await self._in_thread(_digest, path)
        suffix = re.search(r"\.[A-Za-z0-9]{1,8}$", name or ".jpg")
        self._count += 1
        file_path = f"{kind}/file_{self._count}{suffix[0] if suffix else ''}"
        stored = StoredFile(
            file_id=_PREFIXES[kind] + secrets.token_urlsafe(39),
            unique_id="AQAD" + digest[:11],
            path=path,
            file_path=file_path,
            name=name,
            mime=mimetypes.guess_type(name or "a.jpg")[0] or "application/octet-stream",
            size_bytes=size_bytes,
            width=width,
            height=height,
        )
        self._by_path[file_path] = stored.file_id
        self._files[stored.file_id] = stored
        self._size_bytes += stored.size_bytes
        self._drop_oldest()
        return stored

    def _drop_oldest(self) -> None:
        while len(self._files) > _MAX_FILES or self._size_bytes > _MAX_BYTES:
            handle, oldest = self._files.popitem(last=False)
            self._size_bytes -= oldest.size_bytes
            self._by_path.pop(oldest.file_path, None)
            self._wholes.pop(handle, None)
            oldest.path.unlink(missing_ok=True)

    async def _in_thread(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        async with self._threads:
            return await asyncio.to_thread(work, *args, **kwargs)


def _sticker_size(source: Path) -> tuple[int, int]:
    if source.stat().st_size > _STICKER_BYTES:
        raise bad_request("file is too big for a sticker")
    with _opened(source) as picture:
        if picture.format != "WEBP" or getattr(picture, "is_animated", False):
            raise bad_request("wrong file type")
        if max(picture.size) != _STICKER_PX:
            raise bad_request("STICKER_PNG_DIMENSIONS")
        return picture.size


def _digest(path: Path) -> tuple[str, int]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return digest, path.stat().st_size
