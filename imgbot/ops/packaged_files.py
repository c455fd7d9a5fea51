"""Files shipped for the server: the unit, its environment file, Prometheus and Grafana files.

A wheel carries the folder systemd/ of the checkout as imgbot/ops/shipped.
"""

from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from imgbot.files import replace_file

TARGET = "127.0.0.1:8080"
"""Scrape target in the shipped Prometheus file."""

_FOR_PROMETHEUS = ("prometheus/imgbot.yml", "prometheus/imgbot.rules.yml", "grafana/imgbot.json")
_CHECKOUT = Path(__file__).parents[2] / "systemd"


def shipped(name: str) -> Traversable:
    """Return a file or folder by its path below systemd/, like `imgbot.service`.

    Raises FileNotFoundError for one that does not come with the program.
    """
    for folder in (resources.files("imgbot.ops") / "shipped", _CHECKOUT):
        found = folder.joinpath(*name.split("/"))
        if found.is_file() or found.is_dir():
            return found
    raise FileNotFoundError(f"{name} does not come with imgbot")


def shipped_names() -> Iterator[str]:
    """Give the path below systemd/ of every file that comes with the program."""
    for top in ("imgbot.service", "imgbot.env", "prometheus", "grafana"):
        found = shipped(top)
        yield from [f"{top}/{file.name}" for file in found.iterdir()] if found.is_dir() else [top]


def has_sandbox() -> bool:
    """True if the sandbox is present; `imgbot install` leaves it out unless asked for it."""
    return find_spec("imgbot.sandbox") is not None


def write_prometheus_config(folder: Path, target: str) -> list[str]:
    """Write what Prometheus and Grafana read about the bot that listens at `target`.

    Returns, in sentences, what is there now. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / PurePosixPath(name).name for name in _FOR_PROMETHEUS]
    for name, path in zip(_FOR_PROMETHEUS, paths, strict=True):
        text = shipped(name).read_text(encoding="utf-8")
        replace_file(path, text.replace(f'"{TARGET}"', f'"{target}"'), 0o644)
    said = [f"{path} is written" for path in paths]
    return [*said, f"{paths[0]} scrapes {target}, and says at its head what is to be done"]
