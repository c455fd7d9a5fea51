"""Files of the project and of a server, held against the code."""

import ast
import itertools
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from imgbot.cli import EX_CONFIG, main
from imgbot.config.settings import key_variables
from imgbot.config.sources import docs, read_environment_file
from imgbot.ops import lifecycle
from imgbot.supervisor import DRAIN_S, ORDER_DRAIN_S
from tests.fixtures.settings_table import FIELDS, PAGE, page, table

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "imgbot.service"
ENVIRONMENT = ROOT / "systemd" / "imgbot.env"


def _directives() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def _offered() -> dict[str, str]:
    """Give every setting of the environment file, the commented ones too."""
    lines = re.findall(r"^#?(IMGBOT_[A-Z_]+)=(.*)$", ENVIRONMENT.read_text(), re.MULTILINE)
    assert len(dict(lines)) == len(lines), "a setting stands twice"
    return dict(lines)


def test_the_environment_file_offers_settings_that_exist_with_their_defaults() -> None:
    defaults = {variable: default.strip("`") for variable, default, _ in table()}
    examples = {"IMGBOT_USERS": "100", "IMGBOT_WORKERS": "5"}

    for variable, value in _offered().items():
        assert variable in defaults
        # Some are not set, or depend on another setting.
        if not re.match("everybody|IMGBOT_|.*unset", defaults[variable]):
            assert value == examples.get(variable, defaults[variable])
    # It changes nothing until it is edited, and holds no secret.
    assert read_environment_file(ENVIRONMENT) == {}
    assert not {"IMGBOT_TOKEN", "FAL_KEY", "OPENAI_API_KEY"} & _offered().keys()


def test_the_unit_and_the_program_mean_the_same() -> None:
    directives = _directives()

    assert directives["After"] == directives["Wants"] == ["network-online.target"]
    assert "SupplementaryGroups" not in directives
    assert directives["Type"] == ["notify"]
    assert directives["ExecStart"] == ["/opt/imgbot/current/bin/imgbot"]
    assert directives["ExecReload"] == [f"{directives['ExecStart'][0]} reload"]
    assert directives["RestartPreventExitStatus"] == [str(EX_CONFIG)]
    assert DRAIN_S + ORDER_DRAIN_S < lifecycle.LIMIT_S < lifecycle.LAST_S
    assert float(directives["TimeoutStopSec"][0]) > lifecycle.LAST_S
    assert directives["KillMode"] == ["mixed"]
    assert "IMGBOT_ENVIRONMENT_FILE=/etc/imgbot/imgbot.env" in directives["Environment"]
    assert directives["EnvironmentFile"] == ["-/etc/imgbot/imgbot.env"]


def test_the_unit_hands_over_every_credential_that_is_read_and_needs_none() -> None:
    directives = _directives()
    keys = key_variables().keys()
    names = [line.split(":")[0] for line in directives["LoadCredential"]]

    assert set(names) == {"bot-token", "redis-url", "chat-key"} | keys
    assert directives["LoadCredential"] == [f"{n}:/etc/imgbot/credentials/{n}" for n in names]
    assert directives["SetCredential"] == [rf"{name}:\n" for name in names]


def test_the_template_for_more_bots_shares_nothing_with_the_first() -> None:
    page = (ROOT / "docs" / "more-bots.md").read_text()
    [script] = re.findall(r"^sed -E '(.*)' /etc/systemd", page, re.MULTILINE)

    made = subprocess.run(
        ["sed", "-E", script, str(UNIT)], capture_output=True, text=True, check=True
    )

    lines = [line for line in made.stdout.splitlines() if re.match("[A-Z][A-Za-z]+=", line)]
    own = [line for line in lines if "imgbot-%i" in line]
    assert len(own) == len(_directives()["LoadCredential"]) + 6
    assert not [line for line in lines if re.search("(/etc/|%S/|=)imgbot(/|$)", line)]


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None and "CI" not in os.environ,
    reason="there is no systemd-analyze on this machine",
)
def test_the_unit_stays_as_closed_as_it_is() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=11"]

    found = subprocess.run([*command, str(UNIT)], capture_output=True, text=True, check=False)

    assert found.returncode == 0, found.stdout[-500:] + found.stderr


@pytest.mark.parametrize("address", ["127.0.0.1:8080", "0.0.0.0:9000"])
def test_prometheus_is_sent_to_where_the_bot_listens(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGBOT_HTTP", address)

    assert main(["prometheus-config", str(tmp_path)]) == 0

    scrape = (tmp_path / "imgbot.yml").read_text()
    assert f'targets: ["127.0.0.1:{address.rpartition(":")[2]}"]' in scrape
    assert "job_name: imgbot\n" in scrape
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"imgbot.json", "imgbot.rules.yml", "imgbot.yml"}


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROGRAM = PROJECT["project"]["dependencies"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
OPERATORS_EXTRAS = ("cutout", "fill", "guard", "heic", "paint", "upscale")
BUILD = PROJECT["dependency-groups"]["build"]
LOCKED = {
    "program": PROGRAM,
    "extras": [*PROGRAM, *(need for name in OPERATORS_EXTRAS for need in EXTRAS[name])],
    "build": BUILD,
    "dev": [*PROGRAM, *itertools.chain.from_iterable(EXTRAS.values()), *BUILD],
}


def _lock_of(name: str) -> Iterator[str]:
    """The file, and those that it begins with."""
    for line in (ROOT / "requirements" / f"{name}.txt").read_text().splitlines():
        yield from _lock_of(line[3:-4]) if line.startswith("-r ") else [line]


@pytest.mark.parametrize("name", LOCKED)
def test_the_lock_holds_what_the_project_asks_for_and_nothing_else(name: str) -> None:
    lock = "\n".join(_lock_of(name))
    # A version with its checksums, and which requirement it is there for.
    entries = re.findall(r"^([\w.-]+)==(\S+)(.*(?:\n .*)*)", lock, re.MULTILINE)
    versions = {package: version for package, version, _ in entries}
    direct = {package for package, _, rest in entries if "imgbot-server (pyproject" in rest}

    asked = [need for need in map(Requirement, LOCKED[name]) if need.name != "imgbot-server"]

    assert direct == {need.name for need in asked}, "`make lock`"
    for need in asked:
        assert need.specifier.contains(versions[need.name]), f"{need}: `make lock`"
    assert all("--hash=sha256:" in rest for _, _, rest in entries)
    # The one file installs what another Python needs, for which pip reads no marker.
    assert "python_version" not in lock


def test_the_page_of_settings_is_the_codes() -> None:
    assert docs().keys() == FIELDS.keys(), "config/settings.toml"
    assert page() == PAGE.read_text("utf-8"), "`make settings`"


def test_each_type_has_a_name_of_its_own() -> None:
    """Classes, protocols and aliases; an underscore before it makes no other name."""
    places: dict[str, list[str]] = {}
    for path in (ROOT / "imgbot").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            match node:
                case ast.Assign(value=ast.Call(func=ast.Name(id="TypeVar" | "ParamSpec"))):
                    pass
                case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                    if re.match("_?[A-Z][A-Za-z0-9]*[a-z]", name):
                        places.setdefault(name.strip("_"), []).append(f"{path}:{node.lineno}")

    assert {name: found for name, found in places.items() if len(found) > 1} == {}
