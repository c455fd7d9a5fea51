"""A small supervisor for tests: heavy itself, with a pool whose workers must stay light."""

import json
import sys
from pathlib import Path

WORKERS = 3


def supervise(folder: str) -> None:
    """Run one step per worker until the file `go` is there, then print a report."""
    # As in imgbot itself, everything heavy is imported below the guard of the main module.
    import asyncio

    from imgbot.telegram.lazy_models import import_aiogram

    import_aiogram()
    import httpx
    import prometheus_client
    import pydantic
    import redis.asyncio
    import uvloop

    from imgbot.painter.pool import Pool
    from tests.fakes import pool_steps

    assert all((httpx, prometheus_client, pydantic, redis.asyncio))
    restarts: list[str] = []
    pool = Pool(WORKERS, on_restart=restarts.append)
    pool.start()

    async def run() -> list[str]:
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS):
                group.create_task(pool.run(pool_steps.wait_for, str(Path(folder) / "go")))
        modules = await pool.run(pool_steps.modules)
        await pool.close()
        return modules

    modules = uvloop.run(run())
    report = {"worker": modules, "supervisor": sorted(sys.modules), "restarts": restarts}
    print(json.dumps(report))


if __name__ == "__main__":
    supervise(sys.argv[1])
