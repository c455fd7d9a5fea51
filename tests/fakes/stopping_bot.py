"""A bot that stops itself, as a paused machine does, between a submit record and its order."""

import os
import runpy
import signal
from typing import Any

from imgbot.jobs import submit
from imgbot.jobs.context import StepContext
from imgbot.jobs.outcomes import Outcome
from imgbot.telegram.lazy_models import import_aiogram

order = submit._order


async def stopped(context: StepContext, *arguments: Any) -> Outcome:
    os.kill(os.getpid(), signal.SIGSTOP)
    return await order(context, *arguments)


if __name__ == "__main__":
    import_aiogram()
    submit._order = stopped  # pyrefly: ignore[bad-assignment]
    runpy.run_module("imgbot", run_name="__main__")
