"""A DNS resolver that the unit blocks: found, let through, named in the wait for Telegram."""

import os
import socket
import subprocess
from pathlib import Path
from unittest.mock import AsyncMock, Mock

import pytest

from imgbot.domain.errors import ConfigError, UnresolvedNameError
from imgbot.ops import dns
from imgbot.ops.installation import Layout, shipped
from imgbot.ops.lifecycle import Notifier
from imgbot.wiring import startup


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A server with this release's unit."""
    layout = Layout(tmp_path)
    layout.drop_ins.mkdir(parents=True)
    layout.resolvers.parent.mkdir(exist_ok=True)
    layout.unit.write_text(shipped("imgbot.service").read_text())
    return layout


@pytest.mark.parametrize(
    ("resolvers", "drop_in", "blocked"),
    [
        ("nameserver 127.0.0.53\n", "", ""),
        ("# nameserver 10.0.0.2\nnameserver 9.9.9.9\n", "", ""),
        ("nameserver 10.0.0.2\nnameserver 9.9.9.9\n", "", "10.0.0.2"),
        ("search lan\nnameserver\t192.168.1.1\n", "", "192.168.1.1"),
        ("nameserver 169.254.169.254\n", "", "169.254.169.254"),
        ("nameserver fe80::1%eth0\nnameserver fd00::53\n", "", "fe80::1, fd00::53"),
        ("nameserver 1.2\n", "", ""),
        ("nameserver 10.0.0.2\n", "[Service]\nIPAddressDeny=\n", ""),
        ("nameserver 10.0.0.2\n", "IPAddressDeny=\nIPAddressDeny=10.0.0.0/24\n", "10.0.0.2"),
        ("nameserver 10.0.0.2\n", "IPAddressAllow=10.0.0.0/30 localhost\n", ""),
        ("nameserver 9.9.9.9\n", "IPAddressDeny=any\n", "9.9.9.9"),
        ("nameserver 9.9.9.9\n", "IPAddressDeny=any\nIPAddressAllow=any\n", ""),
        ("", "", ""),
    ],
)
def test_what_the_unit_blocks_is_said(
    layout: Layout, resolvers: str, drop_in: str, blocked: str
) -> None:
    layout.resolvers.write_text(resolvers)
    (layout.drop_ins / "override.conf").write_text(drop_in)

    [found] = dns.examine(layout)

    assert found.level == ("wrong" if blocked else "ok")
    assert f"the DNS resolver {blocked} (" in found.text or not blocked


def test_the_advice_lets_through_what_was_blocked_and_nothing_else(
    layout: Layout, tmp_path: Path
) -> None:
    layout.resolvers.write_text("nameserver 10.0.0.2\n")
    for name, content in {"sudo": 'exec "$@"', "systemctl": "exit 0"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{content}\n")
        (tmp_path / name).chmod(0o755)
    [wrong] = dns.examine(layout)

    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run(wrong.advice, shell=True, check=True, env={"PATH": path})

    assert layout.dns_drop_in.read_text() == "[Service]\nIPAddressAllow=10.0.0.2\n"
    assert layout.dns_drop_in.read_text() == dns.drop_in_for(layout)
    assert dns.trouble(layout) == ""


async def test_a_wait_for_telegram_names_a_resolver_that_is_blocked(
    layout: Layout,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    layout.resolvers.write_text("nameserver 10.0.0.2\n")
    unresolved = UnresolvedNameError("Telegram: the name x cannot be looked up", 0.001)
    asked = AsyncMock(side_effect=[unresolved, ConfigError("IMGBOT_TOKEN", "is unknown")])
    monkeypatch.setattr(startup, "identify", asked)
    monkeypatch.setattr(startup, "Layout", Mock(return_value=layout))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        start = startup.Startup(Mock(), notifier, Mock(), None)

        with pytest.raises(ConfigError):
            await start.identify()
        heard = [manager.recv(1000).decode() for _ in range(3)]

    said = "cannot be looked up; the unit's IPAddressDeny= blocks the DNS resolver 10.0.0.2"
    assert heard[0] == "STATUS=waiting for Telegram"
    assert said in heard[1]
    assert said in caplog.text
