"""Check of the extras: which are installed, and whether their networks are as they were packed."""

import base64
import hashlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement

from imgbot.domain.findings import Finding, ok, warning, wrong
from imgbot.ops.installation import DISTRIBUTION, EXTRAS

_WEIGHTS = frozenset({".bin", ".npz", ".onnx", ".param"})


def check_extras(needed: Iterable[Mapping[str, str]]) -> list[Finding]:
    """Check the extras; `needed` are those that features need, by their variables."""
    parts = {extra: _distributions(extra) for extra in EXTRAS}
    there = [extra for extra in EXTRAS if parts[extra]]
    left_out = [extra for extra in EXTRAS if extra not in there]
    installed, missing = (", ".join(each) or "none" for each in (there, left_out))
    findings = [ok("extras", f"installed: {installed}; not installed: {missing}")]
    packages = itertools.chain.from_iterable(parts.values())
    for name in dict.fromkeys(itertools.chain.from_iterable(map(_damaged, packages))):
        advice = f"pip install --force-reinstall --no-deps {name.partition(' ')[0]}, then install"
        findings.append(warning("extras", f"damaged, and not used: {name}", advice))
    return [*findings, *_missing(needed, there)]


def _missing(needed: Iterable[Mapping[str, str]], there: Sequence[str]) -> Iterator[Finding]:
    for variable, extra in itertools.chain.from_iterable(rows.items() for rows in needed):
        if extra not in there:
            advice = f"pip install 'imgbot-server[{extra}]', or remove {variable}"
            yield wrong("extras", f"{variable} is set, but its extra is missing", advice)


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
