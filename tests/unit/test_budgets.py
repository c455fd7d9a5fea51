"""Ceilings of the project's size; as a program it prints the figures of today, and what is above.

They are lowered as the project shrinks; a commit that raises one says so in its subject. That of
the walk of a prompt is in `tests/bench/walk.py`.
"""

import ast
import functools
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from radon.complexity import cc_visit_ast
from radon.metrics import mi_visit

from imgbot.config.sources import FIELDS
from imgbot.wiring.features import owners
from tests.bench.closures import ROOT, graph, lines_by_part

CEILINGS = {
    "lines of imgbot/*.py": 793,
    "lines of imgbot/bot": 4972,
    "lines of imgbot/config": 869,
    "lines of imgbot/domain": 7783,
    "lines of imgbot/features": 9205,
    "lines of imgbot/jobs": 3660,
    "lines of imgbot/ops": 8204,
    "lines of imgbot/painter": 11069,
    "lines of imgbot/providers": 4002,
    "lines of imgbot/sandbox": 4763,
    "lines of imgbot/storage": 6104,
    "lines of imgbot/telegram": 2247,
    "lines of imgbot/telemetry": 995,
    "lines of imgbot/wiring": 982,
    "lines that the supervisor imports": 42897,
    "settings": 40,
    "Redis keys": 82,
    "words of the README": 2300,
    "lines of the README": 160,
    "lines of Python": 64933,
    "lines of the core": 30916,
    "lines of tests": 49806,
    "functions above complexity 12": 0,
    "files below maintainability 20": 0,
    "imports of one module": 24,
    "imports of one module of wiring": 30,
    "constants in 1,000 lines": 30,
    "public function names in two folders": 0,
    "KEYS of one script": 11,
    "ARGV of one script": 11,
}

PACKAGE = ROOT / "imgbot"
BESIDE_CORE = r"imgbot/(features|ops|painter|sandbox|providers/(openai|comfyui)\w*\.py)"


def _lines(paths: Iterable[Path]) -> int:
    return sum(path.read_text().count("\n") for path in paths if path.suffix in (".py", ".lua"))


@functools.cache
def _trees() -> dict[Path, ast.Module]:
    """Modules of the program; their paths are relative."""
    paths = PACKAGE.rglob("*.py")
    return {path.relative_to(ROOT): ast.parse(path.read_text()) for path in paths}


def _imports(*, is_wiring: bool) -> int:
    """Return how many modules of the program one module imports at most."""
    modules = [each for each in graph().modules if each.startswith("imgbot.wiring") == is_wiring]
    return max(len(graph().find_modules_directly_imported_by(module)) for module in modules)


def _constants() -> int:
    """Return how many names in capitals are assigned at the top of modules."""
    statements = [statement for tree in _trees().values() for statement in tree.body]
    assigned = [each for each in statements if isinstance(each, ast.Assign | ast.AnnAssign)]
    nodes = [node for statement in assigned for node in ast.walk(statement)]
    names = [node.id for node in nodes if isinstance(node, ast.Name) and _is_stored(node)]
    return sum(bool(re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name)) for name in names)


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _declared(kind: str) -> int:
    """Return how many names the headers of one script declare at most, `fields...` being one."""
    scripts = [path.read_text() for path in PACKAGE.rglob("*.lua")]
    headers = [re.findall(rf"^-- {kind}: (.+)$", script, re.MULTILINE) for script in scripts]
    return max(len(" ".join(lines).split()) for lines in headers)


@functools.cache
def _offenders() -> dict[str, list[str]]:
    functions = [
        f"{path}:{block.lineno} {block.name} {block.complexity}"
        for path, tree in _trees().items()
        for block in cc_visit_ast(tree)
        if block.complexity > 12 and block.letter != "C"  # a class: the sum of its methods
    ]
    indexes = {path: mi_visit((ROOT / path).read_text(), multi=True) for path in _trees()}
    folders: dict[str, set[str]] = defaultdict(set)
    for path, tree in _trees().items():
        for each in tree.body:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name[0] != "_":
                folders[each.name].add(str(path.parent))
    return {
        "functions above complexity 12": functions,
        "files below maintainability 20": [
            f"{path} {index:.1f}" for path, index in indexes.items() if index < 20
        ],
        "public function names in two folders": [
            f"{name} {' '.join(sorted(found))}" for name, found in folders.items() if len(found) > 1
        ],
    }


def _figures() -> dict[str, int]:
    readme = (ROOT / "README.md").read_text()
    folders = sorted(path.parent for path in PACKAGE.glob("*/__init__.py"))
    python = _lines(PACKAGE.rglob("*.py"))
    core = [ROOT / path for path in _trees() if not re.match(BESIDE_CORE, str(path))]
    tests = set((ROOT / "tests").rglob("*.py")) - set((ROOT / "tests" / "bench").rglob("*.py"))
    return {
        "lines of imgbot/*.py": _lines(PACKAGE.glob("*")),
        **{f"lines of imgbot/{each.name}": _lines(each.rglob("*")) for each in folders},
        "lines that the supervisor imports": sum(lines_by_part()["serving"]),
        "settings": len(FIELDS),
        "Redis keys": len(owners()),
        "words of the README": len(readme.split()),
        "lines of the README": readme.count("\n"),
        "lines of Python": python,
        "lines of the core": _lines(core),
        "lines of tests": _lines(tests),
        "imports of one module": _imports(is_wiring=False),
        "imports of one module of wiring": _imports(is_wiring=True),
        "constants in 1,000 lines": round(_constants() * 1000 / python),
        "KEYS of one script": _declared("KEYS"),
        "ARGV of one script": _declared("ARGV"),
        **{name: len(found) for name, found in _offenders().items()},
    }


def test_no_figure_is_above_its_ceiling() -> None:
    figures = _figures()

    assert figures.keys() == CEILINGS.keys()
    above = {name: figure for name, figure in figures.items() if figure > CEILINGS[name]}
    assert above == {}


if __name__ == "__main__":
    print("\n".join(f'    "{name}": {figure},' for name, figure in _figures().items()))
    for offended, offenders in _offenders().items():
        print(f"\n# {offended}\n# " + "\n# ".join(offenders))
