"""What systemd hears, over real datagram sockets, with a path and with an abstract name."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgbot.ops.lifecycle import Notifier
from tests.fixtures.waiting import PATIENCE_S


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    name = str(tmp_path / "notify") if request.param == "path" else f"@imgbot-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        listening.settimeout(PATIENCE_S)
        yield listening, name


def test_every_word_arrives(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})

    notifier.ready("serving\n2 users")
    notifier.status("queue 3, running 2")
    notifier.alive()
    notifier.extend_timeout(1.5)
    notifier.stopping("draining")
    heard = [listening.recv(1000).decode() for _ in range(5)]

    assert heard == [
        "READY=1\nSTATUS=serving 2 users",
        "STATUS=queue 3, running 2",
        "WATCHDOG=1",
        "EXTEND_TIMEOUT_USEC=1500000",
        "STOPPING=1\nSTATUS=draining",
    ]


def test_a_reload_says_when_it_began(manager: tuple[socket.socket, str]) -> None:
    listening, name = manager
    before = time.monotonic_ns() // 1000

    Notifier({"NOTIFY_SOCKET": name}).reloading()
    first, second = listening.recv(1000).decode().split("\n")

    assert first == "RELOADING=1"
    assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


def test_a_manager_that_does_not_read_or_is_gone_does_not_stop_the_bot(
    manager: tuple[socket.socket, str],
) -> None:
    listening, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})

    for _ in range(2000):
        notifier.alive()

    assert listening.recv(100) == b"WATCHDOG=1"
    Notifier({"NOTIFY_SOCKET": f"{name}-gone"}).ready()


@pytest.mark.parametrize(
    ("environ", "interval_s"),
    [
        ({}, 0),
        ({"WATCHDOG_USEC": "120000000"}, 40.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": str(os.getpid())}, 40.0),
        ({"WATCHDOG_USEC": "120000000", "WATCHDOG_PID": "1"}, 0),
        ({"WATCHDOG_USEC": "0"}, 0),
        ({"WATCHDOG_USEC": "soon"}, 0),
    ],
)
def test_the_watchdog_is_fed_three_times_in_its_period(
    environ: dict[str, str], interval_s: float
) -> None:
    notifier = Notifier(environ)

    assert notifier.watchdog_interval_s == interval_s
    # Without a socket of systemd nothing happens.
    notifier.ready("serving")
