"""Build of a release: `python -m imgbot.ops.install.packages_build dist`.

The one file, the wheel, a .deb and an .rpm around the one file, the list of its libraries, and the
checksums of all. Needs what requirements/dev.txt locks. Two builds of one commit are equal.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from imgbot.ops.install.onefile_build import ROOT, add_options, build_one_file, build_wheel

_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Names of a processor: of the kernel, and of packages."""
_CONFIGURATION = Path(__file__).with_name("package") / "nfpm.yaml"


def build() -> None:
    """Build the release into the folder that the command line names, which must be empty."""
    parser = argparse.ArgumentParser(description="Build all files of a release.")
    parser.add_argument("out", type=Path)
    add_options(parser)
    options = parser.parse_args()
    out: Path = options.out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise SystemExit(f"{out} is not empty: remove what an earlier build left there")
    wheel = build_wheel(out)
    build_one_file(out / "imgbot", wheel, options.pythons, options.machine)
    with zipfile.ZipFile(wheel) as files:
        (listed,) = (name for name in files.namelist() if name.endswith(".cdx.json"))
        (out / "imgbot.cdx.json").write_bytes(files.read(listed))
    for kind in ("deb", "rpm"):
        _package(kind, out, wheel.name.split("-")[1], options.machine)
    sums = [f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}" for each in _in(out)]
    (out / "SHA256SUMS").write_text("".join(f"{line}\n" for line in sums))
    print("\n".join(str(each) for each in _in(out)))


def _in(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _package(kind: str, out: Path, version: str, machine: str) -> None:
    # What lies before a release has a tilde for packagers: it sorts before all else.
    its = version.replace(".dev", "~dev")
    environ = os.environ | {"DIST": str(out), "VERSION": its, "ARCH": _MACHINES[machine]}
    command = [f"{sys.prefix}/bin/nfpm", "package", "--packager", kind, "--target", f"{out}/"]
    subprocess.run(  # noqa: S603 -- the words of this module
        [*command, "--config", str(_CONFIGURATION)],
        env=environ,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        check=True,
    )


if __name__ == "__main__":
    build()
