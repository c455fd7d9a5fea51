"""/privacy and /forget_me: what is kept is told, and after forgetting no trace is left."""

import json
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
import pytest_asyncio

from imgbot.domain.errors import StorageUnavailableError
from imgbot.domain.operations import Operation
from imgbot.domain.texts import t
from imgbot.features.albums.store import ALBUM, ALBUM_OPEN, ALBUMS
from imgbot.features.people.access import BAN
from imgbot.storage import keys
from imgbot.storage.client import Client
from imgbot.storage.forgetting import Forgetting
from imgbot.storage.job_queue import JobQueue, QueueLimits
from imgbot.storage.results import Recent
from tests.fixtures.bot import PAID
from tests.fixtures.jobs import job_of
from tests.fixtures.sandbox import Message
from tests.fixtures.waiting import eventually
from tests.integration.stage import (
    OUT_OF_REACH,
    Stage,
    User,
    has_buttons,
    jpeg,
    open_group,
    open_owned,
)

pytestmark = pytest.mark.slow

NAME, USERNAME = "Qwyzzlebert", "qwyzz_paints"
WORDS, EDIT_WORDS = "zyxommatic lighthouse", "florbinated warmer"
GROUP = -1_009_000_001
SETTINGS = {
    # Limits outlast forgetting by their window.
    "IMGBOT_RATE_LIMIT_WINDOW": "2",
    "IMGBOT_PER_USER": "running=1",
}
CHUNK = 48


@dataclass(frozen=True, slots=True)
class ForgettingSetup:
    """The administrator of a bot, and a user who is to be forgotten."""

    stage: Stage
    owner: User
    user: User

    async def forget_me(self) -> None:
        button = f"forget:{self.user.id}"
        # Not the progress of a job, which may be told in between.
        question = await self.user.ask("/forget_me", fits=lambda m: button in str(m.buttons))
        await self.user.toasts(question, button)
        await self.user.wait(lambda message: message.text.startswith("✅ Deleted."))

    async def needles(self) -> Mapping[str, bytes]:
        """What must not be found: id, name, words, and parts of the user's pictures."""
        chunks = {
            f"{path.name}@{at}": content[at : at + CHUNK]
            for path, content in _contents(self.stage.bot.state_dir).items()
            if (size := len(content)) > 1000 and "redis" not in path.parts
            for at in (size // 4, size // 2, size - CHUNK)
        }
        assert chunks
        texts = {
            "id": str(self.user.id),
            "name": NAME,
            "username": USERNAME,
            "words": "zyxommatic",
            "edit": "florbinated",
        }
        return chunks | {name: text.encode() for name, text in texts.items()}

    async def traces(self, needles: Mapping[str, bytes]) -> set[tuple[str, str]]:
        """Every key of Redis and file of the state directory with a needle, and which."""
        found: set[tuple[str, str]] = set()
        async with self.stage.bot.redis() as redis:
            contents = {key: await _content(redis, key) async for key in redis.scan_iter()}
        for path, content in _contents(self.stage.bot.state_dir).items():
            contents[str(path)] = content
        for place, content in contents.items():
            text = place.encode() + b"\n" + content
            found |= {(place, name) for name, needle in needles.items() if needle in text}
        return found


def _contents(folder: Path) -> dict[Path, bytes]:
    """All files; once more if one goes meanwhile, as when Redis has rewritten its log."""
    while True:
        with suppress(FileNotFoundError):
            files = [path for path in folder.rglob("*") if path.is_file()]
            return {path.relative_to(folder): path.read_bytes() for path in files}


async def _content(redis: Client, key: str) -> bytes:
    reads: Mapping[str, Any] = {
        "string": lambda: redis.get(key),
        "hash": lambda: redis.hgetall(key),
        "list": lambda: redis.lrange(key, 0, -1),
        "set": lambda: redis.smembers(key),
        "zset": lambda: redis.zrange(key, 0, -1),
    }
    kind = await redis.type(key)
    return repr(await reads[kind]() if kind in reads else "").encode()


async def open_scene(folder: Path, **settings: str) -> AsyncIterator[ForgettingSetup]:
    async for stage in open_owned(folder, is_simulated=True, **SETTINGS, **settings):
        async with stage.bot.redis() as redis:
            # Else strings in the file are compressed, and could not be found.
            await redis.config_set("aof-use-rdb-preamble", "no")
        yield ForgettingSetup(stage, stage.owner, await stage.user(NAME, username=USERNAME))


@pytest.fixture
async def setup(tmp_path: Path) -> AsyncIterator[ForgettingSetup]:
    """Pictures that cost nothing."""
    async for setup in open_scene(tmp_path):
        yield setup


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ForgettingSetup]:
    async for setup in open_scene(tmp_path_factory.mktemp("shared")):
        yield setup


@pytest_asyncio.fixture(loop_scope="module")
async def other_setup(shared: ForgettingSetup) -> ForgettingSetup:
    """The same with a user of this test alone, and traces of those of others."""
    return replace(shared, user=await shared.stage.user("Anna"))


@pytest.fixture
async def paid_scene(tmp_path: Path) -> AsyncIterator[ForgettingSetup]:
    """New pictures that cost something."""
    async for setup in open_scene(tmp_path, **PAID):
        yield setup


async def live(setup: ForgettingSetup) -> None:
    """Use everything: pictures, an album, settings, buttons, a question, and what goes wrong."""
    user = setup.user
    result = await user.order(WORDS)
    await user.order(EDIT_WORDS, jpeg("cat"))
    await user.order(f"merge {WORDS}", jpeg("cat"), jpeg("astronaut"))
    await user.click(result, "🔁 Again", fits=lambda m: bool(m.photo_id))
    await user.say("/quiet")
    await user.ask("", jpeg("cat", (300, 300)), fits=has_buttons)
    await setup.owner.ask("/broadcast hello", fits=has_buttons)
    await die(setup)
    await user.say(f"/create {WORDS} slow [[sim:slow=600]]")
    await user.say(f"/create {WORDS} waiting")
    async with setup.stage.bot.redis() as redis:
        await eventually(lambda: redis.llen(keys.QUEUE))
        await plant(redis, user)


async def die(setup: ForgettingSetup) -> str:
    """Order a picture whose job becomes a dead letter; return its id."""
    await setup.user.say(f"/create {WORDS} dead [[sim:not_a_picture=2]]")
    async with setup.stage.bot.redis() as redis:
        return str((await eventually(lambda: redis.zrange(keys.DEAD, 0, -1)))[0])


async def plant(redis: Client, user: User) -> None:
    """Store what is there for moments, or in trouble only, as the bot stores it."""
    sender = {"id": user.id, "first_name": NAME}
    update = {"update_id": 1, "message": {"from": sender, "chat": {"id": GROUP}, "text": WORDS}}
    later = time.time() * 1000 + 3_600_000
    await redis.lpush(keys.POISON, json.dumps(update)[:-4])
    await redis.zadd(f"{keys.DEFERRED_OF}{GROUP}", {json.dumps([1, update]): 1})
    await redis.zadd(keys.DEFERRED, {str(GROUP): later})
    item = [5, [["file", "unique", 1, "", 0]], WORDS, {"user_id": user.id}]
    await redis.rpush(f"{ALBUM}{GROUP}.7", json.dumps(item))
    await redis.zadd(ALBUMS, {f"{GROUP}.7": later})
    await redis.set(f"{ALBUM_OPEN}{GROUP}.{user.id}", f"{GROUP}.7")
    await redis.zincrby(f"{keys.REFUSED}{int(time.time() // 3600)}", 1, str(user.id))
    await redis.lpush(
        f"{keys.RECENT}{GROUP}.0",
        Recent(user.id, 1, "7", operation=Operation.CREATE, words=WORDS).dump(),
    )
    await redis.set(f"{keys.ONCE}said.{user.id}.paused.{GROUP}", "5")
    await redis.set(f"{keys.NOT_UNDERSTOOD}7", f"{user.id} {WORDS}")
    await redis.sadd(keys.ALLOWED, str(user.id))
    await redis.hset(f"{keys.SPEND}2026-01-02", mapping={"charged": 5, f"user:{user.id}": 5})


def _is_data(message: Message) -> bool:
    return bool(message.document_id) and "imgbot-my-data.json" in str(message.raw)


async def test_nothing_is_left_of_a_forgotten_user(setup: ForgettingSetup) -> None:
    await live(setup)
    needles = await setup.needles()
    before = await setup.traces(needles)
    file = await setup.user.ask("/my_data", fits=_is_data)
    given = json.loads(await setup.user.control.file(file.document_id or ""))
    until = await setup.traces(needles)

    await setup.forget_me()
    left = await eventually(lambda: setup.traces(needles), lambda found: not found)

    assert {name for _, name in before} == set(needles)
    assert left == set()
    # Limits are not forgotten: they expire.
    deleted = {place for place, _ in before & until if place.startswith(("img:", "rq:"))}
    assert {place for place in deleted if not place.startswith(keys.COMMANDS)} <= given.keys()
    assert not any(str(setup.owner.id) in key for key in given)
    async with setup.stage.bot.redis() as redis:
        # Times alone: the append-only file is rewritten once more, five minutes later.
        assert all(str(mark).startswith("log.") for mark in await redis.hkeys(keys.FORGOTTEN))
        assert await redis.hgetall(f"{keys.SPEND}2026-01-02") == {"charged": "5"}
    # They may come back, as a new user.
    assert (await setup.user.order("a fox")).photo_id


async def test_nothing_is_left_of_a_deleted_picture(setup: ForgettingSetup) -> None:
    user = setup.user
    picture = await user.order(WORDS)
    needles = await setup.needles()
    needles = {name: needles[name] for name in needles.keys() - {"id", "name", "username", "edit"}}
    before = await setup.traces(needles)

    question = await user.ask("delete this picture", reply_to=picture.id)
    await user.toast(question, "🗑 Delete this picture")
    left = await eventually(lambda: setup.traces(needles), lambda found: not found)

    assert {name for _, name in before} == set(needles)
    assert left == set()


async def test_a_ban_and_what_a_charge_needs_stay(paid_scene: ForgettingSetup) -> None:
    user, owner = paid_scene.user, paid_scene.owner
    await user.order(WORDS)
    job_id = await die(paid_scene)
    await owner.ask(f"/ban {user.id} spam")
    needles = await paid_scene.needles()

    await paid_scene.forget_me()
    expected = {
        (keys.BANNED, "id"),
        (BAN, "id"),
        (keys.FORGOTTEN, "id"),
        (f"{keys.SPEND}{time.strftime('%Y-%m-%d')}", "id"),
    }
    await eventually(
        lambda: paid_scene.traces(needles),
        lambda found: {each for each in found if "appendonly" not in each[0]} == expected,
    )
    log = await eventually(
        lambda: paid_scene.traces(needles), lambda found: all(name == "id" for _, name in found)
    )

    assert expected <= log
    async with paid_scene.stage.bot.redis() as redis:
        dead = await redis.hgetall(f"{keys.DEAD_JOB}{job_id}")
    assert (dead["provider"], dead["price_micro"]) == ("simulated", "40000")
    assert dead["order_id"]
    assert json.loads(dead["ticket"]).keys() == {"id", "model"}
    # The ban holds for everything else.
    assert (await user.ask("a fox")).text == t("en", "banned")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_silent_user_is_forgotten_and_others_are_not(other_setup: ForgettingSetup) -> None:
    """One met in a group only, too."""
    other = await other_setup.stage.user("Boris")
    ann, _ = await open_group(other_setup.stage)
    for each in (other_setup.user, other, ann):
        await each.ask("/start")
    silent, long_ago_ms = (
        [str(other_setup.user.id), str(ann.id)],
        (time.time() - 366 * 86_400) * 1000,
    )
    async with other_setup.stage.bot.redis() as redis:
        await redis.zadd(keys.SEEN, dict.fromkeys(silent, long_ago_ms), xx=True)
        await eventually(
            lambda: redis.zmscore(keys.SEEN, silent), lambda found: found == [None, None]
        )

        assert not await redis.exists(*(f"{keys.USER}{user}" for user in silent))
        assert await redis.zscore(keys.PEOPLE, str(other.id))
        assert await redis.exists(f"{keys.USER}{other.id}")


@pytest.mark.asyncio(loop_scope="module")
async def test_a_message_that_waits_is_forgotten_too(other_setup: ForgettingSetup) -> None:
    user, stage = other_setup.user, other_setup.stage
    before = await stage.orders()
    group = await stage.control.make_group("Friends", [user.person])
    await user.control.fault("sendMessage", "flood", times=1, chat_id=group, retry_after_s=6)
    for text in ("/help", f"/create {WORDS}"):
        await user.within(group).say(text)

    await other_setup.forget_me()
    # It is behind them.
    await user.within(group).toasts(1, "nothing")

    assert await stage.orders() == before


@pytest.mark.asyncio(loop_scope="module")
async def test_only_an_admin_may_forget_somebody_else(other_setup: ForgettingSetup) -> None:
    await other_setup.user.order(WORDS)
    other = await other_setup.stage.user("Boris")

    refusal = await other.toasts(OUT_OF_REACH, f"forget:{other_setup.user.id}")
    question = await other_setup.owner.ask(f"/forget {other_setup.user.id}")
    unknown = await other.ask(f"/forget {other_setup.user.id}")
    async with other_setup.stage.bot.redis() as redis:
        before = await redis.exists(f"{keys.HISTORY}{other_setup.user.id}")
        answer = await other_setup.owner.toasts(question, f"forget:{other_setup.user.id}")
        after = await redis.exists(f"{keys.HISTORY}{other_setup.user.id}")

    assert refusal == [t("en", "not_your_button")]
    assert answer == [""]
    assert (before, after) == (1, 0)
    assert unknown.text == t("en", "unknown_command")


@pytest.mark.asyncio(loop_scope="module")
async def test_privacy_tells_what_is_kept_and_who_makes_the_pictures(
    other_setup: ForgettingSetup,
) -> None:
    answer = await other_setup.user.ask("/privacy")

    assert "30 days" in answer.text
    assert "365 days" in answer.text
    assert f"Your Telegram ID ({other_setup.user.id})" in answer.text
    assert "The pictures are made by simulated." in answer.text
    assert "/forget_me" in answer.text


async def open_forgetting(
    redis: Client, removed: set[str], queue: JobQueue | None = None
) -> Forgetting:
    queue = queue or JobQueue(redis, QueueLimits())
    await queue.open_epoch()

    async def remove_files(job_ids: Collection[str]) -> None:
        removed.update(job_ids)

    return Forgetting(redis, queue, remove_files, AsyncMock())


async def test_what_others_sent_is_not_among_a_users_data(redis: Client) -> None:
    forgetting = await open_forgetting(redis, set())
    origin = {"type": "user", "sender_user": {"id": 7}}
    forwarded = {"message": {"from": {"id": 8}, "forward_origin": origin, "text": WORDS}}
    own = {"message": {"from": {"id": 7}, "reply_to_message": {"from": {"id": 8}}}}
    await redis.lpush(keys.POISON, json.dumps(forwarded), json.dumps(own))
    deferred = {json.dumps([1, forwarded]): 1, json.dumps([2, own]): 2}
    await redis.zadd(f"{keys.DEFERRED_OF}8", deferred)
    await redis.zadd(f"{keys.DEFERRED_OF}{GROUP}", deferred)
    await redis.set(f"{keys.NOT_UNDERSTOOD}1", f"8 who is 7, {WORDS}")
    await redis.set(f"{keys.NOT_UNDERSTOOD}2", "7 hello")
    await redis.hset(keys.USERNAMES, mapping={"the_7": "8", "me": "7"})
    ended = {"id": "1", "user_id": 8, "prompt": f"7 {WORDS}", "duration_s": 7}
    await redis.zadd(keys.ENDED_JOBS, {json.dumps(ended): 1, json.dumps({"user_id": 7}): 2})

    given = await forgetting.kept_of(7)

    assert WORDS not in json.dumps(given)
    assert given == {
        keys.POISON: [json.dumps(own)],
        f"{keys.DEFERRED_OF}8": [json.dumps([2, own])],
        f"{keys.DEFERRED_OF}{GROUP}": [json.dumps([2, own])],
        f"{keys.NOT_UNDERSTOOD}2": "7 hello",
        keys.USERNAMES: {"me": "7"},
        keys.ENDED_JOBS: [json.dumps({"user_id": 7})],
    }


async def test_nothing_is_ordered_after_the_wish_in_spite_of_a_kill(
    redis: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = JobQueue(redis, QueueLimits(running_per_user=2))
    forgetting = await open_forgetting(redis, set(), queue)
    jobs = [job_of(str(number), 7, 7, Operation.CREATE, "en") for number in range(1, 7)]
    for job in jobs[:5]:
        await queue.enqueue(job, 1)
    for _ in range(2):
        await queue.claim(1)

    # As soon as one of them is cancelled, all are.
    monkeypatch.setattr(
        forgetting, "_strip", AsyncMock(side_effect=StorageUnavailableError("gone"))
    )
    with pytest.raises(StorageUnavailableError):
        await forgetting.forget({7}, 1, "2026-01-02", before_update=7)
    # One that a handler in another chat was about to order.
    late = await queue.enqueue(jobs[5], 1)
    new = await queue.enqueue(job_of("8", 7, 7, Operation.CREATE, "en"), 1)

    assert await redis.lrange(keys.QUEUE, 0, -1) == ["8"]
    assert (late.verdict, new.verdict) == ("duplicate", "ok")


async def test_the_spend_of_a_day_stays_until_the_day_is_over(redis: Client) -> None:
    forgetting, key = await open_forgetting(redis, set()), f"{keys.SPEND}2026-01-02"
    await redis.hset(key, mapping={"charged": 5, "user:7": 5, "user:77": 1})

    await forgetting.forget({7}, 1, "2026-01-02")
    await forgetting.settle(2, "2026-01-02")
    during = await redis.hget(key, "user:7")
    await forgetting.settle(3, "2026-01-03")

    assert during == "5"
    assert await redis.hgetall(key) == {"charged": "5", "user:77": "1"}


async def test_a_late_job_goes_and_leaves_what_the_user_did_since(redis: Client) -> None:
    removed: set[str] = set()
    forgetting = await open_forgetting(redis, removed)
    await redis.hset(keys.FORGOTTEN, "job.5", "7")
    for job_id in ("5", "6"):
        await redis.hset(f"{keys.RESULT}{job_id}", mapping={"user_id": 7})
        await redis.set(f"{keys.PICTURE}of-{job_id}", job_id)
        await redis.lpush(f"{keys.HISTORY}7", job_id)

    await forgetting.settle(1, "2026-01-02")

    assert removed == {"5"}
    assert await redis.lrange(f"{keys.HISTORY}7", 0, -1) == ["6"]
    assert await redis.keys(f"{keys.RESULT}*") == [f"{keys.RESULT}6"]
    assert await redis.keys(f"{keys.PICTURE}*") == [f"{keys.PICTURE}of-6"]
