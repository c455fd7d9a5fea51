"""DNS resolvers of this machine that the unit's IPAddressDeny= blocks.

A picture's address must not lead into a private network, and the resolver may be in one.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from ipaddress import ip_address, ip_network
from pathlib import Path

from imgbot.domain.findings import Finding, ok, wrong
from imgbot.files import text_of
from imgbot.ops.installation import UNIT, Layout, shipped

SETTING = "IPAddressDeny="
_RULE = re.compile(r"^IPAddress(Allow|Deny)=(.*)$", re.MULTILINE)
_RESOLVER = re.compile(r"^nameserver\s+([0-9A-Fa-f:.]+)", re.MULTILINE)
_NAMED = {
    "any": ("0.0.0.0/0", "::/0"),
    "localhost": ("127.0.0.0/8", "::1/128"),
    "link-local": ("169.254.0.0/16", "fe80::/64"),
    "multicast": ("224.0.0.0/4", "ff00::/8"),
}
"""Names that systemd.resource-control(5) has for addresses."""


def drop_in_for(layout: Layout) -> str:
    """Return the drop-in that this release's unit needs for the resolvers, empty if none."""
    unit = shipped(UNIT).read_text(encoding="utf-8")
    others = [path for path in _drop_ins(layout) if path != layout.dns_drop_in]
    resolvers = _blocked(layout, [unit, *map(text_of, others)])
    return f"[Service]\nIPAddressAllow={' '.join(resolvers)}\n" if resolvers else ""


def trouble(layout: Layout) -> str:
    """Say in a sentence that the installed unit blocks resolvers; empty if it does not."""
    resolvers = _blocked(layout, [text_of(layout.unit), *map(text_of, _drop_ins(layout))])
    if not resolvers:
        return ""
    return f"the unit's {SETTING} blocks the DNS resolver {', '.join(resolvers)} (/etc/resolv.conf)"


def advice(layout: Layout) -> str:
    """Return the command that lets the resolvers through."""
    lines = drop_in_for(layout).replace("\n", "\\n")
    return (
        f"printf '{lines}' | sudo install -D -m 0644 /dev/stdin {layout.dns_drop_in} && "
        "sudo systemctl daemon-reload && sudo systemctl restart imgbot"
    )


def examine(layout: Layout) -> Iterator[Finding]:
    """Yield the doctor's finding about an installed unit."""
    if why := trouble(layout):
        yield wrong("dns", f"{why}, so it can look up no name", advice(layout))
    elif layout.unit.exists():
        yield ok("dns", "the unit lets the DNS resolver through")


def _drop_ins(layout: Layout) -> Sequence[Path]:
    return sorted(layout.drop_ins.glob("*.conf"))


def _blocked(layout: Layout, units: Iterable[str]) -> list[str]:
    """Return the resolvers that units block; each drop-in follows the unit that it adds to."""
    rules: dict[str, list[str]] = {"Allow": [], "Deny": []}
    for unit in units:
        for kind, value in _RULE.findall(unit):
            # An empty value takes back what came before.
            rules[kind] = [*rules[kind], *value.split()] if value.strip() else []
    return [
        resolver
        for resolver in dict.fromkeys(_RESOLVER.findall(text_of(layout.resolvers)))
        if _is_among(resolver, rules["Deny"]) and not _is_among(resolver, rules["Allow"])
    ]


def _is_among(address: str, names: Iterable[str]) -> bool:
    for network in (each for name in names for each in _NAMED.get(name, (name,))):
        with suppress(ValueError):
            if ip_address(address) in ip_network(network, strict=False):
                return True
    return False
