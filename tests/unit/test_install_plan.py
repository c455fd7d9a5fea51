"""What an installation does, as a plan: facts in, steps out."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from imgbot.ops.install.plan import (
    Answers,
    InstallationFacts,
    plan_install,
    plan_rollback,
    plan_uninstall,
)
from imgbot.ops.install.release import InstallError, Release, check_python
from imgbot.ops.installation import Layout
from imgbot.ops.service import UnitState, verdict

TOKEN = "123456789:" + "T" * 35
LAYOUT = Layout(Path("/server"))
NEW = Release("0.2.0-00000002", Path("/usr/bin/python3.13"), {})
OLD = "0.1.0-00000001"

FRESH = InstallationFacts(
    release=NEW,
    answers=Answers(TOKEN),
    shipped_unit="unit 2",
    shipped_environment="# settings",
)
SERVING = InstallationFacts(
    release=replace(NEW, name=OLD),
    answers=Answers(),
    shipped_unit="unit 1",
    shipped_environment="# settings",
    stored_token_mode=0o600,
    unit="unit 1",
    environment="# settings",
    releases=(OLD,),
    is_in_place=True,
    current=OLD,
    command="/server/opt/imgbot/current/bin/imgbot",
    is_fresh=True,
)


def plan(facts: InstallationFacts) -> list[str]:
    return [step.says for step in plan_install(facts, LAYOUT)]


def test_a_fresh_server_gets_everything_and_the_program_comes_first() -> None:
    assert plan(FRESH) == [
        "create the folder /server/opt/imgbot (mode 0755)",
        "copy imgbot 0.2.0 and its libraries to /server/opt/imgbot/0.2.0-00000002",
        "create the folder /server/etc/imgbot (mode 0755)",
        "create the folder /server/etc/imgbot/credentials (mode 0700)",
        "write the token: /server/etc/imgbot/credentials/bot-token (mode 0600)",
        "write the settings: /server/etc/imgbot/imgbot.env (mode 0644)",
        "write the unit: /server/etc/systemd/system/imgbot.service (mode 0644)",
        "link /server/opt/imgbot/pending to 0.2.0-00000002",
        "link /server/opt/imgbot/current to 0.2.0-00000002",
        "run systemctl daemon-reload",
        "run systemctl enable --quiet imgbot.service",
        "run systemctl restart --no-block imgbot.service",
        "link /server/usr/local/bin/imgbot to /server/opt/imgbot/current/bin/imgbot",
    ]
    assert TOKEN not in repr(FRESH) + repr(plan_install(FRESH, LAYOUT))


def test_what_is_as_it_should_be_needs_no_step() -> None:
    assert plan(SERVING) == []


@pytest.mark.parametrize(
    ("changed", "step"),
    [
        # A copy that is damaged, a service that is stopped or older than its files, an open token.
        ({"is_in_place": False}, f"copy imgbot 0.1.0 and its libraries to {LAYOUT.program}/{OLD}"),
        ({"is_fresh": False}, "run systemctl restart --no-block imgbot.service"),
        ({"stored_token_mode": 0o644}, f"make {LAYOUT.token} readable by root only (mode 0600)"),
    ],
)
def test_what_is_not_as_it_should_be_is_put_right(changed: dict[str, Any], step: str) -> None:
    steps = plan(replace(SERVING, **changed))

    assert step in steps
    assert steps[-1].startswith("run systemctl restart")


NEWEST = replace(NEW, name="0.3.0-00000003")
FAILED = replace(
    SERVING,
    release=NEWEST,
    is_in_place=False,
    releases=(OLD, NEW.name),
    current=NEW.name,
    previous=OLD,
    pending=NEW.name,
    is_fresh=False,
)
"""A server with a release that has never served, and a third one to be installed."""


@pytest.mark.parametrize(
    ("facts", "changes", "rollback"),
    [
        # An upgrade keeps token, settings and the release before.
        (
            replace(SERVING, release=NEW, shipped_unit="unit 2"),
            [
                "write the unit: /server/etc/systemd/system/imgbot.service (mode 0644)",
                f"link /server/opt/imgbot/previous to {OLD}",
                f"link /server/opt/imgbot/pending to {NEW.name}",
                f"link /server/opt/imgbot/current to {NEW.name}",
            ],
            OLD,
        ),
        # The third release removes the first.
        (
            replace(FAILED, pending=None, is_in_place=True),
            [
                f"link /server/opt/imgbot/previous to {NEW.name}",
                f"link /server/opt/imgbot/pending to {NEWEST.name}",
                f"link /server/opt/imgbot/current to {NEWEST.name}",
                f"remove /server/opt/imgbot/{OLD}",
            ],
            NEW.name,
        ),
        # A rollback copies nothing and keeps the newer release.
        (
            replace(SERVING, releases=(OLD, NEW.name), current=NEW.name, previous=OLD),
            [
                f"link /server/opt/imgbot/previous to {NEW.name}",
                f"link /server/opt/imgbot/pending to {OLD}",
                f"link /server/opt/imgbot/current to {OLD}",
            ],
            NEW.name,
        ),
        # It leads to what served, and not to what failed.
        (
            replace(FAILED, is_in_place=True),
            [
                f"link /server/opt/imgbot/pending to {NEWEST.name}",
                f"link /server/opt/imgbot/current to {NEWEST.name}",
            ],
            OLD,
        ),
        # After it, there is no rollback to the release that failed.
        (
            replace(FAILED, release=SERVING.release, is_in_place=True),
            [
                "remove /server/opt/imgbot/previous",
                f"link /server/opt/imgbot/pending to {OLD}",
                f"link /server/opt/imgbot/current to {OLD}",
            ],
            None,
        ),
    ],
    ids=["upgrade", "third", "rollback", "failed", "back"],
)
def test_an_upgrade_keeps_a_rollback_to_the_release_that_served(
    facts: InstallationFacts, changes: list[str], rollback: str | None
) -> None:
    assert [step for step in plan(facts) if not step.startswith("run ")] == changes
    assert plan_rollback(facts) == rollback


def test_a_release_that_served_after_all_can_be_rolled_back_to() -> None:
    assert plan_rollback(replace(FAILED, is_fresh=True)) == NEW.name


def test_a_provider_and_its_key_are_written_and_other_settings_stay() -> None:
    mine = replace(SERVING, environment="IMGBOT_WORKERS=7\n", environment_mode=0o600)
    layout = Layout(Path("/server"))
    steps = plan_install(replace(mine, answers=Answers(None, {"FAL_KEY": "s3cret"}, "fal")), layout)

    written = {
        step.carry_out.args
        for step in steps
        if isinstance(step.carry_out, partial) and step.says.startswith("write ")
    }
    assert written == {
        (layout.credentials / "FAL_KEY", "s3cret\n", 0o600),
        (layout.environment_file, "IMGBOT_WORKERS=7\nIMGBOT_PROVIDER=fal\n", 0o600),
        (layout.example, "# settings", 0o644),
    }
    assert "s3cret" not in repr(steps)


def test_a_program_of_that_name_by_somebody_else_is_left_alone() -> None:
    assert not any(str(LAYOUT.command) in step for step in plan(replace(FRESH, command="")))


def test_an_uninstall_leaves_the_data_and_a_purge_does_not() -> None:
    layout = Layout(Path("/server"), home=Path("/home/op"))
    program = (layout.unit, layout.program, *layout.caches)
    data = (layout.settings, layout.data, layout.private_data)
    present = frozenset(str(path) for path in (*program, *data))

    def removed(*, purge: bool) -> list[str]:
        first, *steps, last = plan_uninstall(layout, present, purge=purge)
        assert first.says == "run systemctl disable --now imgbot.service"
        assert last.says == "run systemctl daemon-reload"
        return [step.says for step in steps]

    assert removed(purge=False) == [f"remove {path}" for path in program]
    assert removed(purge=True) == [f"remove {path}" for path in (*program, *data)]
    assert plan_uninstall(layout, frozenset(), purge=True) == ()


@pytest.mark.parametrize("python", ["/root/.pyenv/bin/python3.11", "/home/a/bin/python3"])
def test_a_python_that_the_service_cannot_see_is_refused(python: str) -> None:
    with pytest.raises(InstallError, match="run this with a Python from /usr"):
        check_python(Path(python))


@pytest.mark.parametrize(
    ("state", "judged"),
    [
        (UnitState("active", "running", "success", "", 0, "old"), None),
        (UnitState("deactivating", "stop-sigterm", "success", "", 0, "old", has_job=True), None),
        (UnitState("activating", "start", "success", "", 0, "between", has_job=True), None),
        (UnitState("activating", "start", "success", "waits", 0, "new", has_job=True), None),
        (UnitState("active", "running", "success", "serving", 0, "new"), True),
        (UnitState("failed", "failed", "exit-code", "", 78, "new"), False),
        (UnitState("activating", "auto-restart", "exit-code", "", 1, "new"), False),
    ],
    ids=["before", "draining", "tried-again", "starting", "serving", "refused", "died"],
)
def test_a_start_is_judged_by_the_process_that_was_asked_for(
    state: UnitState, judged: bool | None
) -> None:
    assert verdict(state, "old") is judged
