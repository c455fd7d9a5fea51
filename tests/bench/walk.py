"""Walk of a plain prompt through the supervisor: `python -m tests.bench.walk [--list]`.

Counts the files, the functions (each at its first call, comprehensions and lambdas left out) and
the crossings of folders between one first call and the next, from the update to the picture: the
second order of a chat, at the simulated provider. Loops that no prompt passes are left out: they
run beside it at any time.
"""

import argparse
import asyncio
import json
import os
import runpy
import signal
import sys
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import FrameType

import imgbot
from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.sandbox import open_sandbox
from tests.fixtures.waiting import eventually

PACKAGE = str(Path(imgbot.__file__).parent) + "/"
UNDERSTANDING = ("domain/intents", "domain/spelling.py", "bot/conversation.py")
"""Files that decide what a text means; the second row of the result is without them."""

BESIDE = frozenset(
    {
        *("measure_loop_lag", "_report", "StatusSampler.run", "AlertNotifier.run"),
        *("Maintenance.repair_loop", "Maintenance.forget_loop", "StatusMessages._tell_places"),
    }
)
"""Tasks of the loops that are left out."""

Call = tuple[str, str]
"""File, function."""


@dataclass(frozen=True, slots=True)
class Walk:
    files: int
    functions: int
    crossings: int

    def __str__(self) -> str:
        return f"{self.files} files, {self.functions} functions, {self.crossings} crossings"


def walk_of(calls: Iterable[Call]) -> Walk:
    calls = list(calls)
    folders = [folder for folder, _ in groupby(os.path.dirname(file) for file, _ in calls)]  # noqa: PTH120
    return Walk(len({file for file, _ in calls}), len(calls), max(len(folders) - 1, 0))


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the walk of a plain prompt.")
    parser.add_argument("--list", action="store_true", help="print each function, too")
    options = parser.parse_args()
    calls = asyncio.run(_calls())
    if options.list:
        print("\n".join(f"{file}: {name}" for file, name in calls))
    print(f"a plain prompt: {walk_of(calls)}")
    others = (call for call in calls if not call[0].startswith(UNDERSTANDING))
    print(f"without the understanding of words: {walk_of(others)}")


async def _calls() -> list[Call]:
    with tempfile.TemporaryDirectory() as name:
        state, out = Path(name) / "state", Path(name) / "calls.json"
        state.mkdir()
        async with open_sandbox() as (sandbox, control):
            bot = Bot(sandbox, state, **with_simulated_provider(sandbox))
            bot.command = [sys.executable, "-m", "tests.bench.walk", str(out)]
            async with bot:
                anna = await control.make_user("Anna")
                # The first order of a chat also greets, and opens connections.
                await control.say(anna, "a red fox in the snow")
                first = await control.wait_message(anna.id, lambda message: bool(message.photo_id))
                await bot.until_logged("delivered after")
                bot.signal(signal.SIGUSR1)
                await bot.until_logged("walk begins")
                await control.say(anna, "a blue whale in the sea")
                await control.wait_message(
                    anna.id, lambda message: bool(message.photo_id) and message.id > first.id
                )
                bot.signal(signal.SIGUSR1)

                async def is_written() -> bool:
                    return out.exists()

                await eventually(is_written, what="the calls")
                return [(file, name) for file, name in json.loads(out.read_text())]


def _task() -> str:
    """Return the name of the coroutine of the running task."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return ""
    return getattr(task.get_coro(), "__qualname__", "") if task else ""


def _traced(out: Path) -> None:
    """Run the bot; record first calls of its main thread between two signals SIGUSR1."""
    calls: dict[Call, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE) and "<" not in code.co_name:
            call = code.co_filename.removeprefix(PACKAGE), code.co_qualname
            if call not in calls and _task() not in BESIDE:
                calls[call] = None

    def toggle(*_: object) -> None:
        if sys.getprofile() is None:
            print("walk begins", file=sys.stderr, flush=True)
            sys.setprofile(note)
            return
        sys.setprofile(None)
        incoming = out.with_suffix(".incoming")
        incoming.write_text(json.dumps(list(calls)))
        incoming.replace(out)

    assert threading.current_thread() is threading.main_thread()
    signal.signal(signal.SIGUSR1, toggle)
    runpy.run_module("imgbot", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1].startswith("/"):
        traced_out = Path(sys.argv.pop())
        _traced(traced_out)
    else:
        main()
