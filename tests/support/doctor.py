"""`imgbot doctor`, run as an operator runs it."""

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import Any

from tests.support.waiting import PATIENCE_S


@dataclass(frozen=True, slots=True)
class Visit:
    """What it said, and its exit status."""

    status: int
    output: str
    mended: list[str]
    findings: list[dict[str, Any]]

    def of(self, check: str) -> list[dict[str, Any]]:
        return [finding for finding in self.findings if finding["check"] == check]

    def the(self, check: str) -> dict[str, Any]:
        """The one finding about something."""
        [finding] = self.of(check)
        return finding

    @property
    def wrong(self) -> list[str]:
        return [finding["check"] for finding in self.findings if finding["level"] == "wrong"]


async def see_doctor(environ: dict[str, str], *arguments: str) -> Visit:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "imgbot", "doctor", "--json", *arguments),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        output, _ = await process.communicate()
    assert process.returncode is not None
    text = output.decode()
    content = json.loads(text)
    return Visit(process.returncode, text, content["mended"], content["findings"])
