"""What the bot does, in one conversation: `python -m tests.bench.tour --out FILE`.

FILE is a page of its own with the conversation as people see it on a phone and on a desktop; its
steps are in tour.toml. A step without its answer, or a call that breaks the Bot API's rules, makes
the exit status 1.
"""

import argparse
import asyncio
import base64
import html
import json
import re
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from playwright.async_api import Browser

from imgbot.sandbox.simulated_provider import DEMO_FILE
from imgbot.storage import keys
from tests.bench.conversations import show_all
from tests.fakes.scripted_server import open_script
from tests.fixtures.browser import DESKTOP, PHONE, find_chromium, open_browser, open_page
from tests.fixtures.clips import is_clip
from tests.fixtures.drawings import drawn, loop, stored
from tests.fixtures.photos import load_photo
from tests.fixtures.sandbox import Message
from tests.fixtures.unsafe_picture import unsafe_picture
from tests.fixtures.waiting import eventually
from tests.integration.stage import (
    BOT_NAME,
    OWNER_ID,
    Stage,
    User,
    as_jpeg,
    is_picture,
    open_stage,
)

_FOXES = [f"A red fox {each}" for each in ("asleep in snow", "leaping in a forest", "on a rock")]
_ANSWERS = {
    "versions": [{"shown": each, "sent": each} for each in _FOXES],
    "things": [{"name": "a blue kite", "there": "no"}],
    "prompt": "A red fox in front of a pale sky, painted in broad strokes",
    "alt": "A red fox, seen from the side.",
}
"""Each of the chat model's questions takes its own out of these."""
_WRITTEN = {"message": {"role": "assistant", "content": json.dumps(_ANSWERS)}}
_TOUR = tomllib.loads(Path(__file__).with_name("tour.toml").read_text("utf-8"))
_HEAD = """<!doctype html><meta charset="utf-8"><title>imgbot</title>
<style>body { font: 16px sans-serif; margin: 2em } img { vertical-align: top }</style>"""
_TOP = """(before) => [...document.querySelectorAll("[data-message-id]")].find(
  ({ dataset }) => Number(dataset.messageId) > before).getBoundingClientRect().top - 12"""


class Tourist:
    """A person in one chat; the acts are methods."""

    link = ""
    """What the operator's invitation says after `start=`."""

    def __init__(self, user: User) -> None:
        self.user, self.control = user, user.control
        self.shown = self.sent = Message({})

    async def step(self, line: str) -> None:
        act, _, expected = line.partition(" => ")
        verb, _, given = act.partition(" ")
        words = expected.removeprefix("*")

        async def found() -> list[Message]:
            new = [m for m in await self.messages() if m.raw not in before]
            shown = [m for m in new if words in f"{m.text} {m.buttons} {m.raw.get('invoice')}"]
            return [m for m in shown if is_picture(m) or is_clip(m) or words == expected]

        before = [m.raw for m in await self.messages()]
        await getattr(self, verb)(given.format(link=self.link, bot=BOT_NAME))
        if expected:
            self.shown = (await eventually(found, what="the answer"))[-1]
            Tourist.link = (re.findall(r"start=(i-\S+)", self.shown.text) or [self.link])[0]

    async def messages(self) -> list[Message]:
        """The bot's, and those that a user sent by way of it."""
        found = await self.control.messages(self.user.chat_id)
        return [m for m in found if m.is_outgoing or "via_bot" in m.raw]

    async def say(self, text: str) -> None:
        await self.user.say(text)

    async def reply(self, text: str) -> None:
        """Reply to the latest answer."""
        await self.user.say(text, reply_to=self.shown.id)

    async def voice(self, _: str) -> None:
        recording = await self.control.upload(b"OggS" + bytes(2000), "voice.oga")
        await self.user.send(voice=recording)

    async def press(self, label: str) -> None:
        """Press the latest button with this label."""
        message = [m for m in await self.messages() if label in str(m.buttons)][-1]
        await self.user.toast(message, label)

    async def photo(self, given: str) -> None:
        """Send one photo, or several as an album: their names with + between, then the caption."""
        names, _, words = given.partition(" ")
        photos = [unsafe_picture() if each == "unsafe" else load_photo(each)
                  for each in names.split("+")]  # fmt: skip
        sent = [as_jpeg(each.convert("RGB")) for each in photos]
        self.sent = (await self.user.photos(*sent, caption=words))[0]

    async def circle(self, given: str) -> None:
        """Draw around x, y on the photo, a part of the line left out, and say what to do."""
        *numbers, words = given.split(" ", 4)
        line, photo = loop(*map(float, numbers)), await self.user.image(self.sent)
        await self.user.photos(stored(drawn(photo, line)), caption=words, reply_to=self.sent.id)

    async def pay(self, _: str) -> None:
        await self.control.pay(self.user.person, self.shown)

    async def inline(self, query: str) -> None:
        offer = await self.control.ask_inline(self.user.person, query, chat_id=self.user.chat_id)
        await self.control.choose_inline(offer, offer.results[0]["id"], self.user.chat_id)


async def _play(stage: Stage, browser: Browser, parts: list[dict[str, Any]], page: TextIO) -> None:
    """Have a conversation, and write it to the page."""
    tourists = {"Owner": Tourist(await stage.user("Owner"))}
    for part in parts:
        name, group, title = part["who"], part.get("group", ""), part["title"]
        if name not in tourists:
            tourists[name] = Tourist(await stage.user(name, **part["person"]))
        tourist = tourists[name]
        if group:
            people = [tourist.user.person, (await stage.user("Max")).person]
            is_foreign = part.get("is_foreign", False)
            chat_id = await stage.control.make_group(group, people, is_foreign=is_foreign)
            tourist = Tourist(tourist.user.within(chat_id))
        known = await stage.control.messages(tourist.user.chat_id)
        for line in part["steps"].strip().splitlines():
            try:
                await tourist.step(line)
            except (AssertionError, LookupError) as error:
                said = [each.text for each in await tourist.messages()][-1:]
                raise SystemExit(f"{title}: {line!r}: {error}; instead: {said}") from error
        async with stage.bot.redis() as redis:
            await eventually(lambda: redis.keys(f"{keys.JOB}*"), lambda left: not left)
        print(f"{title}: as told", flush=True)
        before = max((each.id for each in known), default=0)
        shots = [await _shot(browser, tourist.user, before, size) for size in (PHONE, DESKTOP)]
        page.write(f"<h2>{html.escape(title)}</h2>{''.join(shots)}")


async def _shot(browser: Browser, user: User, before: int, device: dict[str, Any]) -> str:
    """The messages after `before` as the user sees them, as an element of the page."""
    query, width = f"?user={user.id}&chat={user.chat_id}", device["viewport"]["width"]
    async with open_page(browser, user.control.url, query, **device) as chat:
        await chat.bubbles.first.wait_for()
        height = await show_all(chat.page, width)
        top = await chat.page.evaluate(_TOP, before)
        clip = {"x": 0, "y": top, "width": width, "height": height - top}
        shot = base64.b64encode(await chat.page.screenshot(type="jpeg", quality=80, clip=clip))
        assert not chat.problems, chat.problems
    return f'<img src="data:image/jpeg;base64,{shot.decode()}">'


async def run(page: TextIO) -> None:
    executable = find_chromium()
    assert executable, "needs Chromium"
    page.write(_HEAD)
    async with open_browser(executable) as browser, open_script() as model:
        model.on("POST /v1/chat/completions", {"choices": [_WRITTEN]})
        model.on("POST /v1/audio/transcriptions", {"text": "a paper boat on a pond"})
        for is_simulated, name in ((True, "service"), (False, "engine")):
            settings = {
                setting: value.format(owner=OWNER_ID, chat=f"{model.url}/v1/", demo=DEMO_FILE)
                for setting, value in _TOUR[name]["settings"].items()
            }
            with TemporaryDirectory(prefix="imgbot-") as folder:
                async for stage in open_stage(Path(folder), is_simulated=is_simulated, **settings):
                    await _play(stage, browser, _TOUR[name]["part"], page)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the page")
    with parser.parse_args().out.open("w", encoding="utf-8") as page:
        asyncio.run(run(page))


if __name__ == "__main__":
    main()
