"""Hook of hatchling: every wheel carries its version, its commit and a list of its libraries.

The list (SBOM, in CycloneDX) is written from the lock of the one file. Read by hatchling alone.
"""

import json
import os
import re
import runpy
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_ENTRY = re.compile(r"^([a-z][\w.-]*)==(\S+)(.*(?:\n .*)*)", re.MULTILINE)
"""Name and version of a locked library, then its checksums and what needs it."""
_NEEDED_BY = re.compile(r"# (?:via|  ) *([a-z][\w.-]*)")
_SERVER = "imgbot-server"


class WheelHook(BuildHookInterface[BuilderConfig]):
    """Writes what git and the lock say into files of the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        del version
        root = Path(self.root)
        about = runpy.run_path(str(root / "imgbot/version.py"))
        version, commit = about["version"](), about["commit"]()
        Path(about["BUILT"]).write_text(f"{version}\n{commit}\n")
        build_data["artifacts"].append("imgbot/version.txt")
        self._folder = tempfile.TemporaryDirectory(prefix="imgbot-sbom-")
        listed = Path(self._folder.name) / "imgbot.cdx.json"
        listed.write_text(sbom((root / "requirements/program.txt").read_text(), version, commit))
        build_data["sbom_files"] = [str(listed)]

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        del version, build_data, artifact_path
        self._folder.cleanup()


def sbom(lock: str, version: str, commit: str) -> str:
    """Return the libraries of a lock as CycloneDX has them."""
    server = f"pkg:pypi/{_SERVER}@{version}"
    entries = [match.groups() for match in _ENTRY.finditer(lock)]
    needs = {server: list[str]()} | {f"pkg:pypi/{name}@{its}": [] for name, its, _ in entries}
    by_name = {purl.partition("@")[0]: needed for purl, needed in needs.items()}
    for name, its, rest in entries:
        for needing in _NEEDED_BY.findall(rest):
            by_name[f"pkg:pypi/{needing}"].append(f"pkg:pypi/{name}@{its}")
    about: dict[str, object] = {
        "component": _component(_SERVER, version, "application")
        | {"properties": [{"name": "commit", "value": commit}]}
    }
    if made_s := os.environ.get("SOURCE_DATE_EPOCH"):
        about["timestamp"] = datetime.fromtimestamp(int(made_s), UTC).isoformat()
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": about,
        "components": [
            _component(name, its, "library") | {"externalReferences": [_wheels(name, rest)]}
            for name, its, rest in entries
        ],
        "dependencies": [{"ref": ref, "dependsOn": needed} for ref, needed in needs.items()],
    }
    return json.dumps(document, indent=1) + "\n"


def _component(name: str, version: str, kind: str) -> dict[str, object]:
    purl = f"pkg:pypi/{name}@{version}"
    return {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl}


def _wheels(name: str, rest: str) -> dict[str, object]:
    hashes = [{"alg": "SHA-256", "content": each} for each in re.findall(r"sha256:(\w+)", rest)]
    return {"type": "distribution", "url": f"https://pypi.org/simple/{name}/", "hashes": hashes}
