"""Fifty conversations in both languages: `python -m tests.bench.conversations --out DIR`.

Each has a person of its own, against the sandbox and the built-in engine or the simulated
provider, with the limits that an operator starts with; the steps are in conversations.toml and
dialogues.toml. DIR/NN.png shows a chat as the chat page does. What goes wrong makes the exit
status 1.
"""

import argparse
import asyncio
import json
import sys
import time
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from playwright.async_api import Browser, Page

from imgbot.storage import keys
from tests.fixtures.browser import find_chromium, open_browser, open_page
from tests.fixtures.photos import add_noise, load_photo, photo_path, underexpose
from tests.fixtures.sandbox import Message
from tests.fixtures.waiting import eventually
from tests.integration.stage import (
    Fits,
    Stage,
    User,
    as_jpeg,
    is_picture,
    open_stage,
)

_FILES = [Path(__file__).with_name(f"{name}.toml") for name in ("conversations", "dialogues")]
_SIMULATED = "simulated"
_PATIENCE_S = 30
_SETTINGS = {"IMGBOT_RATE_LIMIT_MAX_REQUESTS": "10"}
_PARTS = {"face": (140, 0, 340, 200), "suit": (60, 180, 460, 512), "eyes": (80, 40, 320, 200)}
# The page scrolls the messages: the window must be as high as all of them.
_HEIGHT = """
() => {
  const scroller = document.querySelector(".scroller");
  return innerHeight - scroller.clientHeight + scroller.scrollHeight;
}
"""


class Talk:
    """A person in a chat with the bot; a step is the name of a method and its argument."""

    def __init__(self, user: User) -> None:
        self.user = user
        self._begun_seq = self._acted_seq = 0
        self._shown: Message | None = None
        self._album: list[Message] = []
        self._taken: set[tuple[int, int]] = set()
        self._latest: Message | None = None
        self._named: dict[str, Message] = {}

    async def begin(self) -> None:
        self._begun_seq = await self.user.control.last_seq()

    async def step(self, line: str) -> None:
        verb, _, given = line.partition(" ")
        if verb not in WAITING:
            self._acted_seq = await self.user.control.last_seq()
        await getattr(self, {"from": "from_"}.get(verb, verb))(given)

    async def say(self, text: str) -> None:
        await self.user.say(text)

    async def reply_to(self, given: str) -> None:
        name, _, text = given.partition(" ")
        await self.user.say(text, reply_to=self._named[name].id)

    async def mark(self, name: str) -> None:
        """Name the photo or picture that came last."""
        assert self._latest, "no picture yet"
        self._named[name] = self._latest

    async def variant(self, given: str) -> None:
        """Wait for the variant N/M and name it."""
        number, _, name = given.partition(" ")
        await self.picture(number)
        await self.mark(name)

    async def from_(self, name: str) -> None:
        """Check what the latest picture was made from."""
        sources = await self._sources()
        assert self._named[name].photo_unique_id in sources, f"made from {sources or 'words'}"

    async def anew(self, _: str) -> None:
        """Check that the latest picture was made from words."""
        assert not await self._sources(), "made from a picture"

    async def _sources(self) -> list[str]:
        assert self._latest, "no picture yet"
        data = [button.get("callback_data", "") for button in self._latest.buttons]
        [job_id] = {each.partition(":")[2] for each in data if each.startswith(("edit:", "undo:"))}
        async with self.user.stage.bot.redis() as redis:
            # The result is recorded once the picture is shown.
            result = await eventually(lambda: redis.hgetall(f"{keys.RESULT}{job_id}"))
        return [unique_id for _, unique_id, *_ in json.loads(result.get("sources") or "[]")]

    async def reply(self, text: str) -> None:
        """Reply to what came last."""
        await self.user.say(text, reply_to=self._last.id)

    async def photos(self, given: str) -> None:
        names, _, caption = given.partition(" | ")
        photos = [_photo(name) for name in names.split()]
        self._album = await self.user.photos(*photos, caption=caption)
        self._latest = self._album[-1]

    async def late(self, name: str) -> None:
        """One more photo of the last album."""
        await self.user.control.send_late(self.user.person, self._album[0], _photo(name))

    async def file(self, given: str) -> None:
        name, _, caption = given.partition(" | ")
        await self.user.files((name, _file(name)), caption=caption)

    async def kind(self, kind: str) -> None:
        """Something that is neither words nor a picture."""
        await self.user.control.send_kind(self.user.person, kind)

    async def press(self, label: str) -> None:
        await self.user.toast(self._last, label)

    async def group(self, title: str) -> None:
        """Go on in a group with a friend."""
        friend = await self.user.stage.user("Bob")
        people = [self.user.person, friend.person]
        self.user = self.user.within(await self.user.control.make_group(title, people))
        self._friend = friend.within(self.user.chat_id)

    async def friend(self, text: str) -> None:
        await self._friend.say(text)

    async def friend_to(self, given: str) -> None:
        name, _, text = given.partition(" ")
        await self._friend.say(text, reply_to=self._named[name].id)

    async def inline(self, query: str) -> None:
        """Send the first of the pictures that the bot offers for a query."""
        control, chat_id = self.user.control, self.user.chat_id
        offer = await control.ask_inline(self.user.person, query, chat_id=chat_id)
        await control.choose_inline(offer, offer.results[0]["id"], chat_id)

    async def answer(self, words: str) -> None:
        """Wait for the bot to say this, since the last act."""
        await self._wait(lambda message: words in message.text, self._acted_seq)

    async def changed(self, words: str) -> None:
        """Wait for what came last to say this, or to have a button with it."""
        last = self._last.id

        def fits(message: Message) -> bool:
            labels = [button["text"] for button in message.buttons]
            return message.id == last and any(words in text for text in (message.text, *labels))

        await self._wait(fits, self._acted_seq)

    async def picture(self, words: str) -> None:
        """Wait for a picture with these words in its caption that was not taken yet."""

        def fits(message: Message) -> bool:
            is_taken = (message.chat_id, message.id) in self._taken
            return not is_taken and words in message.text and is_picture(message)

        await self._wait(fits, self._begun_seq)
        self._taken.add((self._last.chat_id, self._last.id))
        self._latest = self._last

    async def _wait(self, fits: Fits, after: int) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                self._shown = await self.user.wait(fits, after=after)
        except TimeoutError:
            said = await self.user.said(rests=False)
            raise AssertionError(f"instead: {said[-1:]}") from None

    @property
    def _last(self) -> Message:
        assert self._shown, "the bot has said nothing yet"
        return self._shown


WAITING = {"answer", "changed", "picture", "mark", "variant", "from", "anew"}
"""Verbs that are no acts."""


def _photo(name: str) -> bytes:
    """A photograph, a part of one or a damaged one, as a phone sends it."""
    image = load_photo("cat" if name in {"cat", "small"} else "astronaut")
    image = image.crop(_PARTS[name]) if name in _PARTS else image
    image = add_noise(underexpose(image, 2), 14) if name == "dark" else image
    width = 320 if name == "small" else 1280
    return as_jpeg(image.resize((width, round(image.height * width / image.width))))


def _file(name: str) -> bytes:
    if name.endswith(".docx"):
        return b"PK\3\4" + bytes(2000)
    if name.endswith(".jpg"):
        return _photo("cat")[:9000]
    return photo_path("cat" if name.endswith(".png") else "pendulum").read_bytes()


async def _play(stage: Stage, browser: Browser, script: dict[str, Any], shot: Path) -> str:
    """Have one conversation to its end, or to where it went wrong; return what did."""
    talk = Talk(await stage.user(script["name"], language=script["language"]))
    await talk.begin()
    failure, line = "", ""
    try:
        for line in script["steps"].strip().splitlines():
            await talk.step(line)
    except (AssertionError, LookupError) as error:
        failure = f"“{line}”: {error}"
    query = f"?user={talk.user.id}&chat={talk.user.chat_id}"
    async with open_page(browser, stage.control.url, query) as chat:
        await chat.bubbles.first.wait_for()
        await show_all(chat.page, 480)
        await chat.page.screenshot(path=shot)
    return failure


async def show_all(page: Page, width: int) -> int:
    """Make the page as high as its chat, with all pictures loaded; return that height."""
    height = await page.evaluate(_HEIGHT)
    await page.set_viewport_size({"width": width, "height": height})
    # The page's policy forbids what Playwright waits with.
    await page.evaluate("Promise.all([...document.images].map((each) => each.decode()))")
    return height


async def run(folder: Path, chosen: list[int]) -> int:
    """Have the chosen conversations, and return how many went wrong."""
    executable = find_chromium()
    assert executable, "needs Chromium"
    scripts = [
        script
        for file in _FILES
        for script in tomllib.loads(file.read_text("utf-8"))["conversation"]
    ]
    numbered = [each for each in enumerate(scripts, 1) if not chosen or each[0] in chosen]
    wrong = 0
    async with open_browser(executable) as browser:
        for is_simulated in (False, True):
            some = [
                each for each in numbered if (each[1].get("provider") == _SIMULATED) is is_simulated
            ]
            wrong += (
                await _play_all(some, browser, folder, is_simulated=is_simulated) if some else 0
            )
    return wrong


async def _play_all(
    numbered: list[tuple[int, dict[str, Any]]],
    browser: Browser,
    folder: Path,
    *,
    is_simulated: bool,
) -> int:
    wrong = 0
    with TemporaryDirectory(prefix="imgbot-") as temporary:
        async for stage in open_stage(Path(temporary), is_simulated=is_simulated, **_SETTINGS):
            for number, script in numbered:
                begun = time.monotonic()
                failure = await _play(stage, browser, script, folder / f"{number:02}.png")
                wrong += bool(failure)
                seconds = time.monotonic() - begun
                verdict = failure or "as hoped"
                print(f"{number:2}. {script['title']}: {seconds:.1f} s, {verdict}", flush=True)
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder for the pictures")
    parser.add_argument("--only", type=int, nargs="+", default=[], help="the numbers of some")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    return 1 if asyncio.run(run(options.out, options.only)) else 0


if __name__ == "__main__":
    sys.exit(main())
