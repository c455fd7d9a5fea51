"""State directories of earlier releases, killed with jobs in every state, resumed and served.

`tests/bench/release_state.py` writes that of a new one.
"""

import asyncio
import json
import re
import tarfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from imgbot.bot.handlers import admin
from imgbot.bot.router import CALLBACKS
from imgbot.domain.texts import buttons
from imgbot.sandbox.provider_tasks import TaskLedger, make_task
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.job_codec import from_hash
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore
from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.sandbox import Control, open_sandbox
from tests.fixtures.waiting import eventually

FIXTURES = Path(__file__).parents[1] / "fixtures"
PICTURES = {
    "release_0_1_0": {
        "Cara": 3,  # one was being made, two waited
        "Eva": 1,  # polling
        "Fay": 1,  # submitted, the answer lost
        "Gus": 1,  # being delivered
    },
    "release_0_2_0": {
        "Cara": 3,
        "Eva": 1,
        "Fay": 1,
        "Gus": 1,
        "Kim": 2,  # one was being made, a change of it waited
    },
}
"""Pictures that each user gets after the start, by release."""
CHARGES = {"release_0_1_0": 2, "release_0_2_0": 3}
"""Only what waited is charged, once each."""
WORLDS: dict[str, dict[str, Any]] = {
    name: json.loads((FIXTURES / name / "world.json").read_text()) for name in PICTURES
}
_MILLISECONDS = re.compile(rb"179\d{10}")
_FOLDER = re.compile(rb"/tmp/fx\w+/state")


def commands(log: bytes) -> list[list[bytes]]:
    """Commands of an append-only file, as RESP arrays of bulk strings."""
    found, at = list[list[bytes]](), 0

    def number(mark: bytes) -> int:
        nonlocal at
        end = log.index(b"\r\n", at)
        assert log[at : at + 1] == mark
        value, at = int(log[at + 1 : end]), end + 2
        return value

    while at < len(log):
        command = list[bytes]()
        for _ in range(number(b"*")):
            size = number(b"$")
            command.append(log[at : at + size])
            at += size + 2
        found.append(command)
    return found


def restore(release: str, folder: Path) -> None:
    """Unpack the state directory as if the old release had been killed a moment ago, here."""
    with tarfile.open(FIXTURES / release / "state.tar.gz") as archive:
        archive.extractall(folder.parent, filter="data")
    shift_ms = int(time.time() * 1000) - WORLDS[release]["written_ms"]

    def shifted(found: re.Match[bytes]) -> bytes:
        return str(int(found[0]) + shift_ms).encode()

    def moved(argument: bytes) -> bytes:
        later = _MILLISECONDS.sub(shifted, argument)
        return _FOLDER.sub(str(folder).encode(), later)

    [log] = (folder / "redis" / "appendonlydir").glob("*.incr.aof")
    with log.open("r+b") as file:
        entries = commands(file.read())
        file.seek(0)
        file.truncate()
        for arguments in ([moved(each) for each in entry] for entry in entries):
            sizes = (b"$%d\r\n%s\r\n" % (len(each), each) for each in arguments)
            file.write(b"*%d\r\n" % len(arguments) + b"".join(sizes))


def resume_provider(world: dict[str, Any], ledger: TaskLedger, now_s: float) -> None:
    """Give the provider the tasks that the old release had ordered and been charged for."""
    for task in world["tasks"]:
        known = {name: task[name] for name in ("id", "client_id", "idempotency_key")}
        ledger.keep(
            make_task("create", task["words"], [], started_at=now_s, duration_s=0.5, **known)
        )


async def no_jobs_left(redis: Client) -> bool:
    return not await redis.keys("rq:job:*")


async def pictures(control: Control, user_id: int) -> int:
    messages = await control.messages(user_id)
    return sum(1 for message in messages if message.is_outgoing and message.photo_id)


@pytest.mark.parametrize("release", sorted(PICTURES))
async def test_state_of_an_earlier_release_is_resumed(release: str, tmp_path: Path) -> None:
    world = WORLDS[release]
    restore(release, tmp_path / "state")
    learned_from_users = tmp_path / "state" / "intents.bin"
    learned_from_users.touch()
    async with open_sandbox(token=world["token"]) as (sandbox, control):
        for name, user_id in world["users"].items():
            assert (await control.make_user(name)).id == user_id
            sandbox.state.chats[user_id].is_started = True
        await control.set_provider(duration_s=[0.3, 0.5])
        ledger = sandbox.providers["simulated"].ledger
        resume_provider(world, ledger, asyncio.get_running_loop().time())

        async with Bot(sandbox, tmp_path / "state", **with_simulated_provider(sandbox)) as bot:
            async with bot.redis() as redis:
                await eventually(lambda: no_jobs_left(redis), what="no job left")
                await expect_what_users_had(redis, world["users"])
                if "Dan" in world["users"]:
                    await expect_dead_letter(redis, world["users"]["Dan"])
            shown = {name: await pictures(control, id_) for name, id_ in world["users"].items()}
            assert {name: count for name, count in shown.items() if count} == PICTURES[release]
            charges = Counter(entry["client_id"] for entry in (await control.provider())["ledger"])
            assert sorted(charges.values()) == [1] * CHARGES[release]
            assert bot.secrets_in_log() == []
            assert not learned_from_users.exists()


async def expect_what_users_had(redis: Client, users: dict[str, int]) -> None:
    anna = (await UserStore(redis).profile(users["Anna"])).preferences
    assert anna.language == "en"
    [latest] = await ResultStore(redis).history(users["Anna"])
    result = await ResultStore(redis).result(latest)
    assert result is not None
    assert result.words == "рыжая лиса в снегу"
    assert result.picture is not None
    assert await redis.zcard(keys.PEOPLE) >= len(users) - 1
    assert "Ask:upscale_photo" in {
        await redis.get(key) for key in await redis.keys(f"{keys.DIALOGUE}*:state")
    }


async def expect_dead_letter(redis: Client, user_id: int) -> None:
    [dead_id] = await redis.zrange(keys.DEAD, 0, -1)
    record = await redis.hgetall(f"{keys.DEAD_JOB}{dead_id}")
    dead = from_hash({str(name): str(value) for name, value in record.items()})
    assert (dead.user_id, dead.progress.reason) == (user_id, "submit_unknown")


@pytest.mark.parametrize("release", sorted(PICTURES))
def test_buttons_of_an_earlier_release_are_understood(release: str) -> None:
    pressed = {data: buttons.parse(data) for data in WORLDS[release]["callback_data"]}

    known = {*CALLBACKS, *admin.CALLBACKS}
    assert [data for data, press in pressed.items() if not press or press.action not in known] == []
