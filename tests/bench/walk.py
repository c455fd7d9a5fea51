"""Walk of a plain prompt through the supervisor: `python -m tests.bench.walk [--list]`.

Counts the files, the functions (each at its first call, comprehensions and lambdas left out) and
the crossings of folders between one first call and the next, from the update to the end of the
job, at the simulated provider. Counted is what each of a few orders passes: loops that run beside
them do so at any time. Exits with status 1 above the ceilings.
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
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from types import FrameType

import imgbot
from tests.fixtures.bot import Bot, with_simulated_provider
from tests.fixtures.sandbox import open_sandbox

PACKAGE = str(Path(imgbot.__file__).parent) + "/"
UNDERSTANDING = ("domain/intents", "domain/spelling.py", "bot/conversation.py")
"""Files that decide what a text means; the second row is without them."""

ORDERS = ("draw a blue whale in the sea", "draw a green frog in the rain", "draw an owl at night")

BESIDE = frozenset(
    {
        *("measure_loop_lag", "_report", "StatusSampler.run", "AlertNotifier.run"),
        *("Maintenance.repair_loop", "Forgetter.run", "StatusMessages._tell_places"),
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


CEILINGS = Walk(files=118, functions=682, crossings=236)
"""Some above what is counted: two or three functions run for an order or beside it by chance."""


def walk_of(orders: Sequence[Sequence[Call]]) -> Walk:
    """What each of these orders passes."""
    common = set.intersection(*map(set, orders))
    walks = [[file for file, name in calls if (file, name) in common] for calls in orders]
    folders = [[key for key, _ in groupby(map(os.path.dirname, files))] for files in walks]
    return Walk(len(set(walks[0])), len(common), min(map(len, folders)) - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the walk of a plain prompt.")
    parser.add_argument("--list", action="store_true", help="print each function, too")
    options = parser.parse_args()
    orders = asyncio.run(_calls())
    if options.list:
        print("\n".join(f"{file}: {name}" for file, name in orders[0]))
    found = walk_of(orders)
    print(f"a plain prompt: {found}; at most {CEILINGS}")
    others = [[call for call in calls if not call[0].startswith(UNDERSTANDING)] for calls in orders]
    print(f"without the understanding of words: {walk_of(others)}")
    sys.exit(any(getattr(found, name) > most for name, most in asdict(CEILINGS).items()))


async def _calls() -> list[list[Call]]:
    with tempfile.TemporaryDirectory() as name:
        state, out = Path(name) / "state", Path(name) / "calls.json"
        state.mkdir()
        async with open_sandbox() as (sandbox, control):
            bot = Bot(sandbox, state, **with_simulated_provider(sandbox))
            bot.command = [sys.executable, "-m", "tests.bench.walk", str(out)]
            async with bot:
                anna = await control.make_user("Anna")

                async def order(words: str) -> None:
                    begin = len(bot.log)
                    await control.say(anna, words)
                    await bot.until_logged("delivered after", begin=begin)

                async def traced(words: str) -> list[Call]:
                    begin = len(bot.log)
                    bot.signal(signal.SIGUSR2)
                    await bot.until_logged("walk begins", begin=begin)
                    await order(words)
                    bot.signal(signal.SIGUSR2)
                    await bot.until_logged("walk ends", begin=begin)
                    return [(file, name) for file, name in json.loads(out.read_text())]

                # The first order of a chat also greets, and opens connections.
                await order("draw a red fox in the snow")
                return [await traced(words) for words in ORDERS]


def _task() -> str:
    """Return the name of the coroutine of the running task."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return ""
    return getattr(task.get_coro(), "__qualname__", "") if task else ""


def _traced(out: Path) -> None:
    """Run the bot; record first calls of its main thread between two signals SIGUSR2."""
    calls: dict[Call, None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(PACKAGE) and "<" not in code.co_name:
            call = code.co_filename.removeprefix(PACKAGE), code.co_qualname
            if call not in calls and _task() not in BESIDE:
                calls[call] = None

    def toggle(*_: object) -> None:
        if sys.getprofile() is None:
            calls.clear()
            print("walk begins", file=sys.stderr, flush=True)
            sys.setprofile(note)
            return
        sys.setprofile(None)
        out.write_text(json.dumps(list(calls)))
        print("walk ends", file=sys.stderr, flush=True)

    assert threading.current_thread() is threading.main_thread()
    signal.signal(signal.SIGUSR2, toggle)
    runpy.run_module("imgbot", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1].startswith("/"):
        traced_out = Path(sys.argv.pop())
        _traced(traced_out)
    else:
        main()
