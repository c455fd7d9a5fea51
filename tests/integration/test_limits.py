"""The guide's limit and its redis-cli commands, as an operator would use them."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import pytest_asyncio

from tests.fixtures.sandbox import Person
from tests.fixtures.waiting import eventually
from tests.integration.stage import OWNER_ID, Stage, open_stage, said

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def strict_stage(tmp_path_factory: pytest.TempPathFactory):
    settings = {
        "IMGBOT_RATE_LIMIT_MAX_REQUESTS": "3",
        "IMGBOT_RATE_LIMIT_WINDOW": "60",
        "IMGBOT_RUNNING_PER_USER": "1",
        "IMGBOT_WAITING_PER_USER": "2",
        "IMGBOT_ADMINS": str(OWNER_ID),
    }
    async for stage in open_stage(tmp_path_factory.mktemp("strict"), is_simulated=True, **settings):
        assert (await stage.control.make_user("Owner")).id == OWNER_ID
        yield stage


def redis_cli(environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The README's command, which finds the embedded server, whoever has port 6379."""
    command = [sys.executable, "-m", "imgbot", "redis-cli", *arguments]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def cli(stage: Stage, *arguments: str) -> str:
    return redis_cli(stage.bot.environ, *arguments).stdout.strip()


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("ru", "⏳ Слишком много запросов. Подождите "),
        ("en", "⏳ Too many requests. Wait "),
    ],
)
async def test_the_guides_refusal(strict_stage: Stage, language: str, sentence: str) -> None:
    control = strict_stage.control
    person = await control.make_user("Bob", language_code=language)

    for command in ("/create", "/edit", "/merge"):
        after = await control.last_seq()
        await control.say(person, command)
        await control.wait_message(person.id, after=after)
    after = await control.last_seq()
    await control.say(person, "/upscale")
    refusal = await control.wait_message(person.id, after=after)

    assert refusal.text.startswith(sentence)
    assert refusal.text.endswith(": 0")
    assert cli(strict_stage, "GET", f"rate_limit:{person.id}") == "3"
    assert 0 < int(cli(strict_stage, "TTL", f"rate_limit:{person.id}")) <= 60


async def test_a_request_of_several_steps_is_counted_once(strict_stage: Stage) -> None:
    control = strict_stage.control
    person = await control.make_user("Bob")

    await control.say(person, "/create")
    await control.wait_message(person.id)
    await control.say(person, "a fox")
    await control.wait_message(person.id, lambda m: bool(m.photo_id))

    assert cli(strict_stage, "GET", f"rate_limit:{person.id}") == "1"


async def test_commands_are_counted_and_refused_once(strict_stage: Stage) -> None:
    """The way out stays open, and administrators are not counted."""
    control = strict_stage.control
    person, owner = await control.make_user("Bob"), Person(OWNER_ID, "Owner", {})

    for command in (*["/queue"] * 3, *["/start", "/limits", "/nonsense"] * 3, "/cancel"):
        await control.say(person, command)
    of_person = await said(strict_stage, person)
    for _ in range(5):
        await control.say(owner, "/queue")
    of_admin = await said(strict_stage, owner)

    refusals = [text for text in of_person if text.startswith("⏳ Too many requests.")]
    assert len(of_person) == 3 + 1 + 1
    assert len(refusals) == 1
    assert not [text for text in of_admin if text.startswith("⏳")]


async def test_a_burst_of_commands_gets_one_refusal(strict_stage: Stage) -> None:
    """However many come at once, and whichever limit they are over."""
    control = strict_stage.control
    person = await control.make_user("Bob")

    await control.fault("getUpdates", "delay", times=1, delay_s=2.0)
    for _ in range(70):
        await control.say(person, "/queue")

    async def answers() -> int:
        return len([m for m in await control.messages(person.id) if m.is_outgoing])

    await eventually(answers, lambda count: count == 3 + 1)

    assert len(await said(strict_stage, person)) == 3 + 1


def lengths(stage: Stage) -> tuple[str, int, int]:
    jobs = cli(stage, "KEYS", "rq:job:*").split()
    line = cli(stage, "LRANGE", "rq:queue:img_queue", "0", "-1").split()
    return cli(stage, "LLEN", "rq:queue:img_queue"), len(jobs), len(line)


async def test_the_guides_commands_tell_the_truth(strict_stage: Stage) -> None:
    control = strict_stage.control
    person = await control.make_user("Bob")
    async with strict_stage.bot.redis() as redis:
        # What other tests left must be over.
        await eventually(lambda: redis.keys("rq:job:*"), lambda keys: not keys)
        for number, marker in enumerate((" [[sim:slow=2]]", "", "")):
            await control.say(person, f"fox {number}{marker}")
        await eventually(lambda: redis.llen("rq:queue:img_queue"), lambda count: count == 2)
        seen = lengths(strict_stage)
        await eventually(lambda: redis.keys("rq:job:*"), lambda keys: not keys)

    assert seen == ("2", 3, 2)
    assert lengths(strict_stage) == ("0", 0, 0)
    assert "total_commands_processed" in cli(strict_stage, "INFO", "stats")
    kinds = {key.split(":")[0] for key in cli(strict_stage, "KEYS", "*").split()}
    assert kinds <= {"rate_limit", "img"}


async def test_cancel_while_waiting_and_while_running(strict_stage: Stage) -> None:
    control = strict_stage.control
    person = await control.make_user("Bob")
    await control.say(person, "first [[sim:slow=20]]")
    running = await control.wait_message(person.id, lambda m: bool(m.buttons))
    await control.say(person, "second [[sim:slow=20]]")
    waiting = await control.wait_message(
        person.id, lambda m: bool(m.buttons) and m.id != running.id
    )

    await control.click(person, waiting, "Cancel")
    await control.wait_message(person.id, lambda m: m.id == waiting.id and m.text == "Cancelled.")
    await control.say(person, "/cancel")
    await control.wait_message(person.id, lambda m: m.id == running.id and m.text == "Cancelled.")

    async with strict_stage.bot.redis() as redis:
        await eventually(lambda: redis.keys("rq:job:*"), lambda keys: not keys)
    tasks = (await control.provider())["tasks"]
    assert waiting.text.startswith("⏳ Got it. Your place in line: ")
    codes = [task["failure"] for task in tasks if "first" in task["words"]]
    assert codes == ["cancelled"]
    assert not [task for task in tasks if "second" in task["words"]]


async def test_a_command_that_redis_refuses_is_told_in_its_words(strict_stage: Stage) -> None:
    said = redis_cli(strict_stage.bot.environ, "LLEN")

    assert said.returncode == 1
    assert said.stderr.startswith("imgbot: Redis: wrong number of arguments")


async def test_without_a_running_bot_the_embedded_redis_is_absent(tmp_path: Path) -> None:
    said = redis_cli({"IMGBOT_STATE_DIR": str(tmp_path)}, "PING")

    assert said.returncode == 1
    assert f"no Redis answers at {tmp_path}/redis/redis.sock: is the bot running?" in said.stderr


async def test_more_waiting_jobs_than_allowed_are_refused(strict_stage: Stage) -> None:
    control = strict_stage.control
    person = await control.make_user("Bob")
    async with strict_stage.bot.redis() as redis:
        for number in range(3):
            await control.say(person, f"fox {number} [[sim:slow=2]]")
        await eventually(lambda: redis.hget("img:waiting", str(person.id)), lambda n: n == "2")
        await redis.delete(f"rate_limit:{person.id}")
        await control.say(person, "a hare")
        refusal = await control.wait_message(person.id, lambda m: "You already have" in m.text)

    assert refusal.text.startswith("You already have 2 in line")
