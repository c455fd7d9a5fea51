"""The doctor's decisions, from facts alone."""

import errno
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imgbot.config.setting_types import Address
from imgbot.config.settings import Settings
from imgbot.config.sources import load
from imgbot.domain.findings import Finding, Severity, ok, warning, wrong
from imgbot.ops.doctor import bot_state as running, command, guide, machine, telegram
from imgbot.ops.doctor.bot_state import BotState
from imgbot.ops.doctor.command import run_checks
from imgbot.ops.doctor.guide import MOST_USERS, LoadTestRecord
from imgbot.ops.doctor.machine import Entry, Files, Machine
from imgbot.ops.doctor.telegram import TelegramReport
from imgbot.ops.installation import environ_of_service, shipped
from imgbot.ops.loadtest.run import LoadTestOptions

GIB = 1 << 30
HTTP = Address("127.0.0.1", 8080)
MACHINE = Machine(
    folder=Path("/var/lib/imgbot"),
    free_bytes=20 * GIB,
    free_inodes=1_000_000,
    memory_bytes=GIB,
    overcommit=1,
    python="3.13.5",
    wants_python=">=3.11",
    required={"redis": "<9,>=7.1"},
    installed={"redis": "8.0.0"},
)
SAID = TelegramReport(
    api="https://api.telegram.org",
    me={"username": "a_bot", "can_read_all_group_messages": False},
    webhook={"url": ""},
    conflict="",
    skew_s=0.3,
)
UNIT = shipped("imgbot.service").read_text(encoding="utf-8")


def settings(**variables: str) -> Settings:
    return load({"IMGBOT_TOKEN": "123456789:" + "A" * 35, "IMGBOT_STATE_DIR": "/x", **variables})


def the(findings: list[Finding], check: str) -> Finding:
    [found] = [finding for finding in findings if finding.check == check]
    return found


def test_a_good_machine_is_well() -> None:
    found = machine.evaluate(MACHINE, settings(IMGBOT_WORKERS="10"))

    assert {finding.level for finding in found} == {Severity.OK}


@pytest.mark.parametrize(
    ("changed", "check", "level", "mend"),
    [
        ({"free_bytes": 10 << 20}, "disk", "wrong", "du -xh"),
        ({"free_bytes": GIB}, "disk", "warning", "IMGBOT_KEPT_PICTURES_MB"),
        ({"free_inodes": 12}, "disk", "wrong", "du -xh"),
        ({"free_bytes": None}, "disk", "warning", "sudo"),
        ({"overcommit": 0}, "overcommit", "warning", "vm.overcommit_memory=1"),
        ({"overcommit": None}, "overcommit", "warning", ""),
        ({"memory_bytes": GIB // 2}, "memory", "warning", "IMGBOT_WORKERS=3"),
        ({"python": "3.10.9"}, "python", "wrong", "apt install python3"),
        ({"installed": {}}, "libraries", "wrong", "pip install"),
        ({"installed": {"redis": "6.4"}}, "libraries", "wrong", "pip install"),
    ],
)
def test_a_bad_machine(changed: dict[str, Any], check: str, level: str, mend: str) -> None:
    found = machine.evaluate(replace(MACHINE, **changed), settings(IMGBOT_WORKERS="10"))

    assert (the(found, check).level, mend in the(found, check).advice) == (level, True)
    assert sum(finding.level is not Severity.OK for finding in found) == 1


@pytest.mark.parametrize(
    ("changed", "trouble", "check", "level"),
    [
        ({"me": None, "silence": "TimeoutError"}, None, "telegram", "wrong"),
        ({"me": None, "refusal": 401}, None, "token", "wrong"),
        ({"me": None, "refusal": 502}, None, "token", "warning"),
        ({"webhook": {"url": "https://x"}, "conflict": None}, None, "webhook", "wrong"),
        ({"conflict": "Conflict: terminated"}, None, "second poller", "wrong"),
        ({"conflict": None}, "another program polls (409)", "second poller", "wrong"),
        ({"conflict": None}, "no answer for 200 s", "second poller", "warning"),
        ({"conflict": None}, None, "second poller", "warning"),
        ({"conflict": None}, "", "second poller", "ok"),
        ({"skew_s": -86_400.0}, None, "clock", "wrong"),
        ({"skew_s": 45.0}, None, "clock", "warning"),
        ({"skew_s": None}, None, "clock", "warning"),
        ({"me": {"username": "b", "can_join_groups": False}}, None, "groups", "ok"),
    ],
)
def test_telegram(changed: dict[str, Any], trouble: str | None, check: str, level: str) -> None:
    found = telegram.evaluate(replace(SAID, **changed), trouble)

    assert the(found, check).level == level
    if level == "wrong":
        assert the(found, check).advice
        assert command.exit_status(found) == 1


def test_the_unit_as_shipped_wherever_it_stands() -> None:
    elsewhere = UNIT.replace("ExecStart=/opt/imgbot/venv/bin/imgbot", "ExecStart=/srv/imgbot")

    for unit in (UNIT, elsewhere, "# a remark\n" + UNIT):
        found = machine.evaluate_files(Files(unit_path="/etc/x", unit=unit, shipped_unit=UNIT))
        assert the(found, "unit").level is Severity.OK


def test_a_unit_that_was_changed_names_what() -> None:
    changed = UNIT.replace("MemoryMax=85%", "MemoryMax=20%").replace("ProtectHome=yes\n", "")

    found = the(
        machine.evaluate_files(Files(unit_path="/etc/x", unit=changed, shipped_unit=UNIT)), "unit"
    )

    assert found.level is Severity.WARNING
    assert "MemoryMax, ProtectHome" in found.text
    assert "imgbot install" in found.advice


def test_units_are_found_where_systemd_has_them(tmp_path: Path) -> None:
    (tmp_path / "imgbot.service").write_text(UNIT)
    (tmp_path / "imgbot.service.d").mkdir()
    (tmp_path / "imgbot.service.d" / "override.conf").write_text("[Service]\nMemoryMax=1G\n")

    found = machine.evaluate_files(machine.inspect_files({}, [tmp_path / "none", tmp_path]))

    assert [finding.level for finding in found] == [Severity.OK, Severity.OK]
    assert "override.conf" in found[1].text


def test_secrets_that_others_may_read() -> None:
    seen = Files(
        secrets=(Entry("/c", 0o711, is_folder=True), Entry("/c/a", 0o600), Entry("/c/b", 0o640))
    )

    found = [finding for finding in machine.evaluate_files(seen) if finding.check == "secrets"]

    assert [finding.fix for finding in found] == [
        ("chmod", "0700", "/c"),
        ("chmod", "0600", "/c/b"),
    ]


@pytest.mark.parametrize(
    ("seen", "check", "level"),
    [
        (BotState(Address("127.0.0.1", 8080), None), "service", "warning"),
        (BotState(Address("127.0.0.1", 8080), None), "port", "ok"),
        (BotState(Address("127.0.0.1", 8080), None, bind_error=errno.EADDRINUSE), "port", "wrong"),
        (BotState(HTTP, None, None, errno.EADDRINUSE, 8081, may_move=True), "port", "warning"),
        (BotState(Address("10.0.0.9", 80), None, bind_error=errno.EADDRNOTAVAIL), "port", "wrong"),
        (BotState(Address("127.0.0.1", 8080), 7), "service", "wrong"),
        (BotState(Address("127.0.0.1", 8080), 7, {"redis": ""}), "service", "ok"),
        (
            BotState(HTTP, 7, {"redis": ""}, problems=(("57 jobs wait.", "wait"),)),
            "load",
            "warning",
        ),
        (BotState(Address("127.0.0.1", 8080), 0, {"redis": "no answer"}), "service", "wrong"),
    ],
)
def test_the_service(seen: BotState, check: str, level: str) -> None:
    assert the(running.evaluate(seen), check).level == level


def test_the_guides_checklist() -> None:
    ready = settings(IMGBOT_USERS="300", IMGBOT_ADMINS="1")
    bare = settings(
        IMGBOT_USERS="300",
        IMGBOT_WORKERS="7",
        IMGBOT_RATE_LIMIT_MAX_REQUESTS="50",
        IMGBOT_POLL_INTERVAL_INITIAL="0.1",
    )

    tested = LoadTestRecord(users=300, workers=10, is_good=True, at_s=0.0)

    ticked = guide.evaluate(ready, 256 << 20, 5000, tested, watched_at=HTTP)
    open_ = guide.evaluate(bare, 0, None, None, watched_at=None)

    assert len(ticked) == len(open_) == 7
    assert {finding.level for finding in ticked} == {Severity.OK}
    assert {finding.level for finding in open_} == {Severity.WARNING}
    assert all(finding.advice for finding in open_)


@pytest.mark.parametrize(
    ("note", "level", "word"),
    [
        (LoadTestRecord(users=300, workers=10, is_good=True, at_s=0.0), "ok", "were met"),
        (LoadTestRecord(users=300, workers=10, is_good=False, at_s=0.0), "warning", "were not met"),
        (LoadTestRecord(users=200, workers=7, is_good=True, at_s=0.0), "warning", "200 users"),
        (None, "warning", "5000 pictures"),
    ],
)
def test_a_load_test_ticks_its_point(note: LoadTestRecord | None, level: str, word: str) -> None:
    found = guide.evaluate(settings(IMGBOT_USERS="300"), 1, 5000, note, watched_at=HTTP)

    load = the(found, "guide: load")
    assert load.level == level
    assert word in load.text
    assert load.advice == ("" if level == "ok" else "imgbot loadtest --users 300")


def test_a_load_test_is_advised_where_it_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation leaves out what it needs."""
    monkeypatch.setattr(guide, "has_sandbox", lambda: False)

    load = the(guide.evaluate(settings(), 1, 0, None, watched_at=HTTP), "guide: load")

    assert "install --with-sandbox" in load.advice


def test_a_load_test_is_asked_of_no_more_users_than_it_takes() -> None:
    crowd = settings(IMGBOT_USERS="6000")
    [never, most] = [
        the(guide.evaluate(crowd, 1, 0, note, watched_at=HTTP), "guide: load")
        for note in (None, LoadTestRecord(users=MOST_USERS, workers=200, is_good=True, at_s=0.0))
    ]

    assert never.advice == f"imgbot loadtest --users {MOST_USERS}"
    assert LoadTestOptions(users=(MOST_USERS,)).users == (MOST_USERS,)
    assert most.level == "ok"


def test_a_shell_without_settings_examines_the_service_that_is_or_will_be_here(
    tmp_path: Path,
) -> None:
    bare, given, none = {"HOME": "/root"}, {"IMGBOT_TOKEN": "x"}, tmp_path / "none"

    assert environ_of_service(bare, none) == bare
    assert environ_of_service(given, tmp_path) == given
    assert environ_of_service(bare, tmp_path)["CREDENTIALS_DIRECTORY"] == f"{tmp_path}/credentials"
    assert environ_of_service({}, none, tmp_path / "lib", is_to_come=True) == {
        "IMGBOT_ENVIRONMENT_FILE": f"{none}/imgbot.env",
        "CREDENTIALS_DIRECTORY": f"{none}/credentials",
        "STATE_DIRECTORY": f"{tmp_path}/lib",
    }
    assert environ_of_service(given, none, is_to_come=True) == given


@pytest.mark.parametrize("variable", ["IMGBOT_TOKEN", "FAL_KEY"])
async def test_a_secret_that_is_missing_belongs_where_it_is_looked_for(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever examines silences the log for good: it ends with the command.
    monkeypatch.setattr(logging, "disable", id)
    given = {"IMGBOT_TOKEN": "123456789:" + "A" * 35, "IMGBOT_PROVIDER": "fal", "FAL_KEY": "x"}
    service = {
        "CREDENTIALS_DIRECTORY": "/etc/imgbot/credentials",
        "IMGBOT_ENVIRONMENT_FILE": "/etc/imgbot/imgbot.env",
        "STATE_DIRECTORY": "/var/lib/imgbot",
    }
    rest = {name: value for name, value in given.items() if name != variable}

    of_service = (await run_checks(rest | service, is_fixing=False)).findings
    of_shell = (await run_checks({**rest, "STATE_DIRECTORY": "/x"}, is_fixing=False)).findings

    assert "/etc/imgbot/credentials" in the(of_service, "settings").advice
    assert "imgbot install" in the(of_service, "settings").advice
    assert the(of_shell, "settings").advice == f"set {variable}"


def test_a_report_is_plain_and_without_secrets() -> None:
    found = [
        ok("a", "well"),
        warning("b", "bad\x1b[31m\nworse", "do it"),
        wrong("c", "key s3cret1"),
    ]

    text = command.as_text(found, ["it is fixed"], ["s3cret1"])

    assert text.splitlines() == [
        "fixed    it is fixed",
        "ok       a  well",
        "warning  b  bad [31m worse",
        "            → do it",
        "WRONG    c  key [secret]",
        "1 wrong, 1 warnings, 1 ok",
    ]
    assert "s3cret1" not in command.as_json(found, [], ["s3cret1"])
    assert command.exit_status(found[:2]) == 0


@pytest.mark.parametrize("is_private", [True, False])
def test_privacy_mode_is_explained(*, is_private: bool) -> None:
    me = {"username": "a_bot", "can_read_all_group_messages": not is_private}

    found = the(telegram.evaluate(replace(SAID, me=me), ""), "groups")

    assert ("/create" in found.text) is is_private
    assert all((words in found.advice) is is_private for words in ("/setprivacy", "add it again"))
