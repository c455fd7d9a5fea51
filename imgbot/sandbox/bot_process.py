"""Bot as a child process: settings, start, provider."""

import asyncio
import errno
import itertools
import os
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import IO

from imgbot.sandbox import parent_death_exec
from imgbot.sandbox.server import Sandbox

HOST = "127.0.0.1"
_PORTS = SystemRandom().sample(range(20_000, 32_768), 1000)
"""Below Linux's ip_local_port_range, and different in each process, however `random` is seeded."""

_next_ports = itertools.cycle(_PORTS)

# What a program needs of where it runs, and no more: a provider's file may name any variable as
# that of its key, and systemd's of a service lead to the operator's token and state.
_FOR_THE_BOT = frozenset({"HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TZ", "USER"})
_FOR_ITS_LOG = frozenset({"JOURNAL_STREAM", "NO_COLOR", "TERM"})
_PREFIXES_FOR_THE_BOT = ("GLIBC_", "LC_", "LD_", "MALLOC_", "OMP_", "PYTHON", "VIRTUAL_ENV", "XDG_")


def environment(
    sandbox: Sandbox, state_dir: Path, provider: str, http_ports: Iterable[int] = ()
) -> dict[str, str]:
    """Return the environment of the child, without any settings of the operator.

    Its status page has the first of `http_ports` that is free, or any port.
    """
    found = sandbox.providers.get(provider)
    environ = {
        name: value
        for name, value in os.environ.items()
        if name in _FOR_THE_BOT | _FOR_ITS_LOG or name.startswith(_PREFIXES_FOR_THE_BOT)
    }
    return environ | {
        "IMGBOT_TOKEN": sandbox.token,
        "IMGBOT_TELEGRAM_API": sandbox.url,
        "IMGBOT_STATE_DIR": str(state_dir),
        # A killed bot leaves temporary files; in here they are deleted with the sandbox.
        "TMPDIR": str(state_dir),
        # It leaves semaphores, too; Python's resource tracker removes them with a warning.
        "PYTHONWARNINGS": "ignore:resource_tracker",
        "IMGBOT_HTTP": (http := f"{HOST}:{free_port(http_ports)}"),
        "IMGBOT_PUBLIC_URL": f"http://{http}",
        **(found.settings if found else {"IMGBOT_PROVIDER": provider}),
    }


async def start(
    environ: dict[str, str], log: IO[bytes] | None = None
) -> asyncio.subprocess.Process:
    """Start the bot, which ends with this process; its output goes to `log`, if given."""
    # A new session: Ctrl-C reaches only this process, which then tells the bot to drain.
    return await asyncio.create_subprocess_exec(
        sys.executable,
        parent_death_exec.__file__,
        str(os.getpid()),
        *(sys.executable, "-m", "imgbot"),
        env=environ,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def free_port(wanted: Iterable[int] = ()) -> int:
    """Return a free port on loopback, a wanted one if there is one. Raises OSError.

    Ephemeral ports are avoided: the bot binds the port seconds later, and an outgoing connection
    could have taken it by then. So are ports that this process, or most likely another one that
    starts bots, has just been given.
    """
    for port in itertools.chain(wanted, itertools.islice(_next_ports, len(_PORTS))):
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            return port
    raise OSError(errno.EADDRINUSE, "no port of loopback is free")
