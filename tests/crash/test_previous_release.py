"""State directory of the previous release, killed with jobs in every state, resumed and served.

`tests/bench/release_state.py` has written it.
"""

import asyncio
import json
import re
import tarfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from imgbot.domain.buttons import action_in
from imgbot.domain.texts import t
from imgbot.features.stars.ledger import StarLedger
from imgbot.sandbox.provider_tasks import TaskLedger, make_task
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore
from tests.fixtures.bot import Bot, with_simulated_provider, with_terms
from tests.fixtures.features import TABLE
from tests.fixtures.sandbox import Control, Person, open_sandbox
from tests.fixtures.waiting import eventually

FIXTURE = Path(__file__).parents[1] / "fixtures" / "previous_release"
TERMS = 'prices_usd = { create = 0.04, edit = 0.05 }\noffered = ["simulated/best"]'
"""What its settings say of the provider, as it is written now."""
WORLD: dict[str, Any] = json.loads((FIXTURE / "world.json").read_text())
USERS: dict[str, int] = WORLD["users"]
PICTURES = {
    "Cara": 3,  # one was being made, two waited and hold Stars
    "Eva": 1,  # polling
    "Fay": 1,  # submitted, the answer lost
    "Gus": 1,  # being delivered
    "Kim": 2,  # one was being made, a change of it waited
}
"""Pictures that each user gets after the start."""
CHARGES = 3
"""Only what waited is charged, once each."""
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


def restore(folder: Path) -> None:
    """Unpack the state directory as if the previous release had been killed a moment ago, here."""
    with tarfile.open(FIXTURE / "state.tar.gz") as archive:
        archive.extractall(folder.parent, filter="data")
    shift_ms = int(time.time() * 1000) - WORLD["written_ms"]

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


def resume_provider(ledger: TaskLedger, now_s: float) -> None:
    """Give the provider the tasks that the previous release had ordered and been charged for."""
    for task in WORLD["tasks"]:
        known = {name: task[name] for name in ("id", "client_id", "idempotency_key")}
        ledger.keep(
            make_task("create", task["words"], [], started_at=now_s, duration_s=0.5, **known)
        )


async def no_jobs_left(redis: Client) -> bool:
    return not await redis.keys("rq:job:*")


async def pictures(control: Control, user_id: int) -> int:
    messages = await control.messages(user_id)
    return sum(1 for message in messages if message.is_outgoing and message.photo_id)


async def test_state_of_the_previous_release_is_resumed(tmp_path: Path) -> None:
    restore(tmp_path / "state")
    async with open_sandbox(token=WORLD["token"]) as (sandbox, control):
        people = {name: await control.make_user(name) for name in USERS}
        assert {name: person.id for name, person in people.items()} == USERS
        for person in people.values():
            sandbox.state.chats[person.id].is_started = True
        await control.set_provider(duration_s=[0.3, 0.5])
        ledger = sandbox.providers["simulated"].ledger
        resume_provider(ledger, asyncio.get_running_loop().time())
        settings = with_simulated_provider(sandbox) | WORLD["settings"]
        settings["IMGBOT_PROVIDER"] = with_terms(tmp_path, TERMS)

        async with Bot(sandbox, tmp_path / "state", **settings) as bot, bot.redis() as redis:
            await eventually(lambda: no_jobs_left(redis), what="no job left")
            await expect_what_users_had(redis)
            shown = {name: await pictures(control, id_) for name, id_ in USERS.items()}
            assert {name: count for name, count in shown.items() if count} == PICTURES
            charges = Counter(entry["client_id"] for entry in (await control.provider())["ledger"])
            assert sorted(charges.values()) == [1] * CHARGES
            await expect_settled(redis)
            await expect_dead_letter_ends(control, people)
            assert bot.secrets_in_log() == []


async def expect_what_users_had(redis: Client) -> None:
    anna = (await UserStore(redis).profile(USERS["Anna"])).preferences
    assert anna.language == "en"
    latest, first = await ResultStore(redis).history(USERS["Anna"])
    for job_id, words in ((latest, "сделай чёрно-белым"), (first, "рыжая лиса в снегу")):
        result = await ResultStore(redis).result(job_id)
        assert result is not None
        assert result.request.prompt == words
        assert result.picture is not None
    assert await redis.zcard(keys.PEOPLE) >= len(USERS) - 1
    assert {"Ask:upscale_photo", "Ask:merge_photos"} <= {
        await redis.get(key) for key in await redis.keys(f"{keys.DIALOGUE}*:state")
    }


async def expect_settled(redis: Client) -> None:
    """What the jobs had reserved of budgets and balances is spent, or given back."""
    for day in await redis.keys(f"{keys.SPEND}*"):
        spend = await redis.hgetall(day)
        assert [int(spend[name]) for name in spend if "reserved" in str(name)] in ([], [0])
    cara = await StarLedger(redis).account(USERS["Cara"])
    assert (cara.balance, cara.spent, cara.held, cara.difference) == (45, 5, 0, 0)


async def expect_dead_letter_ends(control: Control, people: dict[str, Person]) -> None:
    """An administrator finds it in /stuck, and ends it."""
    after = await control.last_seq()
    await control.say(people["Anna"], "/stuck")
    stuck = await control.wait_message(
        USERS["Anna"], lambda message: message.text.startswith("Stuck: 1"), after=after
    )
    await control.click(people["Anna"], stuck, "✖️ 1")
    await control.wait_message(USERS["Dan"], lambda message: message.text == t("en", "given_up"))


def test_buttons_of_the_previous_release_are_understood() -> None:
    known = {action.name: action for action, _ in TABLE.actions}

    for name, argument in map(action_in, WORLD["callback_data"]):
        # Raises UserError for what is not understood, and for another user's button.
        known[name].parse(argument, USERS["Anna"])
