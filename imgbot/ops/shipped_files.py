"""What comes with the program for the server: the unit, its environment file and their kin.

A wheel carries the folder systemd/ of the checkout as imgbot/ops/shipped.
"""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

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
