"""Lua scripts: each declares its keys, arguments and flags in its header."""

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable

from imgbot.storage import keys

Value = str | int | Sequence[str | int]
"""Value of one argument; a sequence of any length for the one declared with `...`."""

_HEADER = re.compile(r"^-- (KEYS|ARGV|FLAGS): (.+)$", re.MULTILINE)
_FENCE = f"if redis.call('GET', '{keys.EPOCH}') ~= own_epoch then return {{'fenced'}} end\n"

_ALLOW_OOM = "#!lua flags=allow-oom\n"
"""First line of a script that may write when the memory of Redis is full: jobs must be able to end,
and a starting bot is the only one that can free memory."""


class Script:
    """Lua script; its header declares names that become local variables of its text.

    `-- KEYS: due job:id spend:` are constants of `keys`: DUE, JOB with the argument `id` behind
    it, and the prefix SPEND itself as `spend_prefix`; `own=img:own` is a key of a feature, and
    `one=img:one:{id}` one with an argument behind it. They are part of the text, so that a call
    sends arguments only.
    `-- ARGV: a b...` are the arguments, keywords of the call; `b...`, the last, is a table.
    `-- FLAGS: fenced` makes it answer `fenced` unless its caller's epoch is the current one,
    `allow-oom` lets it write when the memory of Redis is full.
    """

    def __init__(self, source: str) -> None:
        declared: dict[str, list[str]] = {"KEYS": [], "ARGV": [], "FLAGS": []}
        for kind, names in _HEADER.findall(source):
            declared[kind] += names.split()
        self.is_fenced = "fenced" in declared["FLAGS"]
        names = ["own_epoch"] * self.is_fenced + declared["ARGV"]
        self._fixed = [name for name in names if not name.endswith("...")]
        self._rest = next((name[:-3] for name in names if name.endswith("...")), "")
        self._names = {*self._fixed, self._rest} - {""}
        prelude = _arguments(self._fixed, self._rest) + "".join(map(_key, declared["KEYS"]))
        shebang = _ALLOW_OOM * ("allow-oom" in declared["FLAGS"])
        self.text = shebang + prelude + _FENCE * self.is_fenced + source
        self.sha = hashlib.sha1(self.text.encode()).hexdigest()  # noqa: S324 -- Redis's own name

    def arguments(self, values: Mapping[str, Value]) -> list[Value]:
        """Return ARGV. Raises TypeError unless each declared name has its value."""
        if values.keys() != self._names:
            wrong = values.keys() ^ self._names
            raise TypeError(f"missing or undeclared: {', '.join(sorted(wrong))}")
        found = [values[name] for name in self._fixed]
        rest = values[self._rest] if self._rest else ()
        return [*found, *rest] if isinstance(rest, Sequence) else found


def _arguments(fixed: Sequence[str], rest: str) -> str:
    text = f"local {', '.join(fixed)} = unpack(ARGV, 1, {len(fixed)})\n" if fixed else ""
    if rest:
        # Not `unpack`, which is limited to a few thousand values.
        at = len(fixed)
        text += f"local {rest} = {{}}\nfor i = {at + 1}, #ARGV do {rest}[i - {at}] = ARGV[i] end\n"
    return text


def _key(declared: str) -> str:
    own, equals, key = declared.partition("=")
    if equals:
        key, _, argument = key.removesuffix("}").partition("{")
        return f"local {own} = '{key}'{argument and f' .. {argument}'}\n"
    name, colon, argument = declared.partition(":")
    value = getattr(keys, name.upper())
    literal = f"'{value}'" if isinstance(value, str) else str(value)
    if not colon:
        return f"local {name} = {literal}\n"
    return (
        f"local {name} = {literal} .. {argument}\n"
        if argument
        else f"local {name}_prefix = {literal}\n"
    )


@functools.cache
def sources() -> Mapping[str, Traversable]:
    """Return the file of each script of the core and of the features, by its name.

    Raises ValueError for a name that two have.
    """
    features = (each / "lua" for each in (resources.files("imgbot") / "features").iterdir())
    folders = [resources.files("imgbot.storage") / "lua", *features]
    files = [file for folder in folders if folder.is_dir() for file in folder.iterdir()]
    found = {file.name.removesuffix(".lua"): file for file in files}
    if len(found) < len(files):
        raise ValueError("two scripts have the same name")
    return found


@functools.cache
def script(name: str) -> Script:
    """Return the script of this name."""
    return Script(sources()[name].read_text())
