"""Write the state that this release leaves when it is killed with jobs in every state.

`python -m tests.bench.release_state tests/fixtures/previous_release`, once for each release, before
it changes; the next one resumes it in `tests/crash/test_previous_release.py`.
"""

import asyncio
import json
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from imgbot.sandbox.provider_tasks import TaskLedger
from imgbot.storage import keys
from tests.fixtures.bot import Bot, with_simulated_provider, with_terms
from tests.fixtures.sandbox import Control, Message, Person, open_sandbox, picture
from tests.fixtures.waiting import eventually

TOKEN = "700000001:AAHfixturefixturefixturefixturefixt"
SETTINGS = {
    "IMGBOT_PER_USER": "usd=10, pictures=50, running=1",
    "IMGBOT_FORGET_AFTER_DAYS": "0",
    "IMGBOT_DAILY_BUDGET": "100",
    "IMGBOT_STARS": "picture=5, free=2, pack=50",
}
TERMS = 'prices_usd = { create = 0.04, edit = 0.05 }\noffered = ["simulated/best"]'
"""What limits an order, so that each kind of limit has something reserved."""
_LONG_S = 3600.0


async def write(folder: Path) -> None:
    """Let users leave a job in each state, kill the bot, and keep its folder and their world."""
    with tempfile.TemporaryDirectory(prefix="fx", dir="/tmp") as place:
        async with open_sandbox(token=TOKEN) as (sandbox, control):
            admin = await control.make_user("Anna", language_code="ru")
            settings = SETTINGS | {"IMGBOT_ADMINS": str(admin.id)}
            provider = with_simulated_provider(sandbox)
            provider["IMGBOT_PROVIDER"] = with_terms(Path(place), TERMS)
            async with Bot(sandbox, Path(place) / "state", **provider, **settings) as bot:
                users = {"Anna": admin} | await _leave_jobs(bot, control, admin)
                ledger = sandbox.providers["simulated"].ledger
                await eventually(lambda: _is_ordered(ledger), what="an order without an answer")
                await bot.kill()
            tasks = [
                {
                    name: getattr(task, name)
                    for name in ("id", "client_id", "words", "idempotency_key")
                }
                for task in ledger.tasks
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
            "settings": settings,
            "users": {name: person.id for name, person in users.items()},
            "tasks": tasks,
            "callback_data": sorted(pressed),
        }
        (folder / "world.json").write_text(json.dumps(world, ensure_ascii=False, indent=1) + "\n")


async def _is_ordered(ledger: TaskLedger) -> bool:
    return any(task.words == "a submitted bear" for task in ledger.tasks)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return entry if entry.isreg() or entry.isdir() else None


async def _leave_jobs(bot: Bot, control: Control, admin: Person) -> dict[str, Person]:
    """Return the users, each with what the bot was killed over."""
    await control.set_provider(duration_s=[0.1, 0.1])
    await control.say(admin, "/settings")
    panel = await control.wait_message(admin.id)
    for setting in ("language.en", "slides.1"):
        await control.press(admin, panel, f"set:{setting}.{admin.id}")
    for words in ("рыжая лиса в снегу", "сделай чёрно-белым"):
        await _answer(control, admin, words, lambda message: message.photo_id)
    await _answer(control, admin, "на пляже", lambda message: message.buttons)
    names = ("Ban", "Dan", "Hal", "Ivy", "Jon", "Gus", "Eva", "Cara", "Kim", "Fay")
    users = {name: await control.make_user(name) for name in names}
    await control.say(users["Ban"], "/start")
    await control.say(admin, f"/ban {users['Ban'].id}")
    await control.say(users["Dan"], "a lost owl [[sim:not_a_picture=2]]")
    await eventually(lambda: _dead(bot), what="a dead letter")
    await _answer(control, admin, "/stuck", lambda message: "1. create" in message.text)
    await control.say(users["Hal"], "/upscale")
    await control.send_photos(users["Ivy"], [picture()])
    await control.say(users["Jon"], "/merge")
    for color in ("red", "blue"):
        await control.send_photos(users["Jon"], [picture(color=color)])
    await _buy(control, users["Cara"])
    await control.fault("editMessageMedia", "delay", times=9, delay_s=_LONG_S)
    await control.say(users["Gus"], "a delivered goose")
    await _until(bot, delivering=1)
    await control.set_provider(duration_s=[_LONG_S, _LONG_S])
    for name, texts in {
        "Eva": ["a polling fox"],
        "Cara": ["a castle", "a tower", "a bridge"],
        "Kim": ["a lake", "and add a boat"],
    }.items():
        for text in texts:
            await control.say(users[name], text)
    await _until(bot, delivering=1, polling=3, queued=3)
    await control.set_provider(marks="[[sim:stalled_submit]]")
    await control.say(users["Fay"], "a submitted bear")
    await _until(bot, submitting=1)
    return users


async def _answer(
    control: Control, person: Person, words: str, fits: Callable[[Message], object]
) -> Message:
    """Say the words, and return the answer that fits."""
    after = await control.last_seq()
    await control.say(person, words)
    return await control.wait_message(person.id, lambda message: bool(fits(message)), after=after)


async def _buy(control: Control, person: Person) -> None:
    offer = await _answer(control, person, "/buy", lambda message: message.buttons)
    await control.click(person, offer, "50 ⭐")
    invoice = await control.wait_message(person.id, lambda message: "invoice" in message.raw)
    await control.pay(person, invoice)
    await control.wait_message(person.id, lambda message: message.text.startswith("✅"))


async def _states(bot: Bot) -> list[str]:
    async with bot.redis() as redis:
        keys = await redis.keys("rq:job:*")
        return sorted([str(await redis.hget(key, "state")) for key in keys])


async def _dead(bot: Bot) -> int:
    async with bot.redis() as redis:
        return await redis.zcard(keys.DEAD)


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
