"""Two supervisors on a primary, a replica and three Sentinels: any dies, one charge each."""

import json
import math
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from imgbot.domain.job import State
from imgbot.sandbox.server import Sandbox
from imgbot.sandbox.simulated_provider import SPEC_FILE
from imgbot.storage import keys
from tests.crash.test_supervisor_killed import all_pictures, ask_for_pictures
from tests.fakes import stopping_bot
from tests.fixtures.bot import SOON, Bot, extending, with_simulated_provider
from tests.fixtures.sandbox import Control, Person, Relay, open_relay, open_sandbox
from tests.fixtures.valkey_cluster import ValkeyCluster
from tests.fixtures.waiting import eventually

SOONER = {
    **SOON,
    # A stopped leader counts as one that may order for seven seconds after the takeover.
    "imgbot.storage.lease._LOCK_DELAY_S": -113.0,
    "imgbot.jobs.reach._EVERY_S": 0.2,
    "imgbot.jobs.reach._ANSWER_S": 1.0,
    "imgbot.jobs.reach._SILENCE_S": 2.0,
}


_UP = re.compile(r'^imgbot_cluster_up\{part="(\w+)"\} (\d)', re.MULTILINE)
_FIGURES = re.compile(r"^imgbot_cluster_(\w+) (\S+)", re.MULTILINE)
_NAMES = re.compile(r"^imgbot_\w+\{?", re.MULTILINE).findall


@dataclass(frozen=True, slots=True)
class Pair:
    """A leader, a standby and what they share."""

    sandbox: Sandbox
    control: Control
    servers: ValkeyCluster
    leader: Bot
    standby: Bot
    relay: Relay
    """The leader's way to Telegram."""

    async def until_led_by(self, bot: Bot, begin: int = 0) -> float:
        """Wait until a bot serves; return the seconds that it took."""
        begun_s = time.monotonic()
        await bot.until_logged("ready", begin=begin)
        return time.monotonic() - begun_s

    async def expect_one_each(self, people: list[Person]) -> None:
        """The promise: one picture, one charge, no job left."""
        await eventually(
            lambda: all_pictures(self.control, people),
            lambda counts: all(count >= 1 for count in counts),
            what="a picture for everybody",
        )
        async with self.servers.client() as redis:
            await eventually(lambda: redis.keys(f"{keys.JOB}*"), lambda left: not left)
        ledger = (await self.control.provider())["ledger"]
        assert len(ledger) == len({entry["client_id"] for entry in ledger}) == len(people)
        assert await all_pictures(self.control, people) == [1] * len(people)


@pytest.fixture
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    async with (
        open_sandbox() as (sandbox, control),
        ValkeyCluster(tmp_path / "servers") as servers,
        open_relay(sandbox) as relay,
    ):
        await control.set_provider(duration_s=[0.6, 0.9])
        given: Mapping[str, Any] = getattr(request, "param", {})
        settings = with_simulated_provider(sandbox) | {"IMGBOT_REDIS_URL": servers.url}
        spec = SPEC_FILE.read_text()
        for guarantee in given.get("without", ()):
            spec = re.sub(guarantee, "", spec)
        (tmp_path / "simulated.toml").write_text(spec)
        terms = given.get("terms", "prices_usd = { create = 0, edit = 0 }")
        (tmp_path / "own").mkdir()
        settings["IMGBOT_PROVIDER"] = extending(
            tmp_path / "simulated.toml", tmp_path / "own", terms
        )
        bots: list[Bot] = []
        for name in ("first", "second"):
            (tmp_path / name / "state").mkdir(parents=True)
            bot = Bot(sandbox, tmp_path / name / "state", **settings)
            bots.append(bot)
            bot.constants = SOONER
        bots[0].command = given.get("command", [])
        bots[0].settings["IMGBOT_TELEGRAM_API"] = relay.url
        async with bots[0] as leader:
            await leader.until_logged("leading: epoch 1-")
            async with bots[1] as standby:
                yield Pair(sandbox, control, servers, leader, standby, relay)
                assert leader.secrets_in_log() == standby.secrets_in_log() == []


async def test_the_leader_is_killed(pair: Pair) -> None:
    assert '"standby"' in await pair.standby.get("/healthz")
    assert '"is_standby": true' in await pair.standby.get("/status.json")
    told = await eventually(
        lambda: pair.standby.get("/metrics"),
        lambda told: (
            _UP.findall(told)
            == [("leader", "0"), ("replica", "1"), ("quorum", "1"), ("record", "1")]
        ),
    )
    figures = {name: float(value) for name, value in _FIGURES.findall(told)}
    led_since_s = figures["leader_since_timestamp_seconds"]
    assert 0 < led_since_s < time.time()
    # Nobody led before.
    assert math.isnan(figures["takeover_seconds"])
    assert figures["lag_seconds"] <= 1
    assert {"imgbot_build_info{", "imgbot_cpu_cores", "imgbot_provider_up{"} <= set(_NAMES(told))
    people = await ask_for_pictures(pair.control, 5)
    await eventually(lambda: ordered(pair), what="an order")

    await pair.leader.kill()
    took_s = await pair.until_led_by(pair.standby)

    await pair.expect_one_each(people)
    assert '"ok"' in await pair.standby.get("/healthz")
    told = await eventually(
        lambda: pair.standby.get("/metrics"),
        lambda told: ("takeover_seconds", "NaN") not in _FIGURES.findall(told),
    )
    assert ("leader", "1") in _UP.findall(told)
    figures = {name: float(value) for name, value in _FIGURES.findall(told)}
    assert figures["leader_since_timestamp_seconds"] > led_since_s
    # The lease of nine seconds, and what it took to see that it is over.
    assert figures["takeover_seconds"] >= 8.9
    assert f"{figures['takeover_seconds']} s after the last renewal" in pair.standby.log
    shown = f'"takeover_s": {figures["takeover_seconds"]}'
    told = await eventually(
        lambda: pair.standby.get("/status.json"), lambda told: shown.removesuffix(".0") in told
    )
    cluster = json.loads(told)["cluster"]
    assert cluster["lead"]["host"] == socket.gethostname()
    assert {*cluster["in_sync"]} == pair.servers.addresses("a", "b")
    assert cluster["state"] == "in sync"
    assert (await pair.control.calls())["violations"] == []
    print(f"takeover after kill -9 of the leader: {took_s:.1f} s")


async def ordered(pair: Pair) -> int:
    return len((await pair.control.provider())["ledger"])


async def test_the_machine_of_leader_and_primary_dies(pair: Pair) -> None:
    people = await ask_for_pictures(pair.control, 5)
    await eventually(lambda: ordered(pair), what="an order")

    pair.servers.kill("s1")
    pair.servers.kill("a")
    await pair.leader.kill()
    took_s = await pair.until_led_by(pair.standby)

    # What was ordered is found; without a replica, what is new waits for it.
    pair.servers.start("a")
    await pair.expect_one_each(people)
    print(f"takeover after kill -9 of leader and primary: {took_s:.1f} s")


async def test_a_picture_is_lost_with_its_machine(pair: Pair) -> None:
    """It was fetched and not shown yet: the next leader fetches it again, by its ticket."""
    control = pair.control
    await control.fault(
        "editMessageMedia", "error", times=100, error_code=502, description="Bad Gateway"
    )
    people = await ask_for_pictures(control, 2)
    async with pair.servers.client() as redis:

        async def states() -> set[object]:
            return {await redis.hget(key, "state") for key in await redis.keys(f"{keys.JOB}*")}

        await eventually(states, lambda found: found == {State.DELIVERING})

    await pair.leader.kill()
    shutil.rmtree(pair.leader.state_dir)
    await control.clear_faults()

    await pair.expect_one_each(people)


async def killed(servers: ValkeyCluster) -> None:
    servers.kill("a")
    await servers.until_led_by("b")
    servers.start("a")


async def hung(servers: ValkeyCluster) -> None:
    servers.signal("a", signal.SIGSTOP)
    await servers.until_led_by("b")
    # It takes itself for the primary until a Sentinel tells it.
    servers.signal("a", signal.SIGCONT)


async def handed_over(servers: ValkeyCluster) -> None:
    await servers.hand_over()
    await servers.until_led_by("b")


@pytest.mark.parametrize("change", [killed, hung, handed_over])
async def test_the_primary_alone_changes(
    pair: Pair, change: Callable[[ValkeyCluster], Awaitable[None]]
) -> None:
    people = await ask_for_pictures(pair.control, 3)
    await eventually(lambda: ordered(pair), what="an order")

    await change(pair.servers)

    people += await ask_for_pictures(pair.control, 3, "a hen")
    await pair.expect_one_each(people)
    # Where it took longer than the lease, the other leads.
    assert pair.standby.is_running


async def test_it_hands_over(pair: Pair) -> None:
    people = await ask_for_pictures(pair.control, 3)
    await eventually(lambda: ordered(pair), what="an order")

    pair.leader.signal(signal.SIGUSR1)
    took_s = await pair.until_led_by(pair.standby)
    assert await pair.leader.wait() == 1
    await pair.leader.start()

    assert '"standby"' in await pair.leader.get("/healthz")
    await pair.expect_one_each(people)
    print(f"takeover after SIGUSR1: {took_s:.1f} s")


async def test_a_leader_without_telegram_lets_the_other_lead(pair: Pair) -> None:
    people = await ask_for_pictures(pair.control, 3)
    await eventually(lambda: ordered(pair), what="an order")

    pair.relay.is_cut = True
    took_s = await pair.until_led_by(pair.standby)
    people += await ask_for_pictures(pair.control, 3, "a hen")
    await pair.expect_one_each(people)

    assert await pair.leader.wait() == 1
    assert "handing over: neither Telegram" in pair.leader.log
    pair.relay.is_cut = False
    await pair.leader.start()
    assert '"standby"' in await pair.leader.get("/healthz")
    print(f"takeover after the leader lost Telegram: {took_s:.1f} s")


KEYED, FOUND = r"idempotency_header.*\n", r"\[look_up\](.*\n){4}"


def stopped(*without: str) -> dict[str, object]:
    return {"command": [sys.executable, stopping_bot.__file__], "without": without}


@pytest.mark.parametrize(
    ("pair", "charges"),
    [(stopped(), 1), (stopped(KEYED), 1), (stopped(KEYED, FOUND), 0)],
    indirect=["pair"],
    ids=["keyed", "looked up", "not found"],
)
async def test_a_leader_stopped_before_its_order_orders_nothing(pair: Pair, charges: int) -> None:
    """It goes on when the other has ordered already, or has said that it cannot know."""
    await pair.control.set_provider(idempotency=False)
    person = await pair.control.make_user("Anna")
    await pair.control.say(person, "a fox")
    await pair.until_led_by(pair.standby)
    async with pair.servers.client() as redis:
        await eventually(lambda: redis.keys(f"{keys.JOB}*"), lambda left: not left)

    pair.leader.signal(signal.SIGCONT)
    assert await pair.leader.wait() == 1

    assert await ordered(pair) == charges
    assert await all_pictures(pair.control, [person]) == [charges]


@pytest.mark.parametrize("pair", [{"terms": "prices_usd = { create = 0.04 }"}], indirect=True)
async def test_without_its_replica_it_goes_on_and_pays(pair: Pair) -> None:
    pair.servers.kill("b")

    people = await ask_for_pictures(pair.control, 3)

    await pair.expect_one_each(people)
    assert "alone" in pair.leader.log
    await eventually(
        lambda: pair.leader.get("/metrics"),
        lambda told: {("leader", "1"), ("replica", "0"), ("record", "0")} < set(_UP.findall(told)),
    )
    pair.servers.start("b")
    await eventually(
        lambda: pair.leader.get("/metrics"),
        lambda told: {("replica", "1"), ("record", "1")} < set(_UP.findall(told)),
    )


async def test_a_leader_that_accepts_nothing_says_so(pair: Pair) -> None:
    pair.servers.kill("w")
    pair.servers.kill("b")

    told = await eventually(
        lambda: pair.leader.get("/healthz"), lambda told: '"cluster": {"ok": false' in told
    )
    assert str(pair.servers.ports["w"]) not in told
    await eventually(
        lambda: pair.leader.get("/metrics"), lambda told: ("leader", "0") in _UP.findall(told)
    )
    pair.servers.start("w")
    await eventually(lambda: pair.leader.get("/healthz"), lambda told: '"status": "ok"' in told)
    assert ("leader", "1") in _UP.findall(await pair.leader.get("/metrics"))
