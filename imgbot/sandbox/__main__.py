"""`python -m imgbot.sandbox`: the sandbox alone, for a bot started separately."""

import argparse
import asyncio
import contextlib
import os
import signal
import sys

from imgbot.sandbox.server import Sandbox


async def _serve(host: str, port: int, token: str, *, flood: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with Sandbox(host, port, token, flood=flood) as sandbox:
        sys.stdout.write(f"{sandbox.url}\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m imgbot.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--token", default=os.environ.get("IMGBOT_TOKEN", ""), help="of the bot")
    parser.add_argument("--no-flood", action="store_true", help="no flood limits")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options.host, options.port, options.token, flood=not options.no_flood))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
