"""Job steps alone: inputs, outcomes after a failure, checks around orders, polls and webhooks."""

import asyncio
import io
import math
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args
from unittest.mock import AsyncMock, Mock

import pytest
from PIL import Image

from imgbot.clock import Clock
from imgbot.domain.errors import (
    ChatGoneError,
    ProviderError,
    ProviderErrorKind as Kind,
    TransientError,
    UserError,
    WorkerLostError,
)
from imgbot.domain.job import InputPhoto, Job, State, with_changes
from imgbot.domain.operations import Operation
from imgbot.domain.order_pace import Turn
from imgbot.domain.poll_schedule import Budget, PollingConfig
from imgbot.domain.retry import DELIVERY_ATTEMPTS
from imgbot.domain.texts import has_text, t
from imgbot.files import replace_file
from imgbot.jobs import captions, deliver, inputs, render
from imgbot.jobs.context import ProviderSlots, StepContext
from imgbot.jobs.hooks import AfterRender, AfterShown, Hooks, Rendered, run_after_render
from imgbot.jobs.inputs import build_request
from imgbot.jobs.outcomes import Advance, ResumePoint, Snooze, Wake
from imgbot.jobs.poll import poll
from imgbot.jobs.poll_scheduler import PollScheduler
from imgbot.jobs.provider_routing import Choice
from imgbot.jobs.step_table import RESUMED, after_error
from imgbot.jobs.submit import submit
from imgbot.jobs.webhooks import Webhooks
from imgbot.painter import pictures, steps
from imgbot.painter.originals import OriginalStore
from imgbot.providers.protocol import Capability, Output, Pending, Provider, Recovery
from tests.fixtures.jobs import job_of
from tests.fixtures.steps import resume, take


def _job(state: State, **fields: Any) -> Job:
    return job_of("1", 1, 1, Operation.EDIT, "en", state=state, **fields)


NEW = _job(State.SUBMITTING)
PAID = _job(State.RENDERING, submit_ms=1)
MADE = _job(State.DELIVERING, submit_ms=1, outcome=State.DELIVERED)


def _context(**parts: Any) -> StepContext:
    async def move(job: Job, state: State, **changes: Any) -> Job:
        return with_changes(replace(job, state=state), **changes)

    queue = SimpleNamespace(move=move, persistence=SimpleNamespace(is_guarded=True))
    context = Mock(queue=queue, now_ms=lambda: 0, folder=Path(), draining=asyncio.Event())
    context.locked_s.return_value = 0.0
    context.hooks = Hooks()
    context.users.check_allowed = context.status_messages.ensure = AsyncMock()
    context.age_ms.return_value = 0
    context.configure_mock(**parts)
    return cast("StepContext", context)


@pytest.mark.parametrize(
    ("job", "error", "end"),
    [
        (NEW, WorkerLostError("edit", "killed"), (State.FAILED, "worker_killed", "no")),
        (NEW, WorkerLostError("edit", "hung"), (State.FAILED, "worker_lost", "no")),
        (NEW, MemoryError(), (State.FAILED, "picture_too_much_memory", None)),
        (NEW, UserError("picture_truncated"), (State.FAILED, "picture_truncated", None)),
        (PAID, WorkerLostError("prepare", "hung"), (State.DEAD, "result_unusable", "maybe")),
        (MADE, UserError("result_refused"), (State.DEAD, "result_refused", "maybe")),
        (PAID, MemoryError(), (State.DEAD, "result_unusable", "maybe")),
        (PAID, UserError("result_not_a_picture"), (State.DEAD, "result_unusable", "maybe")),
    ],
)
async def test_a_failed_step_ends_a_job_with_its_true_reason(
    job: Job, error: Exception, end: tuple[State, str, str | None]
) -> None:
    ended = await after_error(_context(), job, error)

    assert isinstance(ended, Advance)
    progress = ended.job.progress
    assert (progress.outcome, progress.reason, progress.facts.get("charge")) == end
    assert has_text(progress.reason)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A provider that takes one task at a time."""
    monkeypatch.setattr(inputs, "build_request", AsyncMock())
    provider = AsyncMock(
        max_concurrent=1, offer=Mock(return_value=Mock(price_at=Mock(return_value=0)))
    )
    provider.poll = AsyncMock(return_value=Pending())
    provider.name = "one at a time"
    return provider


def _routing(provider: Any) -> Mock:
    return Mock(
        choose=Mock(return_value=Choice(provider)),
        provider_of=Mock(return_value=provider),
        asking=Mock(return_value=nullcontext()),
        turn=Mock(return_value=Turn(0.0)),
        least_busy=Mock(return_value=provider),
    )


async def test_a_job_waits_for_a_slot_of_its_provider(provider: Any) -> None:
    slots = ProviderSlots()
    slots.adopt("another", provider.name)

    outcome = await submit(_context(routing=_routing(provider), slots=slots), NEW)

    assert isinstance(outcome, Snooze)
    assert Wake.SLOT in outcome.wake_on
    provider.submit.assert_not_awaited()
    slots.release("another")
    assert slots.freed.is_set()
    assert slots.acquire("1", provider)


def test_every_point_of_resumption_is_in_the_table() -> None:
    assert RESUMED.keys() == set(get_args(ResumePoint))


@pytest.mark.parametrize(("is_taken", "sleeps_s"), [(True, 30), (False, 3600)])
async def test_an_order_waits_for_its_turn_and_gives_way_in_a_pause(
    provider: Any, *, is_taken: bool, sleeps_s: float
) -> None:
    now_s, routing = time.monotonic(), _routing(provider)
    turn = Turn(now_s + 3600, now_s) if is_taken else Turn(now_s + 3600)
    routing.turn.return_value = turn
    context = _context(routing=routing, slots=ProviderSlots())

    outcome = await submit(context, NEW)
    assert isinstance(outcome, Snooze)
    await resume(context, outcome)

    assert math.ceil(outcome.seconds) == sleeps_s
    assert routing.turn.call_args.args[2] is turn
    provider.upload.assert_awaited_once()
    provider.submit.assert_not_awaited()


async def test_an_order_that_may_be_alive_holds_its_slot_after_a_restart(provider: Any) -> None:
    slots, provider.recovery = ProviderSlots(), Recovery.REPEAT
    resumed = with_changes(NEW, submit_ms=1, provider=provider.name)

    outcome = await submit(_context(routing=_routing(provider), slots=slots, now_ms=int), resumed)

    assert isinstance(outcome, Snooze)
    assert slots.is_full(provider)


async def test_no_order_is_made_once_the_bot_drains(provider: Any) -> None:
    context = _context(routing=_routing(provider), slots=ProviderSlots())
    context.draining.set()

    outcome = await submit(context, NEW)

    assert outcome == Advance(NEW)
    provider.submit.assert_not_awaited()


async def test_a_task_that_never_ends_is_a_dead_letter(provider: Any) -> None:
    scheduler = Mock(is_exhausted=Mock(return_value=True), is_slow=Mock(return_value=False))
    scheduler.next_slot_s.return_value = 0.0
    context = _context(
        routing=_routing(provider), poll_scheduler=scheduler, status_messages=AsyncMock()
    )

    outcome = await poll(context, _job(State.POLLING, submit_ms=1, ticket={"id": "t"}))

    assert isinstance(outcome, Advance)
    progress = outcome.job.progress
    assert (progress.outcome, progress.reason) == (State.DEAD, "exhausted")


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        (Kind.FAILED, (State.CANCELLED, "cancelled")),
        (Kind.LOST, (State.DEAD, "provider_lost")),
        (Kind.EXPIRED, (State.DEAD, "provider_expired")),
        (Kind.MODERATED, (State.FAILED, "provider_moderated")),
    ],
)
async def test_what_was_cancelled_too_late_ends_with_its_true_reason(
    provider: Any, kind: Kind, end: tuple[State, str]
) -> None:
    provider.poll.side_effect = ProviderError(kind)
    scheduler = Mock(is_slow=Mock(return_value=False), next_slot_s=Mock(return_value=0.0))
    context = _context(
        routing=_routing(provider), poll_scheduler=scheduler, age_ms=Mock(return_value=10**6)
    )
    job = _job(State.POLLING, submit_ms=1, ticket={"id": "t"}, reason="cancelled", price_micro=1)

    outcome = await poll(context, job)

    assert isinstance(outcome, Advance)
    assert (outcome.job.progress.outcome, outcome.job.progress.reason) == end


async def test_a_clock_that_jumps_ends_no_task(provider: Any) -> None:
    wall_ns, monotonic_ns = 10**18, 0
    clock = Clock(lambda: wall_ns, lambda: monotonic_ns)
    scheduler = PollScheduler(PollingConfig(), Budget(lambda: 100.0), AsyncMock(), lambda: 0.0)
    context = _context(
        routing=_routing(provider),
        poll_scheduler=scheduler,
        status_messages=AsyncMock(),
        age_ms=clock.age_ms,
    )
    ordered = _job(State.POLLING, submit_ms=clock.now_ms(), ticket={"id": "t"})
    wall_ns, monotonic_ns = wall_ns + 365 * 86_400 * 10**9, 10**9

    outcome = await poll(context, ordered)

    assert isinstance(outcome, Snooze)
    assert outcome.job.progress.pending_ms == 1000


async def test_a_slow_task_is_said_to_be_slow_though_no_poll_is_answered(provider: Any) -> None:
    provider.poll.side_effect = ProviderError(Kind.UNAVAILABLE, "rubbish")
    scheduler = Mock(is_slow=Mock(return_value=True), next_slot_s=Mock(return_value=0.0))
    context = _context(
        routing=_routing(provider), poll_scheduler=scheduler, status_messages=AsyncMock()
    )
    job = _job(State.POLLING, submit_ms=1, ticket={"id": "t"})

    await poll(context, job)

    told = cast("AsyncMock", context.status_messages.update)
    told.assert_awaited_once_with(job, t("en", "job_slow"))


@pytest.mark.parametrize(
    ("ticket", "told", "is_right", "kept"),
    [
        ({}, {"id": "t"}, True, {"id": "t"}),
        ({"id": "t"}, {"id": "t"}, True, {}),
        ({"id": "t"}, {"id": "of another task"}, True, None),
        ({}, None, True, None),
        ({}, {"id": "t"}, False, None),
        ({}, ProviderError(Kind.UNAVAILABLE), True, None),
    ],
    ids=["ticket", "wake-up", "another task", "bad signature", "bad secret", "no key yet"],
)
async def test_a_webhook_is_believed_by_its_secret_signature_and_task(
    ticket: dict[str, str], told: Any, is_right: bool, kept: dict[str, str] | None
) -> None:
    job, store = _job(State.POLLING, provider="fal", ticket=ticket), AsyncMock()
    hooked, is_taken = Mock(ticket_of_hook=AsyncMock(side_effect=[told])), False
    webhooks = Webhooks(
        "https://bot.example",
        b"key",
        cast("Any", Mock(wake=store, job=AsyncMock(return_value=job))),
        _routing(hooked),
        lambda: 0,
    )
    secret = webhooks.url_for("1").rpartition("/")[2] if is_right else "0" * 32
    read = AsyncMock(return_value=b"{}")

    # Its sender repeats what fails for now.
    with pytest.raises(TransientError) if isinstance(told, Exception) else nullcontext():
        is_taken = await webhooks.handle("1", secret, {}, read)

    assert is_taken is (kept is not None)
    assert read.await_count == is_right
    assert [call.args for call in store.await_args_list] == ([] if kept is None else [("1", kept)])


JOB = job_of("1", 7, 7, Operation.CREATE, "en", file=__file__, state=State.DELIVERING)
JOB = with_changes(JOB, outcome=State.DELIVERED)


async def run(work: Callable[..., Any], *args: str, about: str, **options: Any) -> Any:
    return work(*args, **options)


@pytest.fixture
def context() -> StepContext:
    status = SimpleNamespace(
        ensure=AsyncMock(return_value=5), lock_final=Mock(return_value=asyncio.Lock())
    )
    queue = SimpleNamespace(finish=AsyncMock())
    context = Mock(
        status_messages=status,
        queue=queue,
        users=AsyncMock(),
        messenger=AsyncMock(),
        now_ms=lambda: 0,
        folder=Path(__file__).parent,
    )
    context.routing.models.return_value = {}
    context.result_buttons = ()
    context.hooks = Hooks()
    context.routing.get.return_value = None
    return cast("StepContext", context)


async def shown_after(context: StepContext, *errors: Exception) -> Any:
    picture = InputPhoto("file", "unique")
    show = cast("AsyncMock", context.messenger.edit_to_picture)
    show.side_effect = [*errors, picture]
    await take(deliver.deliver, context, JOB)
    finish = cast("AsyncMock", context.queue.finish)
    return finish.await_args


def test_of_several_the_one_that_fails_says_which_it_is() -> None:
    job = replace(with_changes(JOB, variants=3, reason="no_result"), id="7-2")
    assert captions.failure_text(job).startswith("2/3 · ")


@pytest.mark.parametrize(
    ("factor", "caption"),
    [
        (4.0, "🔍 Enlarged ×4"),
        (3.98, "🔍 Enlarged ×4"),
        (3.41, "🔍 Enlarged ×3.4, the maximum for this picture"),
        (2.0, "🔍 Enlarged ×2, the maximum for this picture"),
    ],
)
def test_a_caption_says_how_much_larger_the_picture_is(factor: float, caption: str) -> None:
    job = with_changes(JOB, operation=Operation.UPSCALE, scale=4, facts={"factor": factor})
    assert captions.success_caption(job) == caption


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        ({"did": "night", "unknown": "ship"}, ""),
        ({"did": "night", "unknown": "ship, flag"}, "I didn't understand: “flag”"),
        ({"unknown": "ship"}, "I didn't understand: “ship”"),
    ],
)
def test_a_word_that_names_the_picture_is_not_called_unknown(
    facts: dict[str, str], line: str
) -> None:
    wanted = {"operation": Operation.EDIT, "prompt": "the ship at night"}
    job = with_changes(JOB, **wanted, base="two ships in the fog", facts=facts)

    assert captions.success_caption(job).partition("I didn't")[1:] == line.partition("I didn't")[1:]


@pytest.mark.parametrize(
    ("did", "prompt", "lines"),
    [
        ("brighter", "второй поярче", 1),
        ("brighter", "сделай тусклее", 2),
        ("warmer, frame", "с рамкой и потеплее", 1),
        ("warmer, frame", "рамка", 2),
    ],
)
def test_a_caption_says_once_what_was_done(did: str, prompt: str, lines: int) -> None:
    edit = {"operation": Operation.EDIT, "language": "ru", "prompt": prompt}

    caption = captions.success_caption(with_changes(JOB, facts={"did": did}, **edit))
    assert len(caption.splitlines()) == lines


@pytest.mark.parametrize(
    ("language", "lines"),
    [
        ("en", ["✏️ make it", "Slightly warmer, frame", "I didn't understand: “sky”, “dusk”"]),
        ("ru", ["✏️ make it", "Чуть теплее, рамка", "Не понял слова: «sky», «dusk»"]),
    ],
)
def test_a_caption_says_what_was_done_and_quotes_what_was_not_understood(
    language: str, lines: Sequence[str]
) -> None:
    facts = {"did": "warmer|slightly, frame", "unknown": "sky, dusk"}
    edit = {"operation": Operation.EDIT, "language": language, "prompt": "make it"}

    assert captions.success_caption(with_changes(JOB, facts=facts, **edit)).splitlines() == lines


@pytest.mark.parametrize(
    ("lost", "line"),
    [
        ("background_removed", ["Without the earlier edits: background removed"]),
        ("no_clear_subject", []),
    ],
)
def test_a_caption_names_what_a_new_drawing_lost(lost: str, line: list[str]) -> None:
    job = with_changes(JOB, prompt="a fish", lost=lost)

    assert captions.success_caption(job).splitlines() == ["a fish", *line]


async def test_a_result_that_cannot_be_prepared_is_sent_as_it_is(tmp_path: Path) -> None:
    async def fetch(_output: Output, target: Path) -> None:
        Image.new("L", (7000, 7000)).save(target, "WEBP", quality=1, method=0)

    changes = {"operation": Operation.UPSCALE, "scale": 4, "side_px": 2000}
    job = with_changes(
        replace(JOB, id=tmp_path.name), ticket={"outputs": [{"url": "u"}]}, **changes
    )
    queue = Mock(move=AsyncMock())
    context = Mock(queue=queue, folder=tmp_path.parent, pool=Mock(run=run), now_ms=lambda: 0)
    context.hooks = Hooks()
    context.routing.provider_of.return_value.fetch = fetch

    await render.render(cast("StepContext", context), job)

    stored = queue.move.await_args.kwargs
    assert stored["file"] == str(tmp_path / "ready.webp")
    assert stored["facts"] == {"kind": "document", "factor": 3.5, "size": "7000x7000"}
    assert stored["note"] == "result_as_is_note"
    assert (tmp_path / "result").read_bytes() == (tmp_path / "ready.webp").read_bytes()


def short_at_first(*, times: int) -> Callable[[object, Path], Coroutine[Any, Any, None]]:
    """A download whose first answers end early, which nobody can see without a length."""
    whole = io.BytesIO()
    Image.effect_noise((200, 100), 50).save(whole, "JPEG")
    ends = iter([len(whole.getvalue()) // 2] * times)

    async def download(_: object, target: Path) -> None:
        replace_file(target, whole.getvalue()[: next(ends, None)])

    return download


async def test_a_result_that_comes_short_is_fetched_again(tmp_path: Path) -> None:
    long = "https://files.example/" + "x" * 5000
    job = with_changes(replace(JOB, id=tmp_path.name), ticket={"outputs": [{"url": long}]})
    queue = Mock(move=AsyncMock())
    context = Mock(queue=queue, folder=tmp_path.parent, pool=Mock(run=run), now_ms=lambda: 0)
    context.hooks = Hooks()
    context.routing.provider_of.return_value.fetch = short_at_first(times=1)

    await render.render(cast("StepContext", context), job)

    stored = queue.move.await_args.kwargs
    assert stored["facts"] == {"kind": "photo", "size": "200x100"}
    assert pictures.size_of(stored["file"]) == (200, 100)


async def test_half_a_result_is_not_sent_while_the_rest_may_come(tmp_path: Path) -> None:
    half, broken = short_at_first(times=1), ProviderError(Kind.UNAVAILABLE, "it broke off")
    fetch = AsyncMock(side_effect=[half, broken, half])

    async def fetch_next(output: Output, target: Path) -> None:
        await (await fetch())(output, target)

    job = with_changes(replace(JOB, id=tmp_path.name), ticket={"outputs": [{"url": "u"}]}, tries=0)
    queue = Mock(move=AsyncMock())
    context = Mock(queue=queue, folder=tmp_path.parent, pool=Mock(run=run), now_ms=lambda: 0)
    context.hooks = Hooks()
    context.routing.provider_of.return_value.fetch = fetch_next

    waits = await render.render(cast("StepContext", context), job)
    assert isinstance(waits, Snooze)
    assert not queue.move.await_count
    await render.render(cast("StepContext", context), job)

    assert pictures.size_of(queue.move.await_args.kwargs["file"]) == (200, 100)


async def test_a_photo_that_comes_short_is_downloaded_again_and_not_for_ever(
    tmp_path: Path,
) -> None:
    context = inputs_context(tmp_path, Image.new("L", (9, 9)))
    job = photo_job(Operation.EDIT)

    second = replace(context, download=short_at_first(times=1))
    [sent] = (await build_request(second, job, PROVIDER)).pictures
    never = replace(context, download=short_at_first(times=9))
    with pytest.raises(UserError, match="picture_truncated"):
        await build_request(never, replace(job, id="9"), PROVIDER)

    assert pictures.size_of(str(sent)) == (200, 100)


async def test_a_delivery_that_fails_is_repeated_and_not_for_ever(context: StepContext) -> None:
    gone = ChatGoneError("it is closed")
    ended = await shown_after(context, RuntimeError("odd"), KeyError("odder"), gone)
    assert ended.args[1] is State.DELIVERED

    with pytest.raises(RuntimeError):
        await shown_after(context, *[RuntimeError("odd")] * DELIVERY_ATTEMPTS)
    with pytest.raises(UserError, match="chat_refused"):
        await shown_after(context, *[gone] * DELIVERY_ATTEMPTS)
    with pytest.raises(UserError, match="result_refused"):
        await shown_after(context, UserError("result_refused"))


async def test_a_hook_that_fails_costs_no_picture(
    context: StepContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hook = AsyncMock(side_effect=RuntimeError("odd"))
    shows = AfterShown(lambda *_: True, hook)
    object.__setattr__(context, "hooks", Hooks(after_shown=(shows, shows)))
    object.__setattr__(context.queue, "move", AsyncMock(return_value=JOB))
    assert (await shown_after(context)).args[1] is State.DELIVERED
    assert hook.await_count == caplog.text.count("a step failed") == 2

    rendered = Rendered(JOB, tmp_path, AsyncMock(), AsyncMock())
    may = AfterRender(hook, partial(with_changes, note="lettering_failed"))
    after = await run_after_render(Hooks(after_render=(may,)), rendered)
    assert isinstance(after, Rendered)
    assert after.job.request.note == "lettering_failed"
    with pytest.raises(RuntimeError):
        await run_after_render(Hooks(after_render=(may, AfterRender(hook))), rendered)


async def test_a_dead_letter_stays_one_where_its_chat_is_gone(context: StepContext) -> None:
    cast("AsyncMock", context.status_messages.ensure).side_effect = ChatGoneError("it is gone")
    job = with_changes(JOB, outcome=State.DEAD, reason="submit_unknown", submit_ms=1)

    await take(deliver.deliver, context, job)

    ended: Any = cast("AsyncMock", context.queue.finish).await_args
    assert ended.args[1] is State.DEAD


PROVIDER = cast("Provider", Mock(offer=Mock(return_value=Capability())))


def inputs_context(folder: Path, came: Image.Image) -> StepContext:
    async def download(_: str, target: Path) -> None:
        came.save(target, "JPEG", quality=50)

    parts: dict[str, Any] = {field.name: Mock() for field in fields(StepContext)}
    parts |= {"folder": folder, "download": download, "pool": SimpleNamespace(run=run)}
    parts["hooks"] = Hooks()
    return StepContext(**parts | {"originals": OriginalStore(folder / "kept", limit_mb=1000)})


def photo_job(operation: Operation, parent: str = "") -> Job:
    photo = (InputPhoto("file", "u"),)
    return job_of("8", 1, 1, operation, "en", sources=photo, scale=4, parent=parent)


@pytest.mark.slow
async def test_an_enlargement_is_measured_against_what_came_however_often_it_is_ordered(
    tmp_path: Path,
) -> None:
    context = inputs_context(tmp_path, Image.new("L", (7000, 5000)))
    job = photo_job(Operation.UPSCALE)

    orders = [await build_request(context, job, PROVIDER) for _ in range(2)]

    assert [order.side_px for order in orders] == [7000, 7000]
    [sent] = orders[1].pictures
    width, height = pictures.size_of(str(sent))
    assert 55 < width * height * orders[1].scale ** 2 / 1_000_000 < 64


@pytest.mark.slow
async def test_a_picture_of_ours_is_taken_as_it_was_made_however_large(tmp_path: Path) -> None:
    context = inputs_context(tmp_path, Image.new("L", (1280, 1280)))
    original = tmp_path / "kept" / "7.png"
    Image.new("L", (7500, 8000)).save(original, compress_level=0)
    assert original.stat().st_size > pictures.SOURCE_LIMIT_BYTES

    [changed] = (await build_request(context, photo_job(Operation.EDIT, "7"), PROVIDER)).pictures
    with pytest.raises(UserError) as refusal:
        await build_request(context, replace(photo_job(Operation.UPSCALE, "7"), id="9"), PROVIDER)

    assert max(pictures.size_of(str(changed))) > 4000
    assert refusal.value.reason == "upscale_large_already"


async def test_an_original_that_is_too_heavy_is_downloaded_as_telegram_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = inputs_context(tmp_path, Image.new("L", (128, 128)))
    Image.new("L", (256, 256)).save(tmp_path / "kept" / "7.png")
    sizes: list[tuple[int, int]] = []
    for limit_bytes in (1 << 20, 10):
        monkeypatch.setattr(steps, "RESULT_LIMIT_BYTES", limit_bytes)
        job = replace(photo_job(Operation.EDIT, "7"), id=str(limit_bytes))
        [photo] = (await build_request(context, job, PROVIDER)).pictures
        sizes.append(pictures.size_of(str(photo)))

    assert sizes == [(256, 256), (128, 128)]


async def test_an_order_whose_operation_is_no_longer_offered_ends_before_its_submit() -> None:
    routing = Mock(is_offered=Mock(return_value=False))

    with pytest.raises(UserError, match="operation_withdrawn"):
        await submit(_context(routing=routing), NEW)
