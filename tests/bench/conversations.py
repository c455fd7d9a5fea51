"""Twenty conversations in both languages: `python -m tests.bench.conversations --out DIR`.

Each has a person of its own, against the sandbox and the built-in engine, with the limits that an
operator starts with. DIR/index.html shows them as chats. What goes wrong makes the exit status 1.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.conversation_page import Shown, save_pictures, write_page
from tests.bench.conversation_talk import Script, Talk
from tests.bench.conversations_en import CONVERSATIONS as ENGLISH
from tests.bench.conversations_ru import CONVERSATIONS as RUSSIAN
from tests.fixtures.bot import Bot
from tests.fixtures.sandbox import Control, open_sandbox

_SETTINGS = {"IMGBOT_RATE_LIMIT_MAX_REQUESTS": "10"}


async def play(control: Control, number: int, script: Script) -> Shown:
    """Have one conversation to its end, or to where it went wrong."""
    person = await control.make_user(script.name, language_code=script.language)
    talk = Talk(control, person, await control.last_seq(), person.id)
    begun, failure = time.monotonic(), ""
    try:
        await script.play(talk)
    except (AssertionError, LookupError, ExceptionGroup) as error:
        failure = _told(error)
    seconds = time.monotonic() - begun
    title = f"{script.title} ({script.language})"
    shown = Shown(number, title, person.id, seconds, failure, talk.notes, talk.took_s)
    for chat in (await control.state())["chats"]:
        is_here = chat["id"] == person.id or (chat["id"] < 0 and person.id in chat["members"])
        if is_here:
            name = chat.get("title") or f"{person.first_name} ↔ imgbot"
            shown.chats.append((name, await control.messages(chat["id"])))
    return shown


def _told(error: BaseException) -> str:
    """Where in the conversation it was, and what was missing."""
    trace = error.__traceback__
    place = ""
    while trace:
        code = trace.tb_frame.f_code
        if Path(code.co_filename).stem.startswith("conversations_"):
            place = f"{Path(code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"{place}: {error}"


async def run(folder: Path, chosen: Sequence[int], chat_px: int) -> int:
    """Have the chosen conversations, write the page, and return how many went wrong."""
    done: list[tuple[Shown, dict[str, str]]] = []
    scripts = list(enumerate((*RUSSIAN, *ENGLISH), 1))
    with TemporaryDirectory(prefix="imgbot-") as temporary:
        state_dir = Path(temporary) / "state"
        state_dir.mkdir()
        async with open_sandbox() as (sandbox, control), Bot(sandbox, state_dir, **_SETTINGS):
            for number, script in scripts:
                if chosen and number not in chosen:
                    continue
                shown = await play(control, number, script)
                done.append((shown, await save_pictures(control, shown, folder / "pictures")))
                verdict = shown.failure or "as hoped"
                print(f"{number:2}. {shown.title}: {shown.seconds:.1f} s, {verdict}", flush=True)
            violations = (await control.calls())["violations"]
    write_page(folder, done, chat_px)
    for violation in violations:
        print(f"Telegram would have ignored: {violation}")
    return sum(bool(shown.failure) for shown, _ in done) + len(violations)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder for the page")
    parser.add_argument("--width", type=int, default=390, help="of a chat on the page, pixels")
    parser.add_argument("--only", type=int, nargs="+", default=[], help="the numbers of some")
    options = parser.parse_args(arguments)
    (options.out / "pictures").mkdir(parents=True, exist_ok=True)
    wrong = asyncio.run(run(options.out, options.only, options.width))
    print(f"{options.out / 'index.html'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
