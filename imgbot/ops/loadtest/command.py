"""`imgbot loadtest`: one run per number of users, their report, and the exit status."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import uvloop

from imgbot.config.sources import state_dir_of
from imgbot.domain.errors import ImgbotError, flatten
from imgbot.ops.doctor.guide import LoadTestRecord, write_record
from imgbot.ops.installation import environ_of_service
from imgbot.ops.loadtest.report import LoadTestResults, as_document, as_text, is_good, results_of
from imgbot.ops.loadtest.run import LoadTest, LoadTestOptions, LoadTestRun

NOT_MET = 2
INTERRUPTED = 130
_CLEAR_LINE = "\r\x1b[K"


def run_loadtest(*, faults: str, is_json: bool, **given: Any) -> int:
    """Run the test and print the report; return the exit status as in the command's help.

    Raises ImgbotError, OSError.
    """
    options = LoadTestOptions(faults=tuple(filter(None, faults.split(","))), **given)

    def report(results: Sequence[LoadTestResults]) -> str:
        document = json.dumps(as_document(options, results), indent=2) if is_json else ""
        return f"{document or as_text(options, results)}\n"

    results = print_results(options, report)
    if results is None:
        return INTERRUPTED
    are_good = all(map(is_good, results))
    _note(max(results, key=lambda run: run.users), are_good=are_good)
    return 0 if are_good else NOT_MET


def print_results(
    options: LoadTestOptions, report: Callable[[Sequence[LoadTestResults]], str]
) -> Sequence[LoadTestResults] | None:
    """Run the tests and print what there is to report; return None if they were stopped."""
    runs, is_stopped, error = uvloop.run(run_tests(options))
    results = [results_of(run) for run in runs]
    if results:
        sys.stdout.write(report(results))
    if error is not None:
        raise error
    return None if is_stopped else results


async def run_tests(
    options: LoadTestOptions,
) -> tuple[list[LoadTestRun], bool, BaseException | None]:
    """Run one test after the other, until the first Ctrl-C or error.

    Return what was measured so far, whether it was stopped, and the error.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    runs: list[LoadTestRun] = []
    found: BaseException | None = None
    try:
        for users in options.users:
            _show(f"{users} users: starting the bot")
            async with LoadTest(options, users) as test:
                run = await test.run(stop, _show)
            runs += [run] if run else []
            if stop.is_set():
                break
    except Exception as error:  # noqa: BLE001 -- raised again when the runs are printed
        found = _reason(error)
    finally:
        _show("")
    return runs, stop.is_set(), found


def _reason(error: Exception) -> BaseException:
    """Return the error of a group that has a sentence; the group itself without one."""
    known = (leaf for leaf in flatten(error) if isinstance(leaf, (ImgbotError, OSError)))
    # What imgbot says itself explains the errors beside it.
    return min(known, key=lambda leaf: not isinstance(leaf, ImgbotError), default=error)


def _show(line: str) -> None:
    """Rewrite the progress line; only on a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{_CLEAR_LINE}{line}")
        sys.stderr.flush()


def _note(run: LoadTestResults, *, are_good: bool) -> None:
    """Leave a record for `imgbot doctor` in the state directory, if this user may write there."""
    with contextlib.suppress(ImgbotError, OSError):
        folder = state_dir_of(environ_of_service(os.environ))
        write_record(folder, LoadTestRecord(run.users, run.workers, are_good, time.time()))
