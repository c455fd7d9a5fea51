"""The simulated ComfyUI's folders: what was uploaded, what was saved, and how both are named."""

import hashlib
import io
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from PIL import Image

from imgbot.sandbox.provider_pictures import encoded
from imgbot.sandbox.provider_tasks import Task
from imgbot.sandbox.simulators.comfyui_engine import Darkroom, Sheet

_MOST_BYTES = 256 << 20
_MOST_OUTPUTS = 2_000
_FOLDERS = frozenset({"input", "output", "temp"})
_PREVIEW = re.compile(r"(webp|jpeg)(?:;(\d{1,3}))?")


class WrongNameError(Exception):
    """A name that leaves its folder, or a folder that does not exist."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is."""

    folder: str
    subfolder: str
    name: str

    @property
    def path(self) -> str:
        return f"{self.subfolder}/{self.name}" if self.subfolder else self.name

    def view(self) -> dict[str, str]:
        return {"filename": self.name, "subfolder": self.subfolder, "type": self.folder}


def place_of(name: str, subfolder: str, folder: str) -> Place:
    """Raises WrongNameError."""
    parts = PurePosixPath(subfolder).parts
    is_inside = not subfolder.startswith("/") and ".." not in parts and "\0" not in subfolder
    if folder not in _FOLDERS or not is_inside:
        raise WrongNameError
    if not name or name[0] == "/" or ".." in name or "\0" in name or len(name) > 200:
        raise WrongNameError
    return Place(folder, "/".join(parts), PurePosixPath(name).name)


@dataclass(frozen=True, slots=True)
class Saved:
    """A picture that a job has saved."""

    task: Task
    sheet: Sheet

    def content(self) -> bytes:
        """Its PNG; blocks."""
        return encoded(Darkroom().develop(self.sheet), "PNG")


class Folders:
    """Files live through a restart, as on a disk; the oldest make room."""

    def __init__(self) -> None:
        self._uploads: OrderedDict[Place, bytes] = OrderedDict()
        self._size_bytes = 0
        self._saved: OrderedDict[Place, Saved] = OrderedDict()
        self._counters: dict[tuple[str, str, str], int] = {}

    @property
    def input_names(self) -> list[str]:
        return [place.path for place in self._uploads if place.folder == "input"]

    def upload(self, place: Place, content: bytes, *, overwrite: bool) -> Place:
        """Store a file; one of another content keeps its name, and this one gets a number."""
        free, number = place, 1
        while not overwrite and self._uploads.get(free, content) != content:
            stem, dot, ending = place.name.rpartition(".")
            name = f"{stem} ({number}){dot}{ending}" if dot else f"{ending} ({number})"
            free, number = Place(place.folder, place.subfolder, name), number + 1
        self._size_bytes += len(content) - len(self._uploads.get(free, b""))
        self._uploads[free] = content
        self._uploads.move_to_end(free)
        while self._size_bytes > _MOST_BYTES:
            _, oldest = self._uploads.popitem(last=False)
            self._size_bytes -= len(oldest)
        return free

    def upload_of(self, place: Place) -> bytes | None:
        return self._uploads.get(place)

    def load(self, path: str) -> bytes:
        """What LoadImage reads. Raises KeyError."""
        subfolder, _, name = path.rpartition("/")
        return self._uploads[Place("input", subfolder, name)]

    def save(self, task: Task, sheets: Sequence[Sheet], folder: str, prefix: str) -> list[Place]:
        subfolder, _, stem = prefix.strip("/").rpartition("/")
        places: list[Place] = []
        for sheet in sheets:
            key = (folder, subfolder, stem)
            self._counters[key] = self._counters.get(key, 0) + 1
            place = Place(folder, subfolder, f"{stem}_{self._counters[key]:05}_.png")
            self._saved[place] = Saved(task, sheet)
            places.append(place)
        while len(self._saved) > _MOST_OUTPUTS:
            self._saved.popitem(last=False)
        return places

    def saved(self, place: Place) -> Saved | None:
        return self._saved.get(place)


def digests_of(contents: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def previewed(content: bytes, preview: str) -> tuple[bytes, str]:
    """The picture as a smaller file, and its type; blocks."""
    found = _PREVIEW.fullmatch(preview)
    kind = found[1] if found else "webp"
    with Image.open(io.BytesIO(content)) as picture:
        return encoded(picture.convert("RGB"), kind.upper()), f"image/{kind}"


def outputs_view(places: Sequence[Place]) -> dict[str, Any]:
    return {"images": [place.view() for place in places]}
