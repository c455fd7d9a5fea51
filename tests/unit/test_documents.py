"""README.md and the pages beside it, held against the code and against each other."""

import itertools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgbot.config.settings import key_names
from imgbot.painter.engine.scenes import SCENES
from imgbot.painter.engine.styles import STYLES
from imgbot.painter.engine.subjects import subject_names
from tests.fixtures.features import TABLE
from tests.fixtures.settings_table import table

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
FORMS = sorted((ROOT / ".github").rglob("*.yml"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("imgbot/*/*.md")])

NOW = [path for path in PAGES if path.name != "CHANGELOG.md"]
"""Pages that say nothing of former releases."""
SHORT = [
    *(ROOT / name for name in ("README.md", "SECURITY.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
"""Pages whose sentences are short."""


def _prose(path: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"^ *```.*?^ *```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def _commands(path: Path) -> Iterator[list[str]]:
    """Yield the words of each command of imgbot that a page shows."""
    text = path.read_text("utf-8")
    blocks = re.findall(r"^ *```(?:sh)?\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    for shown in [*"\n".join(blocks).splitlines(), *re.findall("`([^`\n]+)`", text)]:
        for part in re.split(r"&&|\||#|;", shown):
            if found := re.match(r"\s*(?:\w+ )??(?:sudo )?\S*\bimgbot((?: .*)?)$", part):
                yield found[1].split()


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _anchors(path: Path) -> Iterator[str]:
    """Yield the names that GitHub gives to the headings of a page."""
    for heading in re.findall(r"^#+ (.+)$", _prose(path), re.MULTILINE):
        yield re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_each_link_leads_somewhere(path: Path) -> None:
    for link in re.findall(r"(?:\]\(|src=\")([^)\s\"]+)", _prose(path)):
        target, _, anchor = link.partition("#")
        place = path if not target else path.parent / target
        if not link.startswith("https://"):
            assert place.exists(), link
            assert not anchor or anchor in _anchors(place), link


def test_the_readme_leads_to_each_page() -> None:
    linked = set(re.findall(r"\]\(([^)#]+\.md)\)", README.read_text("utf-8")))

    assert {_name(path) for path in PAGES if path.parent.parent != ROOT / "imgbot"} - linked == {
        "README.md"
    }


def test_places_that_are_named_exist() -> None:
    for path in NOW:
        text = path.read_text("utf-8")
        for place in re.findall(r"`((?:imgbot|tests|systemd|requirements)/[\w/.]+)`", text):
            assert "NAME" in place or (ROOT / place).exists(), f"{path}: {place}"


def test_the_commands_of_the_chat_are_named() -> None:
    users, all_ = ({each.name for each in TABLE.menu(is_admin=each)} for each in (False, True))
    pages = {"using.md": users, "administrators.md": all_ - users}

    for page_name, names in pages.items():
        text = (ROOT / "docs" / page_name).read_text("utf-8")
        assert {name for name in names if not re.search(rf"`/{name}\b", text)} == set()


def test_variables_that_are_named_exist() -> None:
    known = {name for row in table() for name in row[0].split("`, `")}
    for path in NOW:
        assert set(re.findall(r"\bIMGBOT_[A-Z_]+", path.read_text("utf-8"))) <= known, path


def test_the_readme_has_a_row_for_each_provider() -> None:
    rows = re.findall(r"^\| `(\w+)`.*$", README.read_text("utf-8"), re.MULTILINE)
    keys = {names.key for names in key_names().values() if names.key}

    assert key_names().keys() <= set(rows)
    assert {key for key in keys if f"| `{key}` |" not in README.read_text("utf-8")} == set()


def test_the_counts_of_what_the_engine_knows_are_true() -> None:
    known = {"subjects": subject_names(), "scenes": SCENES, "styles": STYLES}
    providers = (ROOT / "docs" / "providers.md").read_text("utf-8")

    for name, found in known.items():
        assert f" {len(found)} {name}" in providers


@pytest.mark.parametrize("path", [*NOW, *FORMS], ids=_name)
def test_commands_of_imgbot_that_are_shown_exist(path: Path) -> None:
    known = tomllib.loads((ROOT / "imgbot" / "cli.toml").read_text("utf-8"))
    for words in _commands(path):
        name = words[0] if words and re.fullmatch("[a-z][a-z-]+", words[0]) else "imgbot"
        assert name in known, words
        options = {word for word in words if re.match("--[a-z]", word)} - {"--help", "--version"}
        assert options <= known[name].get("arguments", {}).keys(), words


@pytest.mark.parametrize("path", SHORT, ids=_name)
def test_sentences_and_cells_are_short(path: Path) -> None:
    lines = [re.sub("`[^`]+`", "code", line) for line in _prose(path).splitlines()]
    rows = [line.strip("|").split("|") for line in lines if line.startswith("|")]
    prose = [line for line in lines if not line.startswith(("|", "!", "<", "#"))]

    cells = [cell for row in rows for cell in row if len(cell.split()) > 40]
    texts = [part for text in (*prose, *itertools.chain(*rows)) for part in _parts(text)]
    assert cells == []
    assert [part for part in texts if len(part.split()) > 30] == []


def _parts(text: str) -> list[str]:
    """Return the sentences of a line."""
    return re.split(r"·|[.!?](?=[\s)\"”»*]|$)", text)
