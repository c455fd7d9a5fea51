"""Lines of Python by the process that may import them: `python -m tests.bench.closures`.

`serving` is everything that the supervisor imports, in functions too; the workers load the engine
by its name, and the tools are the commands beside the bot. An __init__.py counts with its modules.
"""

import functools
from pathlib import Path

import grimp

import imgbot

ROOT = Path(imgbot.__file__).parents[1]


def path_of(module: str) -> Path:
    place = ROOT.joinpath(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


@functools.cache
def graph() -> grimp.ImportGraph:
    """Modules of the program with their imports."""
    return grimp.build_graph("imgbot", include_external_packages=False, cache_dir=None)


def lines_by_part() -> dict[str, list[int]]:
    """Lines of each module."""
    served = graph().find_upstream_modules("imgbot.supervisor") | {"imgbot.supervisor"}
    parents = {".".join(name.split(".")[:size]) for name in served for size in range(1, 9)}
    parts: dict[str, list[int]] = {"serving": [], "engine": [], "sandbox": [], "tools": []}
    for module in graph().modules:
        package = "engine" if ".painter.engine" in module else (*module.split("."), "")[1]
        part = "serving" if module in parents else "tools"
        lines = path_of(module).read_text().count("\n")
        parts[package if package in parts else part].append(lines)
    return parts


def main() -> None:
    parts = lines_by_part()
    parts["total"] = [lines for part in parts.values() for lines in part]
    for name, lines in parts.items():
        print(f"{name:8} {len(lines):4} files {sum(lines):6} lines")


if __name__ == "__main__":
    main()
