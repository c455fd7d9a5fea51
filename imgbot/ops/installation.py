"""Installation on a server: its paths, its shipped files, and what the service's variables are.

A wheel carries the folder systemd/ of the checkout as imgbot/ops/shipped.
"""

import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path

from imgbot.files import sync

ETC = Path("/etc/imgbot")
DISTRIBUTION = "imgbot-server"
EXTRAS = ("cutout", "fill", "guard", "heic", "paint", "upscale")
"""Extras that an operator may have installed; those of developers are left out."""

STATE = Path("/var/lib/imgbot")


def credentials_of_service(environ: Mapping[str, str], etc: Path = ETC) -> str:
    """Return the folder of the installed service's secrets if it is the one examined, else ""."""
    folder = str(etc / "credentials")
    return folder if environ.get("CREDENTIALS_DIRECTORY") == folder else ""


def environ_of_service(
    environ: Mapping[str, str], etc: Path = ETC, state: Path = STATE, *, is_to_come: bool = False
) -> dict[str, str]:
    """Return this shell's variables, or those of the installed service where it has none of ours.

    So `sudo imgbot doctor` examines the service, and `IMGBOT_…=… imgbot doctor` what it is given.
    `is_to_come` says that the service will be installed here, if it is not yet.
    """
    is_given = "CREDENTIALS_DIRECTORY" in environ or any(
        name.startswith("IMGBOT_") for name in environ
    )
    if is_given or not (is_to_come or etc.is_dir()):
        return dict(environ)
    return {
        **environ,
        "IMGBOT_ENVIRONMENT_FILE": str(etc / "imgbot.env"),
        "CREDENTIALS_DIRECTORY": str(etc / "credentials"),
        "STATE_DIRECTORY": str(state),
    }


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
    """Yield the path below systemd/ of every file that comes with the program."""
    for top in (UNIT, CLUSTER_UNIT, *BACKUP_UNITS, "imgbot.env", "prometheus", "grafana"):
        found = shipped(top)
        yield from [f"{top}/{file.name}" for file in found.iterdir()] if found.is_dir() else [top]


def has_sandbox() -> bool:
    """True if the sandbox is present; `imgbot install` leaves it out unless asked for it."""
    return find_spec("imgbot.sandbox") is not None


UNIT = "imgbot.service"
BACKUP_TIMER, _ = BACKUP_UNITS = ("imgbot-backup.timer", "imgbot-backup.service")
CLUSTER_UNIT = "imgbot-cluster@.service"
"""Template of the units of a Redis, a Sentinel and the record of a witness."""
REDIS_UNIT, SENTINEL_UNIT, RECORD_UNIT = CLUSTER_UNITS = tuple(
    CLUSTER_UNIT.replace("@", f"@{part}") for part in ("redis", "sentinel", "record")
)


class Layout:
    """Paths of an installation on one server; another `root` for a trial."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.program = root / "opt/imgbot"
        """A folder per release, and the links `current`, `previous` and `pending`."""
        self.current = self.program / "current"
        self.previous = self.program / "previous"
        """Leads to the release that served before."""
        self.pending = self.program / "pending"
        """Leads to a release that was installed and has not served yet; else missing."""
        self.settings = root / "etc/imgbot"
        self.environment_file = self.settings / "imgbot.env"
        self.credentials = self.settings / "credentials"
        self.token = self.credentials / "bot-token"
        self.unit = root / "etc/systemd/system" / UNIT
        self.backup_units = [root / "etc/systemd/system" / name for name in BACKUP_UNITS]
        self.drop_ins = root / "etc/systemd/system" / f"{UNIT}.d"
        """Drop-ins written by `systemctl edit imgbot`, and ours."""
        self.dns_drop_in = self.drop_ins / "dns.conf"
        self.cluster_drop_in = self.drop_ins / "cluster.conf"
        self.cluster_unit = root / "etc/systemd/system" / CLUSTER_UNIT
        self.cluster_drop_ins = root / "etc/systemd/system" / f"{CLUSTER_UNIT}.d"
        self.cluster = root / "etc/imgbot-cluster"
        """Configurations with which Redis and Sentinel begin; not copied with the settings."""
        self.redis_url = self.credentials / "redis-url"
        self.resolvers = root / "etc/resolv.conf"
        self.command = root / "usr/local/bin/imgbot"
        self.packaged_command = root / "usr/bin/imgbot"
        """Command of a .deb or .rpm, which starts `current`, too."""
        self.data = root / "var/lib/imgbot"
        """Folder of jobs and pictures; with DynamicUser=, a link into /var/lib/private."""
        self.private_data = root / "var/lib/private/imgbot"


@contextmanager
def umask(mask: int) -> Generator[None]:
    """Set the umask within the block."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def replace_link(path: Path, target: str) -> None:
    """Point a symbolic link elsewhere in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    incoming = path.with_name(f".{path.name}.incoming")
    incoming.unlink(missing_ok=True)
    incoming.symlink_to(target)
    incoming.replace(path)
    sync(path.parent)


def set_variable(text: str, name: str, value: str) -> str:
    """Return an environment file with a variable set: its line is changed, or one is added.

    A commented line with the setting's default is where the new one is put.
    """
    lines = text.splitlines()
    places = [n for n, line in enumerate(lines) if _name_of(line) == name]
    offers = [n for n, line in enumerate(lines) if _name_of(line.lstrip("#")) == name]
    line = f"{name}={value}"
    # The last line that sets a variable wins, so all of them go but one.
    for place in reversed(places[:-1]):
        del lines[place]
    if places:
        lines[places[-1] - (len(places) - 1)] = line
    elif offers:
        lines.insert(offers[0] + 1, line)
    else:
        lines.append(line)
    return "\n".join(lines) + "\n"


def _name_of(line: str) -> str:
    name = line.partition("=")[0].strip()
    return name.removeprefix("export ").strip() if "=" in line else ""
