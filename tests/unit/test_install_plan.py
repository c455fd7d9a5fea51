"""What an installation does, as a plan: facts in, steps out."""

from dataclasses import replace
from pathlib import Path

import pytest

from imgbot.ops.install.plan import InstallationFacts, plan_install, plan_rollback, plan_uninstall
from imgbot.ops.install.release import InstallError, Release, check_python
from imgbot.ops.install.steps import PutLink, PutRelease, Remove, RunCommand, Step, WriteFile
from imgbot.ops.installation import Layout
from imgbot.ops.service import UnitState, verdict

TOKEN = "123456789:" + "T" * 35
LAYOUT = Layout(Path("/server"))
NEW = Release("0.2.0-00000002", Path("/usr/bin/python3.13"), {})
OLD = "0.1.0-00000001"

FRESH = InstallationFacts(
    release=NEW, shipped_unit="unit 2", shipped_environment="# settings", new_token=TOKEN
)
SERVING = InstallationFacts(
    release=replace(NEW, name=OLD),
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


def plan(facts: InstallationFacts) -> list[Step]:
    return list(plan_install(facts, LAYOUT))


def words(steps: list[Step]) -> list[str]:
    return [" ".join(step.words) for step in steps if isinstance(step, RunCommand)]


def test_a_fresh_server_gets_everything_and_the_program_comes_first() -> None:
    steps = plan(FRESH)

    kinds = [type(step).__name__ for step in steps]
    assert kinds.index("PutRelease") < kinds.index("WriteFile") < kinds.index("PutLink")
    written = {str(step.path): step.mode for step in steps if isinstance(step, WriteFile)}
    assert written == {
        "/server/etc/imgbot/credentials/bot-token": 0o600,
        "/server/etc/imgbot/imgbot.env": 0o644,
        "/server/etc/systemd/system/imgbot.service": 0o644,
    }
    assert words(steps) == [
        "systemctl daemon-reload",
        "systemctl enable --quiet imgbot.service",
        "systemctl restart --no-block imgbot.service",
    ]


def test_no_step_shows_the_token() -> None:
    for step in plan(FRESH):
        assert TOKEN not in step.says
        assert TOKEN not in repr(step)
    assert TOKEN not in repr(FRESH)


def test_what_is_as_it_should_be_needs_no_step() -> None:
    assert plan(SERVING) == []


def test_a_release_that_is_there_and_not_whole_is_put_there_again() -> None:
    steps = plan(replace(SERVING, is_in_place=False))

    assert PutRelease(SERVING.release, LAYOUT.program / OLD) in steps
    assert words(steps)[-1].startswith("systemctl restart")


def test_a_service_that_is_stopped_or_older_than_its_files_is_started() -> None:
    assert words(plan(replace(SERVING, is_fresh=False)))[-1].startswith("systemctl restart")


def test_an_upgrade_keeps_settings_token_and_the_way_back() -> None:
    upgrade = replace(SERVING, release=NEW, is_in_place=False, shipped_unit="unit 2")

    steps = plan(upgrade)

    assert [step.path for step in steps if isinstance(step, WriteFile)] == [LAYOUT.unit]
    links = [(step.path.name, step.target) for step in steps if isinstance(step, PutLink)]
    assert links == [("previous", OLD), ("pending", NEW.name), ("current", NEW.name)]
    assert not any(isinstance(step, Remove) for step in steps)


def test_a_third_release_lets_the_first_go() -> None:
    newest = replace(NEW, name="0.3.0-00000003")
    facts = replace(
        SERVING, release=newest, releases=(OLD, NEW.name), current=NEW.name, previous=OLD
    )

    removed = [step.path for step in plan(facts) if isinstance(step, Remove)]

    assert removed == [LAYOUT.program / OLD]


def test_going_back_copies_nothing_and_keeps_the_newer_one() -> None:
    facts = replace(SERVING, releases=(OLD, NEW.name), current=NEW.name, previous=OLD)

    steps = plan(facts)

    assert not any(isinstance(step, PutRelease | Remove) for step in steps)
    links = [(step.path.name, step.target) for step in steps if isinstance(step, PutLink)]
    assert links == [("previous", NEW.name), ("pending", OLD), ("current", OLD)]


FAILED = replace(
    SERVING,
    release=replace(NEW, name="0.3.0-00000003"),
    is_in_place=False,
    releases=(OLD, NEW.name),
    current=NEW.name,
    previous=OLD,
    pending=NEW.name,
    is_fresh=False,
)
"""A server with a release that has never served, and a third one to be installed."""


def test_the_way_back_leads_to_what_served_and_not_to_what_failed() -> None:
    steps = plan(FAILED)

    links = [(step.path.name, step.target) for step in steps if isinstance(step, PutLink)]
    assert links == [("pending", "0.3.0-00000003"), ("current", "0.3.0-00000003")]
    assert plan_rollback(FAILED) == OLD
    assert LAYOUT.program / OLD not in [step.path for step in steps if isinstance(step, Remove)]


def test_after_a_rollback_there_is_no_rollback_to_the_failed_release() -> None:
    back = replace(FAILED, release=SERVING.release, is_in_place=True)

    steps = plan(back)

    assert plan_rollback(back) is None
    assert Remove(LAYOUT.previous) in steps


def test_a_release_that_served_after_all_is_a_way_back() -> None:
    late = replace(FAILED, is_fresh=True)

    assert plan_rollback(late) == NEW.name


def test_a_token_that_others_can_read_is_closed() -> None:
    steps = plan(replace(SERVING, stored_token_mode=0o644))

    assert "let only root read /server/etc/imgbot/credentials/bot-token" in steps[0].says


def test_a_provider_and_its_key_are_written_and_other_settings_stay() -> None:
    mine = replace(SERVING, environment="IMGBOT_WORKERS=7\n", environment_mode=0o600)
    steps = plan(replace(mine, provider="fal", new_keys={"FAL_KEY": "s3cret"}))

    files = {
        step.path.name: (step.text, step.mode) for step in steps if isinstance(step, WriteFile)
    }
    assert files == {
        "FAL_KEY": ("s3cret\n", 0o600),
        "imgbot.env": ("IMGBOT_WORKERS=7\nIMGBOT_PROVIDER=fal\n", 0o600),
        "imgbot.env.example": ("# settings", 0o644),
    }
    assert not any("s3cret" in step.says + repr(step) for step in steps)


def test_a_program_of_that_name_by_somebody_else_is_left_alone() -> None:
    steps = plan(replace(FRESH, command=""))

    assert LAYOUT.command not in [step.path for step in steps if isinstance(step, PutLink)]


def test_an_uninstall_leaves_the_data_and_a_purge_does_not() -> None:
    paths = (LAYOUT.unit, LAYOUT.program, LAYOUT.settings, LAYOUT.data, LAYOUT.private_data)
    present = frozenset(str(path) for path in paths)

    def removed(*, purge: bool) -> set[Path]:
        steps = plan_uninstall(LAYOUT, present, purge=purge)
        assert words(list(steps))[0] == "systemctl disable --now imgbot.service"
        return {step.path for step in steps if isinstance(step, Remove)}

    assert removed(purge=False) == {LAYOUT.unit, LAYOUT.program}
    assert removed(purge=True) == set(paths)


def test_an_uninstall_removes_what_the_one_file_has_unpacked() -> None:
    layout = Layout(Path("/server"), home=Path("/home/op"))
    present = frozenset({"/server/var/cache/imgbot", "/home/op/.cache/imgbot"})

    steps = plan_uninstall(layout, present, purge=False)

    assert {str(step.path) for step in steps if isinstance(step, Remove)} == present


def test_an_uninstall_of_nothing_is_nothing() -> None:
    assert plan_uninstall(LAYOUT, frozenset(), purge=True) == ()


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
