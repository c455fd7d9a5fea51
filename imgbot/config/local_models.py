"""Models for the operator's own server: those that can be fetched, and the one that is used."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imgbot.config.settings import Settings
from imgbot.domain.local_model import LocalModel

FOLDER = "models"
"""Folder of the state directory with the fetched models."""

HUB = "https://huggingface.co"


def published_models() -> Mapping[str, dict[str, Any]]:
    """Return what `imgbot model fetch` knows, by name."""
    return tomllib.loads(Path(__file__).with_name("local_models.toml").read_text(encoding="utf-8"))


def fetched_model(state_dir: Path, name: str = "sdxs-512") -> LocalModel:
    """Return a published model, whose file may not be there yet."""
    about = published_models()[name]
    path = state_dir / FOLDER / f"{name}{Path(about['url']).suffix}"
    return LocalModel(path=str(path), **about)


def local_model_of(settings: Settings) -> LocalModel:
    """Return the model of the provider `local`."""
    given = dict(settings.local_model)
    if not (path := given.get("", "")):
        return fetched_model(settings.state_dir)
    return LocalModel(
        path=path,
        size_bytes=Path(path).stat().st_size if Path(path).is_file() else 0,
        steps=int(given.get("steps", 20)),
        guidance=float(given.get("guidance", 7)),
        side_px=int(given.get("side", 512)),
    )
