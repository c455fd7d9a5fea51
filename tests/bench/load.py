"""What the bot costs under load: `python -m tests.bench.load [--users 100] [--jobs 3]`.

The sandbox runs in a process of its own, the bot in another with the simulated provider.
Each number of users is measured in the same run, so that the ratios mean something on a
noisy machine; the absolute figures are this machine's.
"""

import argparse
import asyncio
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from imgbot.sandbox.server import new_token
from tests.support.bot import Bot, with_simulated_provider
from tests.support.processes import family_of, pss_mib
from tests.support.sandbox import Control
from tests.support.waiting import eventually

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Figures:
    """One run, measured from the first message to the last picture."""

    users: int
    jobs: int
    seconds: float
    cpu_s: float
    idle_mib: float
    peak_mib: float
    lag_p99_s: float
    wait_p95_s: float
    duration_p95_s: float

    @property
    def jobs_per_s(self) -> float:
        return self.jobs / self.seconds

    @property
    def cpu_ms_per_job(self) -> float:
        return self.cpu_s * 1000 / self.jobs


@dataclass(frozen=True, slots=True)
class RemoteSandbox:
    """Where the sandbox in the other process is."""

    url: str
    token: str


async def measure(users: int, jobs_each: int) -> Figures:
    with tempfile.TemporaryDirectory(prefix="imgbot-bench-") as folder:
        state_dir = Path(folder) / "state"
        state_dir.mkdir()
        token = new_token()
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "imgbot.sandbox",
                "--port",
                "0",
                "--token",
                token,
                "--no-flood",
            ),
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().split()[-1]
        sandbox = RemoteSandbox(url, token)
        try:
            async with Control(url) as control:
                await control.set_provider(duration_s=[1.0, 3.0])
                settings = with_simulated_provider(sandbox)
                async with Bot(sandbox, state_dir, **settings) as bot:
                    return await _under_load(bot, control, users, jobs_each)
        finally:
            process.terminate()
            await process.wait()


async def _under_load(bot: Bot, control: Control, users: int, jobs_each: int) -> Figures:
    idle_mib = peak_mib = _memory_mib(bot)
    people = [await control.make_user(f"U{number}") for number in range(users)]
    cpu_s, begun = _cpu_s(bot), time.monotonic()
    for _ in range(jobs_each):
        for person in people:
            await control.say(person, f"a picture for {person.first_name}")
    wanted = users * jobs_each

    async def done() -> int:
        nonlocal peak_mib
        peak_mib = max(peak_mib, _memory_mib(bot))
        found = re.findall(r'jobs_finished_total{.*status="ok"} (\d+)', await bot.get("/metrics"))
        return sum(int(count) for count in found)

    await eventually(done, lambda count: count == wanted, within_s=600)
    seconds = time.monotonic() - begun
    metrics = await bot.get("/metrics")
    ledger = (await control.provider())["ledger"]
    assert len(ledger) == len({entry["client_id"] for entry in ledger}) == wanted
    return Figures(
        users=users,
        jobs=wanted,
        seconds=seconds,
        cpu_s=_cpu_s(bot) - cpu_s,
        idle_mib=idle_mib,
        peak_mib=peak_mib,
        lag_p99_s=_quantile(metrics, "imgbot_event_loop_lag_seconds", 0.99),
        wait_p95_s=_quantile(metrics, "imgbot_job_wait_seconds", 0.95),
        duration_p95_s=_quantile(metrics, "imgbot_job_duration_seconds", 0.95),
    )


def _memory_mib(bot: Bot) -> float:
    """Memory of the whole tree, shared pages counted once."""
    return sum(pss_mib(pid) for pid in family_of(bot.pid))


def _cpu_s(bot: Bot) -> float:
    """CPU time of the whole tree, ended children included."""
    total = 0
    for pid in family_of(bot.pid):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += sum(int(fields[index]) for index in (11, 12, 13, 14))
    return total / _TICKS_PER_S


def _quantile(metrics: str, name: str, share: float) -> float:
    """The upper bound of the bucket in which the quantile lies, all labels together."""
    buckets: dict[float, float] = {}
    for bound, count in re.findall(rf'{name}_bucket{{.*?le="([^"]+)".*?}} (\S+)', metrics):
        buckets[float(bound)] = buckets.get(float(bound), 0) + float(count)
    total = buckets.get(float("inf"), 0)
    return next((bound for bound, n in sorted(buckets.items()) if n >= share * total), 0.0)


def report(all_figures: list[Figures]) -> None:
    first = all_figures[0]
    print(
        "users   jobs  jobs/s  CPU ms/job  (ratio)  memory idle → peak, MiB  "
        "loop lag p99 ≤  wait p95 ≤  whole job p95 ≤"
    )
    for each in all_figures:
        ratio = each.cpu_ms_per_job / first.cpu_ms_per_job
        print(
            f"{each.users:5} {each.jobs:6} {each.jobs_per_s:7.1f} {each.cpu_ms_per_job:11.0f}"
            f"  ×{ratio:5.2f}  {each.idle_mib:11.0f} → {each.peak_mib:4.0f}"
            f"      {each.lag_p99_s * 1000:8.0f} ms  {each.wait_p95_s:8g} s"
            f"  {each.duration_p95_s:8g} s"
        )


async def main() -> None:
    parser = argparse.ArgumentParser(description="What the bot costs under load.")
    parser.add_argument("--users", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--jobs", type=int, default=3, help="per user")
    options = parser.parse_args()
    report([await measure(users, options.jobs) for users in options.users])


if __name__ == "__main__":
    asyncio.run(main())
