"""Models for the operator's own server: those that can be fetched, and the one that is used."""

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from imgbot.config.settings import Settings

FOLDER = "models"
"""Folder of the state directory with the fetched models."""

DEFAULT = "sdxs-512"
HUB = "https://huggingface.co"

_BUFFERS_BYTES = 800 << 20
"""Measured beyond the file: libraries, and the largest buffers for 512 × 512 pixels."""


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """A model as its hub has it, with the terms of its licence."""

    url: str
    size_bytes: int
    sha256: str
    terms: str
    steps: int
    guidance: float
    side_px: int


@dataclass(frozen=True, slots=True)
class LocalModel:
    """File of a model, and how pictures are made with it."""

    path: Path
    steps: int = 20
    guidance: float = 7.0
    side_px: int = 512
    published: PublishedModel | None = None
    """What the file must be; None for the operator's own."""

    @property
    def needed_bytes(self) -> int:
        """Memory for one picture."""
        size = self.published.size_bytes if self.published else self.path.stat().st_size
        return size + _BUFFERS_BYTES


@functools.cache
def published_models() -> Mapping[str, PublishedModel]:
    """Return what `imgbot model fetch` knows, by name."""
    file = Path(__file__).with_name("local_models.toml")
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    return {name: PublishedModel(**about) for name, about in content.items()}


def fetched_model(state_dir: Path, name: str = DEFAULT) -> LocalModel:
    """Return a published model, whose file may not be there yet."""
    known = published_models()[name]
    path = state_dir / FOLDER / f"{name}{Path(known.url).suffix}"
    return LocalModel(path, known.steps, known.guidance, known.side_px, known)


def local_model_of(settings: Settings) -> LocalModel:
    """Return the model of the provider `local`."""
    given = dict(settings.local_model)
    if not (path := given.pop("", "")):
        return fetched_model(settings.state_dir)
    own, numbers = LocalModel(Path(path)), {name: float(text) for name, text in given.items()}
    return replace(
        own,
        steps=int(numbers.get("steps", own.steps)),
        guidance=numbers.get("guidance", own.guidance),
        side_px=int(numbers.get("side", own.side_px)),
    )
