"""Results that are gone from the disk before they were shown: made, asked for or fetched again."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

import pytest
import pytest_asyncio

from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.job import Job, State, with_changes
from imgbot.domain.operations import Operation
from imgbot.domain.texts import has_text
from imgbot.jobs import deliver, render
from imgbot.jobs.context import StepContext
from imgbot.jobs.hooks import Hooks
from imgbot.painter.originals import OriginalStore
from imgbot.providers.factory import BuiltinProvider
from imgbot.providers.protocol import Recovery
from imgbot.storage import keys
from tests.fixtures.jobs import job_of as make_job
from tests.fixtures.sandbox import Person
from tests.fixtures.steps import take
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, jpeg, open_stage

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["builtin", "simulated"])
async def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp(request.param)
    async for stage in open_stage(folder, is_simulated=request.param == "simulated"):
        yield stage


async def lose_while_delivering(stage: Stage, person: Person, kind: str = "error") -> None:
    """Hold up a delivery by a fault, remove the job's files, and let it go on."""
    control = stage.control
    await control.fault(
        "editMessageMedia", kind, times=100, error_code=502, description="Bad Gateway"
    )
    await control.send_photos(person, [jpeg("cat")], caption='black and white, caption "Hi"')
    async with stage.bot.redis() as redis:
        [key] = await eventually(lambda: redis.keys(f"{keys.JOB}*"))
        await eventually(lambda: redis.hget(key, "state"), lambda s: s == State.DELIVERING)
    if kind == "drop_after":
        # It is shown all the same, and the provider keeps it no longer.
        await control.wait_message(person.id, lambda m: bool(m.photo_id))
        for task in stage.sandbox.providers["simulated"].ledger.tasks:
            task.marks["expired"] = 1
    job_id = str(key).removeprefix(keys.JOB)
    shutil.rmtree(stage.bot.state_dir / "jobs" / job_id)
    for copy in (stage.bot.state_dir / "pictures").glob(f"{job_id}.*"):
        copy.unlink()
    await control.clear_faults()


async def test_what_is_gone_before_it_is_shown_is_had_again(stage: Stage) -> None:
    control = stage.control
    anna, before = await control.make_user("Anna"), await stage.charges()

    await lose_while_delivering(stage, anna)
    shown = await control.wait_message(anna.id, lambda m: bool(m.photo_id))

    assert shown.text.startswith("✏️ black and white")
    if stage.bot.settings.get("IMGBOT_PROVIDER_URL"):
        assert await stage.charges() == before + 1


@pytest.mark.parametrize("stage", ["simulated"], indirect=True, scope="module")
async def test_a_picture_that_is_shown_is_delivered_though_it_is_gone_elsewhere(
    stage: Stage,
) -> None:
    """Telegram has acted, and its answer was lost; then the disk, and the provider's copy."""
    boris = await stage.user("Boris")

    await lose_while_delivering(stage, boris.person, "drop_after")
    await stage.bot.until_logged(f"(edit, user {boris.id}): delivered")

    [shown] = await boris.results()
    assert shown.text.startswith("✏️ black and white")
    async with stage.bot.redis() as redis:
        assert not await redis.exists(keys.DEAD)
    assert "Traceback" not in stage.bot.log


def tools_of(folder: Path, recovery: Recovery) -> Any:
    async def move(job: Job, state: State, **changes: Any) -> Job:
        return with_changes(replace(job, state=state), **changes)

    async def fetch(*_: object) -> None:
        raise ProviderError(ProviderErrorKind.EXPIRED)

    return Mock(
        queue=Mock(move=move),
        folder=folder,
        now_ms=lambda: 0,
        age_ms=Mock(return_value=0),
        originals=OriginalStore(folder / "kept", limit_mb=10),
        routing=Mock(provider_of=Mock(return_value=Mock(fetch=fetch, recovery=recovery))),
        poll_scheduler=AsyncMock(),
        hooks=Hooks(),
    )


def job_of(receipt: dict[str, str], **output: str) -> Job:
    ticket = {**receipt, "outputs": [output]}
    return make_job(
        "8", 1, 1, Operation.CREATE, "en", tries=9, state=State.RENDERING, ticket=ticket
    )


@pytest.mark.parametrize(
    ("recovery", "job", "end"),
    [
        (Recovery.REPEAT, job_of({}, path="x"), (State.SUBMITTING, {})),
        (Recovery.NONE, job_of({"id": "t"}, path="x"), (State.POLLING, {"id": "t"})),
        (Recovery.NONE, job_of({}, path="x"), (State.DEAD, "result_missing")),
        (Recovery.REPEAT, job_of({"id": "t"}, url="x"), (State.DEAD, "provider_expired")),
    ],
    ids=["repeated", "polled", "lost-here", "lost-there"],
)
async def test_nothing_is_ordered_again_that_may_cost(
    tmp_path: Path, recovery: Recovery, job: Job, end: tuple[State, Any]
) -> None:
    tools = cast("StepContext", tools_of(tmp_path, recovery))

    moved = await take(render.render, tools, job)

    assert (
        moved.progress.outcome or moved.state,
        moved.progress.reason or moved.progress.ticket,
    ) == end
    assert not moved.progress.reason or (
        has_text(moved.progress.reason) and has_text(f"stuck_{moved.progress.reason}")
    )


@pytest.mark.parametrize("is_link", [False, True], ids=["elsewhere", "behind a link"])
async def test_a_file_that_is_not_of_a_job_is_never_sent(tmp_path: Path, *, is_link: bool) -> None:
    tools = tools_of(tmp_path / "jobs", Recovery.NONE)
    tools.routing.provider_of.return_value.fetch = BuiltinProvider(AsyncMock()).fetch
    (tmp_path / "jobs/8").mkdir()
    file = secret = tmp_path / "bot-token"
    secret.write_text("secret")
    if is_link:
        (file := tmp_path / "jobs/8/ready.jpg").symlink_to(secret)
    ready = make_job("8", 1, 1, Operation.CREATE, "en", state=State.DELIVERING, file=str(file))
    ready = with_changes(ready, outcome=State.DELIVERED)

    shown = await take(deliver.deliver, cast("StepContext", tools), ready)
    fetched = await take(render.render, cast("StepContext", tools), job_of({}, path=str(file)))

    assert (shown.state, shown.progress.file) == (State.RENDERING, "")
    assert fetched.progress.reason == "result_missing"
    assert not (tmp_path / "jobs/8/result").exists()
    tools.messenger.edit_to_picture.assert_not_called()


async def test_a_copy_that_is_kept_is_as_good(tmp_path: Path) -> None:
    tools = tools_of(tmp_path, Recovery.NONE)
    (tmp_path / "kept" / "8.png").write_bytes(b"picture")

    with pytest.raises(TypeError):
        # There is no pool to prepare it.
        await render.render(cast("StepContext", tools), job_of({}, path="x"))

    [copy] = (tmp_path / "8").iterdir()
    assert copy.read_bytes() == b"picture"
