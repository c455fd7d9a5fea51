"""Words, patterns and palettes of the engine, in Russian and English: TOML files of this folder.

In a pattern, `{name}` stands for its fragment, and `{template:name}` for a template with the
fragment as its noun. Line breaks in a pattern do not count.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

_REFERENCE = re.compile(r"\{(?:([a-z_]+):)?([a-z_]+)\}")


@cache
def table(file: str) -> Mapping[str, Any]:
    """Tables of a file, by its name without `.toml`."""
    return tomllib.loads((files("imgbot.engine") / f"{file}.toml").read_text("utf-8"))


def expand(file: str, pattern: str) -> str:
    """The pattern with the fragments and templates of its file."""
    tables = table(file)

    def replaced(reference: re.Match[str]) -> str:
        template, name = reference.groups()
        colours = "|".join(pattern for _, pattern in table("colours").values())
        fragment = f"(?:{colours})" if name == "colour" else tables["fragments"][name]
        if template:
            fragment = tables["templates"][template].replace("{noun}", fragment)
        return expand(file, fragment)

    return _REFERENCE.sub(replaced, pattern.replace("\n", ""))


def patterns(file: str, name: str) -> dict[str, str]:
    """Patterns of one table of a file, expanded, by name."""
    return {key: expand(file, pattern) for key, pattern in table(file)[name].items()}
