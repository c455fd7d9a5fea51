"""Write the state that this release leaves when it is killed with jobs in every state.

`python -m tests.bench.release_state tests/fixtures/release_X_Y_Z`, once for each release; the next
ones resume it in `tests/crash/test_previous_release.py`.
"""

import asyncio
import json
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.sandbox import Control, Person, open_sandbox
from tests.fixtures.waiting import eventually

TOKEN = "700000001:AAHfixturefixturefixturefixturefixt"
_LONG_S = 3600.0


async def write(folder: Path) -> None:
    """Let users leave a job in each state, kill the bot, and keep its folder and their world."""
    with tempfile.TemporaryDirectory(prefix="fx", dir="/tmp") as place:
        async with open_sandbox(token=TOKEN) as (sandbox, control):
            settings = with_simulated_provider(sandbox) | {"IMGBOT_RUNNING_PER_USER": "1"}
            admin = await control.make_user("Anna", language_code="ru")
            settings |= {"IMGBOT_ADMINS": str(admin.id), "IMGBOT_FORGET_AFTER_DAYS": "0"}
            async with Bot(sandbox, Path(place) / "state", **settings) as bot:
                users = {"Anna": admin} | await _leave_jobs(bot, control, admin)
                await bot.kill()
            tasks = [
                {
                    name: getattr(task, name)
                    for name in ("id", "client_id", "words", "idempotency_key")
                }
                for task in sandbox.providers["simulated"].ledger.tasks
            ]
            pressed = {
                button["callback_data"]
                for person in users.values()
                for message in await control.messages(person.id)
                for row in message.raw.get("reply_markup", {}).get("inline_keyboard", [])
                for button in row
                if "callback_data" in button
            }
        with tarfile.open(folder / "state.tar.gz", "w:gz") as archive:
            archive.add(Path(place) / "state", "state", filter=_plain)
        world = {
            "token": TOKEN,
            "written_ms": int(time.time() * 1000),
            "users": {name: person.id for name, person in users.items()},
            "tasks": tasks,
            "callback_data": sorted(pressed),
        }
        (folder / "world.json").write_text(json.dumps(world, ensure_ascii=False, indent=1) + "\n")


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return entry if entry.isreg() or entry.isdir() else None


async def _leave_jobs(bot: Bot, control: Control, admin: Person) -> dict[str, Person]:
    """Return the users, each with what the bot was killed over."""
    await control.set_provider(duration_s=[0.1, 0.1])
    await control.say(admin, "/settings")
    await control.click(admin, await control.wait_message(admin.id), "Язык")
    await control.say(admin, "рыжая лиса в снегу")
    await eventually(
        lambda: control.messages(admin.id),
        lambda messages: any(message.photo_id for message in messages),
        what="Anna's picture",
    )
    await _until(bot, delivering=0)
    users = {name: await control.make_user(name) for name in ("Ban", "Hal", "Gus")}
    await control.say(users["Ban"], "/start")
    await control.say(admin, f"/ban {users['Ban'].id}")
    await control.say(users["Hal"], "/upscale")
    await control.fault("editMessageMedia", "delay", times=9, delay_s=_LONG_S)
    await control.say(users["Gus"], "a delivered goose")
    await _until(bot, delivering=1)
    await control.set_provider(duration_s=[_LONG_S, _LONG_S])
    for name, texts in {
        "Eva": ["a polling fox"],
        "Cara": ["a castle", "a tower", "a bridge"],
        "Kim": ["a lake", "and add a boat"],
    }.items():
        users[name] = await control.make_user(name)
        for text in texts:
            await control.say(users[name], text)
    await _until(bot, delivering=1, polling=3, queued=3)
    users["Fay"] = await control.make_user("Fay")
    await control.set_provider(marks="[[sim:stalled_submit]]")
    await control.say(users["Fay"], "a submitted bear")
    await _until(bot, submitting=1)
    return users


async def _states(bot: Bot) -> list[str]:
    async with bot.redis() as redis:
        keys = await redis.keys("rq:job:*")
        return sorted([str(await redis.hget(key, "state")) for key in keys])


async def _until(bot: Bot, **wanted: int) -> None:
    await eventually(
        lambda: _states(bot),
        lambda states: all(states.count(state) == number for state, number in wanted.items()),
        what=str(wanted),
    )


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(write(target))
