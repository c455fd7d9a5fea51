"""Place of this bot under systemd, as advice to operators names it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class ServicePlace(NamedTuple):
    """A bot's unit, and the folder of its settings."""

    unit: str
    folder: str


def service_place(environ: Mapping[str, str] = os.environ) -> ServicePlace:
    """Return the place of the bot with these variables.

    More bots on one server are told apart by the folders of their settings: /etc/imgbot-NAME.
    """
    folder = Path(environ.get("IMGBOT_ENVIRONMENT_FILE", "")).parent
    name = folder.name.removeprefix("imgbot-")
    if name != folder.name:
        return ServicePlace(f"imgbot@{name}", str(folder))
    return ServicePlace("imgbot", "/etc/imgbot")
