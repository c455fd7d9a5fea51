"""The doctor's decisions, from facts alone."""

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from imgbot.config.setting_types import Address
from imgbot.config.settings import Settings
from imgbot.config.sources import load_settings
from imgbot.domain.findings import Finding, Severity, ok, warning, wrong
from imgbot.ops.doctor import bot_state, guide, machine, telegram
from imgbot.ops.doctor.bot_state import BotState
from imgbot.ops.doctor.command import Report, run_checks
from imgbot.ops.doctor.guide import MOST_USERS, LoadTestRecord
from imgbot.ops.doctor.machine import judge_disk, judge_workers
from imgbot.ops.installation import environ_of_service
from imgbot.ops.loadtest.run import LoadTestOptions

GIB = 1 << 30
HTTP = Address("127.0.0.1", 8080)


def settings(**variables: str) -> Settings:
    return load_settings(
        {"IMGBOT_TOKEN": "123456789:" + "A" * 35, "IMGBOT_STATE_DIR": "/x", **variables}
    )


def the(findings: Sequence[Finding], check: str) -> Finding:
    [found] = [finding for finding in findings if finding.check == check]
    return found


@pytest.mark.parametrize(
    ("found", "level", "mend"),
    [
        (judge_disk(Path("/x"), 20 * GIB, 500, ""), "ok", ""),
        (judge_disk(Path("/x"), 10 << 20, 500, "10 MB left in /x"), "wrong", "du -xh"),
        (judge_disk(Path("/x"), GIB, 2000, ""), "warning", "IMGBOT_KEPT_PICTURES_MB"),
        (judge_workers(10, GIB, 2)[0], "ok", ""),
        (judge_workers(10, GIB // 2, 2)[0], "warning", "IMGBOT_WORKERS=3"),
        (judge_workers(20, 4 * GIB, 2)[1], "warning", "IMGBOT_WORKERS=16"),
        (telegram.refused(401), "wrong", "@BotFather"),
        (telegram.refused(502), "warning", ""),
        (telegram.second_poller("another program polls (409)"), "wrong", "/revoke"),
        (telegram.second_poller("no answer for 200 s"), "warning", ""),
        (telegram.second_poller(None), "warning", ""),
        (telegram.second_poller(""), "ok", ""),
        (telegram.clock(-86_400.0), "wrong", "timedatectl"),
        (telegram.clock(45.0), "warning", "timedatectl"),
        (telegram.clock(None), "warning", ""),
        (telegram.clock(0.3), "ok", ""),
        (telegram.groups({"can_join_groups": False}), "ok", "/setjoingroups"),
    ],
)
def test_what_is_found_has_its_level_and_its_advice(found: Finding, level: str, mend: str) -> None:
    assert (found.level, mend in found.advice) == (level, True)


@pytest.mark.parametrize(("value", "level"), [("1", "ok"), ("0", "warning"), ("", "warning")])
def test_overcommit(value: str, level: str, tmp_path: Path) -> None:
    if value:
        (tmp_path / "value").write_text(value)

    assert machine.check_overcommit(tmp_path / "value").level == level


def status_with(**problems: str) -> dict[str, Any]:
    return {
        "problems": [
            {"level": level, "what": what, "advice": "`wait`"} for level, what in problems.items()
        ]
    }


@pytest.mark.parametrize(
    ("seen", "check", "level"),
    [
        (BotState(HTTP, 7), "service", "wrong"),
        (BotState(HTTP, 7, status_with()), "service", "ok"),
        (BotState(HTTP, 7, status_with(attention="57 wait.")), "service", "ok"),
        (BotState(HTTP, 7, status_with(attention="57 wait.")), "load", "warning"),
        (BotState(HTTP, 0, status_with(critical="no answer")), "service", "wrong"),
    ],
)
def test_the_service(seen: BotState, check: str, level: str) -> None:
    assert the(bot_state.evaluate(seen), check).level == level


def test_the_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = Address("127.0.0.1", server.getsockname()[1])

        found = [bot_state.check_port(taken, may_move=may_move) for may_move in (False, True)]

    assert [finding.level for finding in found] == [Severity.WRONG, Severity.WARNING]
    elsewhere = bot_state.check_port(Address("192.0.2.9", 80), may_move=True)
    assert elsewhere.level is Severity.WRONG
    assert bot_state.check_port(taken, may_move=False).level is Severity.OK


def test_the_guides_checklist() -> None:
    ready = settings(IMGBOT_USERS="300", IMGBOT_ADMINS="1")
    others = {"IMGBOT_RATE_LIMIT_MAX_REQUESTS": "50", "IMGBOT_POLL_INTERVAL_INITIAL": "0.1"}
    bare = settings(IMGBOT_USERS="300", IMGBOT_WORKERS="7", **others)

    ticked = guide.evaluate(ready, 256 << 20, record_of(300), watched_at=HTTP, start="")
    open_ = guide.evaluate(bare, 0, None, watched_at=None, start="do")

    assert len(ticked) == len(open_) == 7
    assert {finding.level for finding in ticked} == {Severity.OK}
    assert {finding.level for finding in open_} == {Severity.WARNING}
    assert all(finding.advice for finding in open_)


def record_of(users: int, *, is_good: bool = True) -> LoadTestRecord:
    return LoadTestRecord(users=users, workers=10, is_good=is_good, at_s=0.0)


@pytest.mark.parametrize(
    ("users", "note", "level", "word", "asked"),
    [
        (300, record_of(300), "ok", "were met", 0),
        (300, record_of(300, is_good=False), "warning", "were not met", 300),
        (300, record_of(200), "warning", "200 of 300", 300),
        (300, None, "warning", "not tested", 300),
        # It is asked of no more users than it takes.
        (6000, None, "warning", "", MOST_USERS),
        (6000, record_of(MOST_USERS), "ok", "", 0),
    ],
)
def test_a_load_test_ticks_its_point(
    users: int, note: LoadTestRecord | None, level: str, word: str, asked: int
) -> None:
    found = guide.evaluate(settings(IMGBOT_USERS=str(users)), 1, note, watched_at=HTTP, start="")

    load = the(found, "guide: load")
    assert load.level == level
    assert word in load.text
    assert load.advice == (f"imgbot loadtest --users {asked}" if asked else "")
    assert LoadTestOptions(users=(MOST_USERS,)).users == (MOST_USERS,)


def test_a_load_test_is_advised_where_it_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation leaves out what it needs."""
    monkeypatch.setattr(guide, "has_sandbox", lambda: False)

    load = the(guide.evaluate(settings(), 1, None, watched_at=HTTP, start=""), "guide: load")

    assert "install --with-sandbox" in load.advice


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


@pytest.mark.parametrize(
    ("variable", "name"), [("IMGBOT_ENVIRONMENT_FILE", ""), ("CREDENTIALS_DIRECTORY", "bot-token")]
)
def test_what_only_root_may_read_is_examined_with_sudo(
    variable: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "disable", id)
    place = tmp_path / "place"
    closed = place / name
    closed.parent.mkdir(exist_ok=True)
    closed.write_text("")
    closed.chmod(0)
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    try:
        environ = {variable: str(place), "STATE_DIRECTORY": "/x"}
        found = asyncio.run(run_checks(environ, is_fixing=False)).findings
    finally:
        os.seteuid(me)

    assert the(found, "settings").advice == "sudo imgbot doctor"


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
    assert the(of_shell, "settings").advice.startswith(f"set {variable}; ")
    assert the(of_shell, "settings").advice.endswith("sudo imgbot install")


def test_a_report_is_plain_and_without_secrets() -> None:
    found = [
        ok("a", "well"),
        warning("b", "bad\x1b[31m\nworse", "do it"),
        wrong("c", "key s3cret1"),
    ]

    report = Report(found, ["it is fixed"], ("s3cret1",))
    text = report.text()

    assert text.splitlines() == [
        "fixed    it is fixed",
        "ok       a  well",
        "warning  b  bad [31m worse",
        "            → do it",
        "WRONG    c  key [secret]",
        "1 wrong, 1 warning, 1 ok",
    ]
    assert Report([warning("b", "word " * 9, "do " * 20)]).text(40).splitlines()[:3] == [
        "warning  b  word word word word word",
        "            word word word word",
        f"            → {'do ' * 20}",
    ]
    assert "s3cret1" not in report.json()
    assert (report.exit_status, Report(found[:2]).exit_status) == (1, 0)


@pytest.mark.parametrize("is_private", [True, False])
def test_privacy_mode_is_explained(*, is_private: bool) -> None:
    found = telegram.groups({"username": "a_bot", "can_read_all_group_messages": not is_private})

    assert ("/create" in found.text) is is_private
    assert all((words in found.advice) is is_private for words in ("/setprivacy", "add it again"))
