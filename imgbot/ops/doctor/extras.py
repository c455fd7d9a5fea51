"""Check of the extras: which are installed, and whether their networks are as they were packed."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

from imgbot.domain.findings import Finding, ok, warning, wrong
from imgbot.ops.installation import DISTRIBUTION, EXTRAS

_WEIGHTS = frozenset({".bin", ".npz", ".onnx", ".param"})


def check_extras(guards: Iterable[str]) -> list[Finding]:
    """Check the extras; `guards` is what the guard does in chats."""
    there, damaged = list[str](), list[str]()
    for extra in EXTRAS:
        if found := _distributions(extra):
            there.append(extra)
            damaged += [name for each in found for name in _damaged(each)]
    left_out = [extra for extra in EXTRAS if extra not in there]
    text = f"installed: {', '.join(there) or 'none'}"
    findings = [
        ok("extras", text + (f"; not installed: {', '.join(left_out)}" if left_out else ""))
    ]
    for name in dict.fromkeys(damaged):
        advice = f"pip install --force-reinstall --no-deps {name.partition(' ')[0]}, then install"
        findings.append(warning("extras", f"damaged, and not used: {name}", advice))
    if "guard" not in there and any(mode != "off" for mode in guards):
        advice = "pip install 'imgbot-server[guard]', or IMGBOT_GUARD=off"
        findings.append(wrong("extras", "IMGBOT_GUARD is set, but its extra is missing", advice))
    return findings


def _distributions(extra: str) -> Sequence[Distribution]:
    """Return what an extra consists of; nothing if a part of it is missing."""
    try:
        own = distribution(DISTRIBUTION)
        return [distribution(name) for name in _names(own, extra)]
    except PackageNotFoundError:
        return []


def _names(own: Distribution, extra: str) -> Iterator[str]:
    for need in map(Requirement, own.requires or ()):
        marker = need.marker
        if marker and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""}):
            yield need.name


def _damaged(found: Distribution) -> Iterator[str]:
    """Yield the files of weights that differ from their checksum."""
    for file in found.files or ():
        if file.suffix not in _WEIGHTS or file.hash is None:
            continue
        try:
            digest = hashlib.new(file.hash.mode, file.read_binary()).digest()
        except OSError:
            digest = b""
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
            yield f"{found.name} ({file.name})"
