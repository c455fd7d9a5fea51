"""Paths of an installation."""

from dataclasses import dataclass
from pathlib import Path

UNIT = "imgbot.service"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths on one server; another `root` for a trial."""

    root: Path = Path("/")
    home: Path | None = None
    """Of whoever became root by sudo: their copies of the one file are removed, too."""

    @property
    def program(self) -> Path:
        """A folder per release, and the links `current`, `previous` and `pending`."""
        return self.root / "opt/imgbot"

    @property
    def current(self) -> Path:
        return self.program / "current"

    @property
    def previous(self) -> Path:
        """Leads to the release that served before."""
        return self.program / "previous"

    @property
    def pending(self) -> Path:
        """Leads to a release that was installed and has not served yet; else not there."""
        return self.program / "pending"

    @property
    def settings(self) -> Path:
        return self.root / "etc/imgbot"

    @property
    def environment_file(self) -> Path:
        return self.settings / "imgbot.env"

    @property
    def example(self) -> Path:
        """The file of settings as shipped, beside one that is the operator's own."""
        return self.settings / "imgbot.env.example"

    @property
    def credentials(self) -> Path:
        return self.settings / "credentials"

    @property
    def token(self) -> Path:
        return self.credentials / "bot-token"

    @property
    def unit(self) -> Path:
        return self.root / "etc/systemd/system" / UNIT

    @property
    def drop_ins(self) -> Path:
        """Drop-ins written by `systemctl edit imgbot`."""
        return self.root / "etc/systemd/system" / f"{UNIT}.d"

    @property
    def command(self) -> Path:
        return self.root / "usr/local/bin/imgbot"

    @property
    def data(self) -> Path:
        """Folder of jobs and pictures; with DynamicUser=, a link into /var/lib/private."""
        return self.root / "var/lib/imgbot"

    @property
    def private_data(self) -> Path:
        return self.root / "var/lib/private/imgbot"

    @property
    def caches(self) -> tuple[Path, ...]:
        """Folders into which the one file unpacks itself when it is run without installing."""
        own = (self.home / ".cache/imgbot",) if self.home is not None else ()
        return (self.root / "var/cache/imgbot", *own)
