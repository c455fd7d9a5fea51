"""`imgbot scale` on a bot that works: up and down, and every picture comes once."""

import os
import signal
from pathlib import Path

from tests.crash.conftest import Sandboxed
from tests.crash.test_supervisor_killed import ask_for_pictures, expect_one_each, field_is_set
from tests.fixtures.bot import Bot
from tests.fixtures.commands import COMMAND, run, run_anew, run_in
from tests.fixtures.waiting import eventually


async def scale(bot: Bot, number: int) -> tuple[int, str]:
    """Run the command as somebody who knows no token, only where the data is."""
    environ = {name: v for name, v in bot.environ.items() if name != "IMGBOT_TOKEN"}
    status, *said = await run_in(environ, *COMMAND, "scale", str(number))
    return status, "".join(said)


async def wanted_workers(bot: Bot) -> str:
    lines = (await bot.get("/metrics")).splitlines()
    # Nothing before the first measure.
    return next((line for line in lines if line.startswith('imgbot_workers{state="wanted"}')), "")


async def test_up_and_down_under_load(sandboxed: Sandboxed) -> None:
    bot, control = sandboxed
    many = min(200, 9 * (os.cpu_count() or 1))
    people = await ask_for_pictures(control, 6)
    await eventually(lambda: field_is_set(bot, "state", "polling"), what="a job polling")

    up = await scale(bot, many)
    people += await ask_for_pictures(control, 6)
    down = await scale(bot, 1)

    assert (up[0], down[0]) == (0, 0)
    assert f"{many} workers until the next start" in up[1]
    # More than the machine carries is done all the same.
    assert f"warning: {many} workers share" in up[1]
    # What was asked is taken first, and said when it is done.
    await bot.until_logged("workers: 1\n")
    assert bot.log.index(f"workers: {many}\n") < bot.log.index("workers: 1\n")
    await expect_one_each(bot, control, people)
    await eventually(lambda: wanted_workers(bot), lambda line: line.endswith(" 1.0"))


async def test_a_reload_goes_back_to_the_settings_or_names_the_bad_one(
    sandboxed: Sandboxed, tmp_path: Path
) -> None:
    bot, _ = sandboxed
    file = tmp_path / "imgbot.env"
    bot.settings["IMGBOT_ENVIRONMENT_FILE"] = str(file)
    await bot.stop()
    await bot.start()

    file.write_text("IMGBOT_WORKERS=many\n")
    bad = await run_anew(bot, "reload")
    file.write_text("IMGBOT_WORKERS=3\n")
    good = await run(bot, "reload")
    await scale(bot, 2)
    await bot.until_logged("workers: 2\n")
    scaled = len(bot.log)
    bot.signal(signal.SIGHUP)

    await bot.until_logged("workers: 3\n", begin=scaled)
    assert (bad.status, good.status) == (1, 0), bad.said + good.said
    assert "IMGBOT_WORKERS: 'many' cannot be used" in bad.said
    assert not (bot.state_dir / "reload").exists()


async def test_scale_without_a_bot_says_so_and_leaves_nothing(sandboxed: Sandboxed) -> None:
    bot, _ = sandboxed
    await bot.stop()

    status, said = await scale(bot, 7)
    await bot.start()

    assert status == 1
    assert f"no bot runs with {bot.state_dir} here" in said
    assert not (bot.state_dir / "workers").exists()
    await eventually(lambda: wanted_workers(bot), lambda line: line.endswith(" 5.0"))
