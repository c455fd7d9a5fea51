"""Folders of an installation, and the variables that its service would see."""

from collections.abc import Mapping
from pathlib import Path

ETC = Path("/etc/imgbot")
STATE = Path("/var/lib/imgbot")


def credentials_of_service(environ: Mapping[str, str], etc: Path = ETC) -> str:
    """Return the folder of the installed service's secrets if it is the one examined, else ""."""
    folder = str(etc / "credentials")
    return folder if environ.get("CREDENTIALS_DIRECTORY") == folder else ""


def environ_of_service(
    environ: Mapping[str, str],
    etc: Path = ETC,
    state: Path = STATE,
    *,
    is_to_come: bool = False,
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
