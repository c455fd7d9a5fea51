"""`imgbot loadtest`, run as an operator runs it, and its ledger where something is amiss."""

import asyncio
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from imgbot import cli
from imgbot.ops.doctor.guide import read_record
from imgbot.ops.loadtest.run import FAULTS, PASSING, LoadTest, LoadTestOptions
from imgbot.sandbox.load_orders import OrderOutcome, wrong_charges
from tests.fixtures.processes import children_of, is_gone
from tests.fixtures.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.slow

QUICK = ("--users", "3", "--minutes", "0.06", "--picture-seconds", "0.1", "0.3")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the command may write, so that what it leaves is seen; short, as sockets' paths are."""

    folder: Path

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    async def start(self, *arguments: str, command: str = "loadtest") -> asyncio.subprocess.Process:
        clean = {name: v for name, v in os.environ.items() if not name.startswith("IMGBOT_")}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "imgbot", command, *arguments),
            env=clean | {"TMPDIR": str(self.temporary), "IMGBOT_STATE_DIR": str(self.state)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def bot_log(self) -> str:
        return "".join(path.read_text() for path in self.temporary.glob("imgbot-load-*/bot.log"))


@pytest.fixture
def place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        place = Place(Path(folder))
        place.temporary.mkdir()
        place.state.mkdir()
        yield place


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    async with asyncio.timeout(PATIENCE_S):
        out, error = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), error.decode()


async def test_a_load_test_measures_judges_and_leaves_only_a_note(place: Place) -> None:
    status, out, error = await ended(await place.start(*QUICK, "--json"))

    [run] = json.loads(out)["runs"]
    # How long a picture takes is this machine's; what became of it is not.
    met = {each["name"]: each["is_met"] for each in run["criteria"]}
    assert error == ""
    assert status == (0 if all(met.values()) else 2)
    assert met["nothing lost or doubled"]
    assert run["ends"] | {"refused": 0} == run["ends"] | {"lost": 0, "failed": 0, "refused": 0}
    assert run["ends"]["delivered"] + run["ends"]["refused"] >= 3
    assert run["charged"] == run["ends"]["delivered"]
    assert list(place.temporary.iterdir()) == []
    note = read_record(place.state)
    assert note is not None
    assert (note.users, note.is_good) == (3, status == 0)


async def test_users_lose_nothing_to_faults(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(place.temporary))
    options = LoadTestOptions(
        minutes=0.15,
        picture_s=(0.1, 0.5),
        faults=FAULTS,
        order_every_s=1.0,
        kill_every_s=4.0,
        lost_every_s=0.5,
    )

    async with LoadTest(options, 3) as test:
        run = await test.run(asyncio.Event(), lambda _line: None)

    assert run is not None
    assert run.is_whole
    assert run.kills >= 2
    fine = {OrderOutcome.DELIVERED, OrderOutcome.REFUSED}
    amiss = [order for order, outcome in run.outcomes.items() if outcome not in fine]
    assert [(run.outcomes[each], each.description(PASSING)) for each in amiss] == []
    assert len(run.outcomes) >= 3
    assert run.wrong_charges == 0


async def test_a_proof_prints_orders_pictures_and_charges(place: Place) -> None:
    arguments = ("--minutes", "0.05", "--users", "3", "--seed", "7")

    status, out, error = await ended(await place.start(*arguments, command="prove"))

    figures = {
        text: int(number) for number, text in re.findall(r"^ +(\d+)  (.+)$", out, re.MULTILINE)
    }
    assert (status, error) == (0, "")
    assert figures["orders"] >= 3
    assert figures["ended in one picture"] == figures["charges in the provider's own ledger"]
    assert "The same orders again: imgbot prove --minutes 0.05 --users 3 --seed 7" in out
    assert list(place.temporary.iterdir()) == []
    assert read_record(place.state) is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--users", "0"), "--users"),
        (("--workers", "0"), "--workers"),
        (("--minutes", "nan"), "--minutes"),
        (("--minutes", "0.04"), "from 0.05"),
        (("--picture-seconds", "3", "1"), "--picture-seconds"),
        (("--provider", "nobody"), "--provider"),
        (("--faults", "kill,rain"), "--faults"),
        (("--faster",), "--faster"),
    ],
    ids=lambda value: "=".join(value) if isinstance(value, tuple) else None,
)
def test_a_wrong_argument_is_named(
    arguments: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = cli.main(["loadtest", *arguments])
    except SystemExit as end:
        status = end.code

    assert status == 78
    assert named in capsys.readouterr().err


@dataclass(frozen=True, slots=True)
class Running:
    """A test that would take its time, its bot there."""

    process: asyncio.subprocess.Process
    family: dict[int, str]

    def pid_of(self, word: str) -> int:
        return next(pid for pid, line in self.family.items() if word in line)


@pytest.fixture
async def running(place: Place) -> AsyncIterator[Running]:
    process = await place.start("--users", "30", "--minutes", "60")
    await eventually(place.bot_log, lambda log: "ready" in log)
    family = children_of(process.pid)
    yield Running(process, family)
    for pid in (process.pid, *family):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def test_ctrl_c_leaves_nothing_behind(place: Place, running: Running) -> None:
    running.process.send_signal(signal.SIGINT)

    status, _, error = await ended(running.process)
    assert (status, error) == (130, "")
    assert all(map(is_gone, running.family))
    assert list(place.temporary.iterdir()) == []
    assert read_record(place.state) is None


async def test_a_killed_bot_ends_the_load_test_with_a_reason(
    place: Place, running: Running
) -> None:
    os.kill(running.pid_of("-m\0imgbot\0"), signal.SIGKILL)

    status, out, error = await ended(running.process)
    assert (status, out) == (1, "")
    assert "the bot ended (status -9)" in error
    assert all(map(is_gone, running.family))
    assert list(place.temporary.iterdir()) == []


async def test_a_lost_and_a_doubled_picture_are_found(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(place.temporary))
    options = LoadTestOptions(minutes=0.05, picture_s=(0.1, 0.2), seed=4)
    async with LoadTest(options, 3) as test:
        run = await test.run(asyncio.Event(), lambda _line: None)
        assert run is not None
        assert set(run.outcomes.values()) == {OrderOutcome.DELIVERED}
        world, charges = test.sandbox.state, test.sandbox.providers["simulated"].ledger.charges
        lost, doubled, *_ = run.outcomes
        world.delete_post(lost.chat, lost.replies(PASSING).pictures[0])
        picture = doubled.replies(PASSING).pictures[0]
        world.add_post(doubled.chat, world.bot, {"photo": picture.message["photo"]})

    assert list(place.temporary.iterdir()) == []
    assert lost.outcome(PASSING) is OrderOutcome.LOST
    assert doubled.outcome(PASSING) is OrderOutcome.DOUBLED
    assert wrong_charges(run.outcomes, [*charges, charges[0]], PASSING) >= 1
