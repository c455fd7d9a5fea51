"""Dialogues as files, see `dialogues/README.md`: messages of people with their right actions."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).with_name("dialogues")
LEARNED = tuple(sorted(each.stem for each in FOLDER.glob("learn_*.toml")))
"""Names of the dialogues to learn from."""

MAKING = frozenset(
    {"change", "upscale", "retouch", "cutout", "sticker", "merge", "again", "redraw"}
)
"""Actions that make pictures of others."""

ABOUT_ONE = frozenset({"show", "file", "delete", "info"})
TALK = frozenset({"talk", "ask", "nothing", "price", "help", "queue", "cancel"})
"""Actions that need no picture."""

_LINE = re.compile(
    r"(?:(?P<other>other)(?:: | (?=photo |reply )))?"
    r"(?:photo (?P<photos>[A-Z0-9 ]+?)(?: \"(?P<caption>.*?)\")?: (?P<shown>.*?)"
    r"|reply (?P<reply>[A-Z0-9]+): (?P<replied>.*?)|(?P<text>.*?))\s*"
    r"(?:=>\s*(?P<actions>.*?)\s*)?(?P<making>\[making\])?"
)
_ACTION = re.compile(
    r"(?P<kind>[a-z]+)(?: (?P<count>\d))?(?P<of>(?: [A-Z][A-Z0-9]?)*)(?: -> (?P<made>[A-Z0-9 ]+))?"
)


@dataclass(frozen=True, slots=True)
class Action:
    """Action on a message: its kind, the pictures it is about, and those that come of it."""

    kind: str
    of: tuple[str, ...] = ()
    made: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """Message of a dialogue, with its right actions, the best one first."""

    text: str
    actions: tuple[Action, ...] = ()
    photos: tuple[str, ...] = ()
    reply_to: str = ""
    is_of_other: bool = False
    is_making: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """Dialogue with its steps."""

    title: str
    language: str
    is_group: bool
    steps: tuple[Step, ...]


def read_scripts(name: str) -> Iterator[Script]:
    """Yield the dialogues of a file. Raises ValueError for a line without its form."""
    for each in tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))["dialogue"]:
        steps = tuple(_step(line) for line in each["steps"].strip().splitlines())
        yield Script(each["title"], each["language"], each["where"] == "group", steps)


def _step(line: str) -> Step:
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise ValueError(f"no message: {line}")
    text = found["caption"] or found["replied"] or found["text"] or ""
    actions = tuple(_action(each) for each in (found["actions"] or "").split(" | ") if each)
    return Step(
        text,
        actions,
        tuple((found["photos"] or "").split()),
        found["reply"] or "",
        bool(found["other"]),
        bool(found["making"]),
    )


def _action(written: str) -> Action:
    found = _ACTION.fullmatch(written.removesuffix("[making]").strip())
    if found is None:
        raise ValueError(f"no action: {written}")
    return Action(found["kind"], tuple(found["of"].split()), tuple((found["made"] or "").split()))
