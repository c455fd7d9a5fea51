"""`imgbot doctor` on real installations: each trouble is named, and mended where it may be."""

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from imgbot.sandbox.server import Sandbox
from imgbot.version import version
from tests.fakes.scripted_server import open_script
from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.commands import run_doctor
from tests.fixtures.redis_servers import filled
from tests.fixtures.requests import KEY
from tests.fixtures.sandbox import Clock, open_sandbox

pytestmark = pytest.mark.slow

Place = tuple[Sandbox, Bot]


@pytest.fixture
async def place(state_dir: Path, clock: Clock) -> AsyncIterator[Place]:
    async with open_sandbox(now=clock) as (sandbox, _):
        yield sandbox, Bot(sandbox, state_dir)


async def call(sandbox: Sandbox, method: str, **values: object) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        return await client.post(f"{sandbox.url}/bot{sandbox.token}/{method}", json=values)


@pytest.fixture
async def unpolled(place: Place) -> Place:
    """A place whose updates go to a webhook: nothing is polled, and no check waits for that."""
    await call(place[0], "setWebhook", url="http://127.0.0.1:9/hook")
    return place


async def test_a_running_bot_that_is_well(place: Place) -> None:
    sandbox, bot = place
    bot.settings |= with_simulated_provider(sandbox) | {"IMGBOT_REDIS_MEMORY_MB": "300"}
    async with bot:
        report = await run_doctor(bot.environ)
        polls = (await call(sandbox, "getMe")).json()

    assert (report.status, report.wrong) == (0, [])
    assert f'"version": "{version()}"' in report.output
    assert f"@{polls['result']['username']}" in report.the("token")["text"]
    assert f"process {bot.pid} is running and healthy" in report.the("service")["text"]
    assert report.the("second poller")["level"] == "ok"
    assert report.the("redis")["text"].endswith(f" at {bot.state_dir}/redis/redis.sock")
    assert "fsync always" in report.the("redis durability")["text"]
    assert report.the("provider simulated")["level"] == "ok"
    assert report.the("guide: redis")["text"] == "maxmemory 300 MB"
    # It did not take the bot's place at Telegram for a moment.
    assert "Conflict" not in bot.log


async def test_advice_for_a_further_bot_names_its_own_unit(place: Place, tmp_path: Path) -> None:
    _, bot = place
    file = tmp_path / "imgbot-shop" / "imgbot.env"
    file.parent.mkdir()
    file.write_text("IMGBOT_USERS=300\nIMGBOT_WORKERS=2\n")
    bot.settings["IMGBOT_ENVIRONMENT_FILE"] = str(file)

    stopped = await run_doctor(bot.environ)
    async with bot:
        running = await run_doctor(bot.environ)

    told = re.findall(r"systemctl \w+ ([\w@-]+)", stopped.output + running.output)
    assert set(told) == {"imgbot@shop"}


async def test_no_secret_is_shown(place: Place) -> None:
    sandbox, bot = place
    bot.settings |= with_simulated_provider(sandbox)
    bot.settings["IMGBOT_REDIS_URL"] = "redis://someone:hunter2secret@127.0.0.1:1/0"

    report = await run_doctor(bot.environ)

    assert "redis" in report.wrong
    for secret in (sandbox.token, sandbox.token.partition(":")[2], KEY, "hunter2secret"):
        assert secret not in report.output


async def test_what_is_wrong_on_a_server_is_named_and_mended_by_fix_where_it_may_be(
    unpolled: Place, clock: Clock, tmp_path: Path
) -> None:
    sandbox, bot = unpolled
    clock.offset_s = 90_000
    credentials, file = tmp_path / "credentials", tmp_path / "imgbot.env"
    credentials.mkdir(mode=0o755)
    token = credentials / "bot-token"
    token.write_text(sandbox.token)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        file.write_text(f"IMGBOT_TOKEN={sandbox.token}\nIMGBOT_HTTP={address}\n")
        for path in (token, file):
            path.chmod(0o644)
        environ = bot.environ | {
            "CREDENTIALS_DIRECTORY": str(credentials),
            "IMGBOT_ENVIRONMENT_FILE": str(file),
            "IMGBOT_HTTP": address,
        }

        seen = await run_doctor(environ)
        mended = await run_doctor(environ, "--fix")
        by_hand = await run_doctor(bot.environ | {"IMGBOT_HTTP": address})

    assert seen.status == 1
    assert "--fix" in seen.the("webhook")["mend"]
    assert "behind" in seen.the("clock")["text"]
    assert "timedatectl" in seen.the("clock")["mend"]
    assert f"sudoedit {file}" in seen.the("port")["mend"]
    assert by_hand.the("port")["mend"].startswith("IMGBOT_HTTP=127.0.0.1:")
    *of_credentials, of_file = seen.of("secrets")
    assert [finding["mend"] for finding in of_credentials] == [
        f"sudo chmod 0700 {credentials}",
        f"sudo chmod 0600 {token}",
    ]
    assert "IMGBOT_TOKEN" in of_file["text"]
    assert {"webhook", "clock", "port", "secrets"} <= set(seen.wrong)
    assert "webhook deleted" in mended.mended
    assert mended.the("webhook")["level"] == "ok"
    modes = [path.stat().st_mode & 0o777 for path in (credentials, token)]
    assert modes == [0o700, 0o600]
    assert {"clock", "port"} <= set(mended.wrong)


async def test_a_second_poller_elsewhere(place: Place) -> None:
    sandbox, bot = place

    async def poll_for_ever() -> None:
        while True:
            await call(sandbox, "getUpdates", timeout=30)

    async with asyncio.TaskGroup() as group:
        other = group.create_task(poll_for_ever())
        report = await run_doctor(bot.environ)
        other.cancel()

    assert report.wrong == ["second poller"]
    assert "409" in report.the("second poller")["text"]


async def test_a_token_that_was_revoked_and_telegram_out_of_reach(place: Place) -> None:
    _, bot = place
    bot.settings["IMGBOT_TOKEN"] = "123456789:" + "B" * 35

    report = await run_doctor(bot.environ)

    assert report.wrong == ["token"]
    assert "@BotFather" in report.the("token")["mend"]
    assert "B" * 35 not in report.output

    bot.settings["IMGBOT_TELEGRAM_API"] = "http://127.0.0.1:1"

    report = await run_doctor(bot.environ)

    assert report.wrong == ["telegram"]
    assert "curl" in report.the("telegram")["mend"]


async def test_a_state_that_must_not_be_served_from(unpolled: Place) -> None:
    _, bot = unpolled
    bot.state_dir = bot.state_dir / "a; b: c"
    begun = bot.state_dir / "restore.part" / "begun"
    begun.parent.mkdir(parents=True)
    begun.touch()
    cut_off = await run_doctor(bot.environ)
    (bot.state_dir / "moved").touch()
    moved = await run_doctor(bot.environ)
    shutil.rmtree(bot.state_dir)
    bot.state_dir.touch()
    spoilt = await run_doctor(bot.environ)

    assert cut_off.the("state")["text"] == f"a restore into {bot.state_dir} was interrupted"
    assert cut_off.the("state")["mend"].endswith("imgbot restore FILE --force")
    # Whoever takes the note away lets the same jobs be ordered at two places.
    assert "rm " not in moved.the("state")["mend"]
    assert "backup --stop" in moved.the("state")["mend"]
    assert moved.the("state")["text"].endswith("would pay for its jobs twice")
    assert moved.the("state")["level"] == spoilt.the("state")["level"] == "wrong"
    assert "is not readable and writable" in spoilt.the("state")["text"]
    # A start would be refused.
    assert [each.the("service")["mend"] for each in (cut_off, moved, spoilt)] == [""] * 3
    assert not any("systemctl start" in each.output for each in (cut_off, moved, spoilt))


async def test_a_redis_of_ones_own_that_loses_jobs_or_is_full(
    unpolled: Place, redis_url: str
) -> None:
    _, bot = unpolled
    bot.settings["IMGBOT_REDIS_URL"] = redis_url
    redis = bot.redis_of_its_own()
    await redis.config_set("appendonly", "no")
    await redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        losing = await run_doctor(bot.environ)
    finally:
        await redis.config_set("maxmemory-policy", "noeviction")
        await redis.config_set("appendonly", "yes")
    async with filled(redis):
        full = await run_doctor(bot.environ)
    await redis.aclose()

    mends = [finding["mend"] for finding in losing.of("redis durability")]
    assert "maxmemory-policy noeviction" in mends[0]
    assert "appendonly yes" in mends[1]
    assert "maxmemory 256mb" in losing.the("redis memory")["mend"]
    assert "redis memory" in full.wrong
    assert "it is full; orders are refused or soon will be" in full.the("redis memory")["text"]
    assert "CONFIG SET maxmemory" in full.the("redis memory")["mend"]


@pytest.mark.parametrize(
    ("provider", "key", "answer", "level", "said"),
    [
        ("replicate", "REPLICATE_API_TOKEN", ("/v1/account", 200, {"username": "anna"}),
         "ok", "accepts the key; does not report a balance"),
        ("replicate", "REPLICATE_API_TOKEN", ("/v1/account", 401, {"detail": "no such key"}),
         "wrong", "refuses the key REPLICATE_API_TOKEN"),
        ("replicate", "REPLICATE_API_TOKEN", ("/v2/account", 404, {}),
         "warning", "is unavailable at http://127.0.0.1:"),
        ("kie", "KIE_API_KEY", ("/api/v1/chat/credit", 200, {"code": 200, "data": 12}),
         "ok", "balance 12"),
        ("fal", "FAL_KEY", ("/", 404, {}), "ok", "without paying"),
    ],
)  # fmt: skip
async def test_a_providers_key(
    unpolled: Place, provider: str, key: str, answer: tuple[str, int, Any], level: str, said: str
) -> None:
    _, bot = unpolled
    path, status, content = answer
    async with open_script() as script:
        script.on(f"GET {path}", content, status=status)
        bot.settings |= {
            "IMGBOT_PROVIDER": provider, "IMGBOT_PROVIDER_URL": script.url, key: "secret-key",
        }  # fmt: skip

        report = await run_doctor(bot.environ)

    finding = report.the(f"provider {provider}")
    assert finding["level"] == level, finding
    assert said in finding["text"]
    assert {asked.method for asked in script.asked} <= {"GET"}
