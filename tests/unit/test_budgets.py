"""Ceilings of the project's size; as a program it prints the figures of today.

They are lowered as the project shrinks; a commit that raises one says so in its subject. That of
the walk of a prompt is in `tests/bench/walk.py`.
"""

from pathlib import Path

from imgbot.config.settings import Settings
from imgbot.storage import keys
from tests.bench.closures import ROOT, lines_by_part

CEILINGS = {
    "lines of imgbot/*.py": 1000,
    "lines of imgbot/bot": 6500,
    "lines of imgbot/config": 917,
    "lines of imgbot/domain": 4700,
    "lines of imgbot/jobs": 4300,
    "lines of imgbot/ops": 7885,
    "lines of imgbot/painter": 10850,
    "lines of imgbot/providers": 3750,
    "lines of imgbot/sandbox": 4900,
    "lines of imgbot/storage": 6733,
    "lines of imgbot/telegram": 2400,
    "lines of imgbot/telemetry": 1000,
    "lines of imgbot/wiring": 670,
    "lines that the supervisor imports": 33100,
    "settings": 42,
    "Redis keys": 88,
    "words of the README": 8689,
    "lines of the README": 435,
}


def _lines(paths: list[Path]) -> int:
    return sum(path.read_text().count("\n") for path in paths if path.suffix in (".py", ".lua"))


def _figures() -> dict[str, int]:
    package, readme = ROOT / "imgbot", (ROOT / "README.md").read_text()
    folders = sorted(path.parent for path in package.glob("*/__init__.py"))
    return {
        "lines of imgbot/*.py": _lines(list(package.glob("*"))),
        **{f"lines of imgbot/{each.name}": _lines(list(each.rglob("*"))) for each in folders},
        "lines that the supervisor imports": sum(lines_by_part()["serving"]),
        "settings": len(Settings.model_fields),
        "Redis keys": len(keys.OWNERS),
        "words of the README": len(readme.split()),
        "lines of the README": readme.count("\n"),
    }


def test_no_figure_is_above_its_ceiling() -> None:
    figures = _figures()

    assert figures.keys() == CEILINGS.keys()
    above = {name: figure for name, figure in figures.items() if figure > CEILINGS[name]}
    assert above == {}


if __name__ == "__main__":
    print("\n".join(f'    "{name}": {figure},' for name, figure in _figures().items()))
