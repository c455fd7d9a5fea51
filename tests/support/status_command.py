"""`imgbot status`, run as an operator runs it, and the document behind it."""

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

from tests.support.bot import Bot
from tests.support.waiting import PATIENCE_S

COMMAND = (sys.executable, "-m", "imgbot", "status")


def environ_with(http: str, **others: str) -> dict[str, str]:
    """An environment in which nothing but this says where the service is; "" says nothing."""
    clean = {name: v for name, v in os.environ.items() if not name.startswith("IMGBOT_")}
    clean.pop("NO_COLOR", None)
    return clean | ({"IMGBOT_HTTP": http} if http else {}) | {"TERM": "xterm"} | others


def address_of(bot: Bot) -> str:
    return f"127.0.0.1:{bot.http_port}"


async def see_status(*arguments: str, **environ: str) -> tuple[int, str, str]:
    """Run `imgbot status`; return the exit status and what it says on both streams."""
    return await run(*COMMAND, *arguments, **environ)


async def run(*command: str, **environ: str) -> tuple[int, str, str]:
    """Run a command in this environment alone; return what `see_status` does."""
    process = await asyncio.create_subprocess_exec(
        *command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    async with asyncio.timeout(PATIENCE_S):
        out, error = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), error.decode()


async def document_of(bot: Bot) -> Any:
    return json.loads(await bot.get("/status.json"))
