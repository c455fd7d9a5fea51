"""Race the bots: `python -m tests.bench.race --users 30 100 300 --contenders imgbot saq`.

Each contender serves the same users of the same Telegram (30 messages a second) and the same
provider, one after the other: it has Replicate's documented limit, and refuses what is over it.
Two thirds of the requests are texts, one third photos with a caption. The window begins when the
users have been in their loop for two rounds, which take as long as the provider's limit makes them.
CPU is that of the contender's whole process tree, its Redis apart; commands are those that its
Redis processed, in scripts too; the lag is that of texts. The sandbox and its users run in a
process of their own, whose CPU is in the last column.
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from redis import Redis

from imgbot.ops.resource_usage import ProcessGroup, ProcessUsage, usage_by_part
from imgbot.sandbox.bot_process import free_port
from imgbot.storage.server.process import url_of
from tests.bench.race.world import LIMITS

ROOT = Path(__file__).parents[3]
PEERS = {"rq": "tests.bench.race.guide_bot", "saq": "tests.bench.race.saq_bot"}
BEFORE = "before"
_STOP_S = 15.0
_SAMPLE_EVERY_S = 5.0
_LOG_LINES = 12
_COLUMNS = (
    ("pictures/s", "{:.2f}"),
    ("photos %", "{:.0f}"),
    ("CPU ms/picture", "{:.0f}"),
    ("main", "{:.0f}"),
    ("Redis", "{:.0f}"),
    ("commands/picture", "{:.0f}"),
    ("calls/picture", "{:.1f}"),
    ("lag p50 s", "{:.1f}"),
    ("p95", "{:.1f}"),
    ("wait p50 s", "{:.1f}"),
    ("PSS MiB", "{:.0f}"),
    ("sandbox CPU %", "{:.0f}"),
)
_RATIOS = (
    "pictures/s",
    "CPU ms/picture",
    "commands/picture",
    "calls/picture",
    "lag p50 s",
    "PSS MiB",
)


def _spec_of(python: str, folder: Path) -> Path:
    """Write the simulated provider's file of an installation, with the limit of the race."""
    code = "import imgbot.sandbox; print(*imgbot.sandbox.__path__)"
    # Isolated: another installation must not find this one's modules in its folder.
    answer = subprocess.run([python, "-I", "-c", code], check=True, capture_output=True, text=True)
    spec = Path(answer.stdout.strip()) / "simulated.toml"
    limits = f"\n[limits]\norders = {LIMITS.orders}\nwindow_s = {LIMITS.window_s:g}\n"
    (folder / spec.name).write_text(spec.read_text() + limits)
    return folder / spec.name


def _environ(
    name: str, world: Mapping[str, str], spec: Path, users: int, workers: int
) -> dict[str, str]:
    """Return the settings of a contender, which keeps its state beside its provider's file."""
    url, token, provider, key = (world[n] for n in ("url", "token", "provider", "key"))
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    if name in PEERS:
        return kept | {
            "RACE_TELEGRAM": url,
            "RACE_TOKEN": token,
            "RACE_PROVIDER": provider,
            "RACE_KEY": key,
            "RACE_REDIS": f"redis://127.0.0.1:{free_port()}/0",
            "RACE_WORKERS": str(workers),
            "RACE_USERS": str(users),
        }
    return kept | {
        "IMGBOT_TELEGRAM_API": url,
        "IMGBOT_TOKEN": token,
        "IMGBOT_PROVIDER": str(spec),
        "IMGBOT_PROVIDER_URL": provider,
        "SIMULATED_API_KEY": key,
        "IMGBOT_WORKERS": str(workers),
        "IMGBOT_STATE_DIR": str(spec.parent),
        "IMGBOT_HTTP": "127.0.0.1:0",
    }


def _warm_s(users: int, options: argparse.Namespace) -> float:
    """Return the time until the load is steady: two rounds of a user."""
    round_s = options.picture_s[1] + options.think_s
    return 2 * max(round_s, users * LIMITS.window_s / LIMITS.orders)


async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise SystemExit("the sandbox of the race ended")
    return json.loads(line)


@asynccontextmanager
async def _process(
    command: Sequence[str], **options: Any
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Start a process in a session of its own; end it and all that it started."""
    process = await asyncio.create_subprocess_exec(
        *command, start_new_session=True, limit=1 << 26, **options
    )
    try:
        yield process
    finally:
        tree = _tree(process.pid)
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        for left in tree:
            with suppress(psutil.NoSuchProcess):
                left.kill()
        await process.wait()


def _tree(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    return []


async def race(contender: str, users: int, options: argparse.Namespace) -> dict[str, float]:
    """Return the figures of one contender under the load of so many users."""
    settings = {
        "users": users,
        "format": options.format,
        "least-s": options.picture_s[0],
        "most-s": options.picture_s[1],
        "think-s": options.think_s,
        "warm-s": options.warm_s or _warm_s(users, options),
        "seconds": options.seconds,
    }
    flags = [f"--{name}={value}" for name, value in settings.items()]
    command = [sys.executable, "-m", "tests.bench.race.world", *flags]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with tempfile.TemporaryDirectory(prefix="race-", ignore_cleanup_errors=True) as name:
        log = Path(name) / "contender.log"
        is_before = contender == BEFORE
        program = [sys.executable, "-m", PEERS.get(contender, "imgbot")]
        if is_before:
            program = [str(options.before.absolute())]
        python = str(Path(program[0]).with_name("python"))
        async with _process(command, cwd=ROOT, **pipes) as world:
            told = await _line(world)
            spec = _spec_of(python, Path(name))
            environ = _environ(contender, told, spec, users, options.workers)
            with log.open("wb") as file:
                cwd = name if is_before else ROOT
                streams = {"env": environ, "stdout": file, "stderr": file, "cwd": cwd}
                async with _process(program, **streams) as bot:
                    return await _under_load(world, bot, environ, log)


async def _under_load(
    world: asyncio.subprocess.Process,
    bot: asyncio.subprocess.Process,
    environ: Mapping[str, str],
    log: Path,
) -> dict[str, float]:
    async with asyncio.TaskGroup() as group:
        ended = group.create_task(_fail_at_end(bot, log))
        await _line(world)
        before, world_before = usage_by_part(bot.pid), usage_by_part(world.pid)
        commands = -_commands(environ)
        memory: list[int] = []
        sampling = group.create_task(_sample(bot.pid, memory))
        result = await _line(world)
        after, world_after = usage_by_part(bot.pid), usage_by_part(world.pid)
        result["commands"] = commands + _commands(environ)
        sampling.cancel()
        ended.cancel()
    if not result["pictures"]:
        raise SystemExit(f"no picture at all:\n{_last_lines(log)}")
    return _figures(result, _cpu_s(before, after), _cpu_s(world_before, world_after), memory)


def _commands(environ: Mapping[str, str]) -> int:
    """Commands that the Redis of a contender has processed."""
    url = environ.get("RACE_REDIS") or url_of(Path(environ["IMGBOT_STATE_DIR"]))
    with Redis.from_url(url) as client:
        return client.info("stats")["total_commands_processed"]


async def _fail_at_end(bot: asyncio.subprocess.Process, log: Path) -> None:
    await bot.wait()
    raise SystemExit(f"the contender ended:\n{_last_lines(log)}")


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_LOG_LINES:])


async def _sample(pid: int, memory: list[int]) -> None:
    while True:
        used = await asyncio.to_thread(usage_by_part, pid)
        memory.append(sum(part.memory_bytes for part in used.values()))
        await asyncio.sleep(_SAMPLE_EVERY_S)


Usage = Mapping[ProcessGroup, ProcessUsage]


def _cpu_s(before: Usage, after: Usage) -> dict[ProcessGroup, float]:
    return {group: after[group].cpu_s - before[group].cpu_s for group in ProcessGroup}


def _figures(
    result: Mapping[str, Any],
    cpu_s: Mapping[ProcessGroup, float],
    world_cpu_s: Mapping[ProcessGroup, float],
    memory: Sequence[int],
) -> dict[str, float]:
    made = max(1, result["pictures"])
    calls = sum(count for name, count in result["calls"].items() if name != "getUpdates")
    lags = sorted(result["lags_s"]) or [float("nan")]
    own_s = cpu_s[ProcessGroup.BOT] + cpu_s[ProcessGroup.WORKERS]
    return {
        "pictures/s": result["pictures"] / result["seconds"],
        "photos %": result["with_photos"] * 100 / made,
        "CPU ms/picture": own_s * 1000 / made,
        "main": cpu_s[ProcessGroup.BOT] * 1000 / made,
        "Redis": cpu_s[ProcessGroup.REDIS] * 1000 / made,
        "commands/picture": result["commands"] / made,
        "calls/picture": calls / made,
        "lag p50 s": statistics.median(lags),
        "p95": lags[int(len(lags) * 0.95)],
        "wait p50 s": statistics.median(result["waits_s"] or [float("nan")]),
        "PSS MiB": statistics.mean(memory) / (1 << 20),
        "sandbox CPU %": sum(world_cpu_s.values()) / result["seconds"] * 100,
    }


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def ratios_of(results: Mapping[str, Mapping[str, float]]) -> str:
    """Return lines that say how the others compare with the first."""
    first_name, first = next(iter(results.items()))
    rows = []
    for name, figures in list(results.items())[1:]:
        ratios = [
            f"{column.partition(' ')[0]} ×{figures[column] / first[column]:.2f}"
            for column in _RATIOS
            if first[column]
        ]
        rows.append(f"  {name} against {first_name}: {', '.join(ratios)}")
    return "\n".join(rows)


async def run(options: argparse.Namespace) -> None:
    low_s, high_s = options.picture_s
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python"
        f" {platform.python_version()}; provider {low_s:g}–{high_s:g} s, {options.format};"
        f" thinking {options.think_s:g} s; {options.workers} workers;"
        f" {options.seconds:g} s measured"
    )
    heads = ["users", "", *(name for name, _ in _COLUMNS)]
    print(_row(heads), _row(["---"] * len(heads)), sep="\n", flush=True)
    for users in options.users:
        results: dict[str, dict[str, float]] = {}
        for contender in [*options.contenders, *([BEFORE] if options.before else [])]:
            figures = results[contender] = await race(contender, users, options)
            cells = [form.format(figures[column]) for column, form in _COLUMNS]
            print(_row([str(users), contender, *cells]), flush=True)
        print(ratios_of(results), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.race",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--users", type=int, nargs="+", default=[30, 100, 300, 1000])
    parser.add_argument("--seconds", type=float, default=100, help="of the measured window")
    parser.add_argument("--warm-s", type=float, help="seconds before it; two rounds of a user")
    known = ["imgbot", *PEERS]
    parser.add_argument("--contenders", nargs="+", choices=known, default=known)
    parser.add_argument(
        "--before",
        type=Path,
        help="race this imgbot of another checkout, too: ../old/.venv/bin/imgbot",
    )
    parser.add_argument("--workers", type=int, default=10)
    parser.add_argument(
        "--picture-s",
        type=float,
        nargs=2,
        default=(15, 25),
        metavar=("LEAST", "MOST"),
        help="the provider's time",
    )
    parser.add_argument("--think-s", type=float, default=30)
    parser.add_argument("--format", choices=("jpeg", "png"), default="jpeg", help="of the results")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
