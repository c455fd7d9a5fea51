"""`imgbot loadtest`: one run per number of users, then the screen, and the exit status."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time

import uvloop

from imgbot.config.sources import state_dir_of
from imgbot.domain.errors import ImgbotError, flatten
from imgbot.ops.doctor.guide import LoadTestRecord, write_record
from imgbot.ops.installation import environ_of_service
from imgbot.ops.loadtest.bench import measure
from imgbot.ops.loadtest.options import LoadTestOptions
from imgbot.ops.loadtest.report import as_document, as_text, is_good
from imgbot.ops.loadtest.results import LoadTestResults, results_of

NOT_MET = 2
INTERRUPTED = 130
_CLEAR_LINE = "\r\x1b[K"


def main(wish: LoadTestOptions, *, is_json: bool) -> int:
    """Test, and print what was found; return the exit status of `operating`'s help.

    Raises ImgbotError, OSError.
    """
    runs, is_stopped, error = uvloop.run(_test(wish))
    if runs:
        document = json.dumps(as_document(wish, runs), indent=2) if is_json else ""
        sys.stdout.write(f"{document or as_text(wish, runs)}\n")
    if error is not None:
        raise error
    if is_stopped:
        return INTERRUPTED
    are_good = all(map(is_good, runs))
    _note(max(runs, key=lambda run: run.users), are_good=are_good)
    return 0 if are_good else NOT_MET


async def _test(wish: LoadTestOptions) -> tuple[list[LoadTestResults], bool, BaseException | None]:
    """Run one after the other, to the end, the first Ctrl-C or the first error.

    Return what was measured so far, whether it was stopped, and the error.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    runs: list[LoadTestResults] = []
    found: BaseException | None = None
    try:
        for users in wish.users:
            run = await measure(wish, users, stop, _tell)
            if run is not None:
                runs.append(results_of(run))
            if stop.is_set():
                break
    except Exception as error:  # noqa: BLE001 -- raised again when the runs are printed
        found = _reason(error)
    finally:
        _tell("")
    return runs, stop.is_set(), found


def _reason(error: Exception) -> BaseException:
    """Of a group, what a sentence can be made of; the error itself where there is nothing."""
    known = (leaf for leaf in flatten(error) if isinstance(leaf, (ImgbotError, OSError)))
    # What imgbot says itself explains the errors beside it.
    return min(known, key=lambda leaf: not isinstance(leaf, ImgbotError), default=error)


def _tell(line: str) -> None:
    """Renew the one line of progress; on a pipe there is none."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{_CLEAR_LINE}{line}")
        sys.stderr.flush()


def _note(run: LoadTestResults, *, are_good: bool) -> None:
    """Leave a note for `imgbot doctor`, where the bot has its state and this user may write."""
    with contextlib.suppress(ImgbotError, OSError):
        folder = state_dir_of(environ_of_service(os.environ))
        write_record(folder, LoadTestRecord(run.users, run.workers, are_good, time.time()))
