"""Fixes of `doctor --fix`: only safe ones that a finding has named.

It deletes a webhook (what waits there is kept) and closes secrets to others; everything else,
from a setting to the kernel, is the operator's to run.
"""

from collections.abc import Sequence
from pathlib import Path

from imgbot.domain.findings import Finding
from imgbot.ops.doctor import telegram


async def apply_fixes(findings: Sequence[Finding], api: str, token: str) -> list[str]:
    """Do what the findings allow; return, in sentences, what was done."""
    done: list[str] = []
    for finding in findings:
        match finding.fix:
            case ("delete_webhook",):
                if await telegram.delete_webhook(api, token):
                    done.append("the webhook is deleted")
            case ("chmod", mode, path):
                if _close(Path(path), int(mode, 8)):
                    done.append(f"{path} has mode {mode}")
            case _:
                continue
    return done


def _close(path: Path, mode: int) -> bool:
    try:
        path.chmod(mode, follow_symlinks=True)
    except OSError:
        return False
    return True
