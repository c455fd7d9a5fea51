"""The guard: what it judges, and what becomes of photos and results that it takes for sexual."""

from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from PIL import Image

from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto, Job, Request, State, is_billed, with_changes
from imgbot.domain.operations import Operation
from imgbot.domain.texts import t
from imgbot.features.guard.judging import PictureGuard
from imgbot.features.guard.settings import GuardSettings, parse_guard
from imgbot.jobs import captions, render
from imgbot.jobs.context import StepContext
from imgbot.jobs.hooks import Rendered
from imgbot.jobs.inputs import build_request
from imgbot.jobs.outcomes import Advance
from imgbot.painter import guard
from imgbot.painter.networks import Network
from imgbot.painter.originals import OriginalStore
from imgbot.painter.steps import Deliverable
from imgbot.providers.protocol import Capability, Output
from imgbot.storage import job_codec
from tests.fixtures.drawings import drawn, loop
from tests.fixtures.jobs import job_of
from tests.fixtures.photos import load_photo, save_photo
from tests.fixtures.sandbox import Message
from tests.fixtures.unsafe_picture import unsafe_picture
from tests.integration.stage import BOT_NAME, as_jpeg, is_picture, open_stage

pytestmark = pytest.mark.slow

HIDDEN = {"kind": "photo", "factor": 1.0, "hidden": 1, "size": "320x320"}


@pytest.mark.parametrize("name", ["astronaut", "cat", "pendulum"])
def test_photographs_are_safe(name: str, tmp_path: Path) -> None:
    assert guard.judge_picture(save_photo(name, tmp_path)) == "safe"


def test_what_cannot_be_judged_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(b"\x08\x06" + b"\xff" * 1000)
    monkeypatch.setattr(guard, "NETWORK", Network("imgbot", str(damaged), room_bytes=0))
    assert guard.judge_picture(save_photo("cat", tmp_path)) == "unknown"
    assert "damaged.onnx cannot be run" in caplog.text


def context_of(mode: str, folder: Path, made: Image.Image) -> StepContext:
    async def run(step: Any, *args: Any, about: str, **options: Any) -> Any:
        return step(*args, **options)

    async def fetch(_: Output, target: Path) -> None:
        made.save(target, "JPEG", quality=95)

    async def download(_: str, target: Path) -> None:
        made.save(target, "JPEG", quality=95)

    async def move(job: Job, state: State, **changes: Any) -> Job:
        return with_changes(replace(job, state=state), **changes)

    pool: Any = SimpleNamespace(run=run)
    parts: dict[str, Any] = {field.name: Mock() for field in fields(StepContext)}
    parts["routing"].provider_of.return_value.fetch = fetch
    return StepContext(
        **parts
        | {
            "folder": folder,
            "download": download,
            "pool": pool,
            "queue": SimpleNamespace(move=move),
            "originals": OriginalStore(folder / "kept", limit_mb=1000),
            "now_ms": lambda: 0,
            "hooks": PictureGuard(pool, lambda _: mode).hooks,
        }
    )


JOB = job_of(
    "8", 1, 1, Operation.EDIT, "en",
    sources=(InputPhoto("file", "u"),), price_micro=20_000, is_file=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("mode", "is_unsafe", "is_of_hidden", "facts"),
    [
        ("off", True, False, {"kind": "document", "factor": 1.0, "size": "320x320"}),
        ("blur", False, False, {"kind": "document", "factor": 1.41, "size": "451x300"}),
        ("blur", True, False, HIDDEN),
        ("blur", False, True, HIDDEN | {"factor": 1.41, "size": "451x300"}),
        ("refuse", True, False, {"charge": "yes"}),
    ],
)
async def test_result_is_hidden_or_refused_and_its_price_is_told(
    mode: str, is_unsafe: bool, is_of_hidden: bool, facts: dict[str, Any], tmp_path: Path
) -> None:
    made = unsafe_picture() if is_unsafe else load_photo("cat")
    job = with_changes(JOB, submit_ms=1, ticket={"outputs": [{"url": "u"}]})
    sources = (InputPhoto("file", "u", is_hidden=is_of_hidden),)
    job = with_changes(job, side_px=320, note="lettering_failed", sources=sources)
    context = context_of(mode, tmp_path, made)

    outcome = await render.render(context, replace(job, state=State.RENDERING))

    assert isinstance(outcome, Advance)
    progress = outcome.job.progress
    assert progress.facts == facts
    is_refused = mode == "refuse"
    assert progress.outcome is (State.FAILED if is_refused else State.DELIVERED)
    # What a provider has made costs its price, shown or not.
    assert is_billed(outcome.job)
    if is_refused:
        assert captions.failure_text(outcome.job).endswith("The service charged for it anyway.")
    if "hidden" in facts:
        # It takes the place of no other note.
        caption = captions.success_caption(outcome.job)
        assert "it can be wrong.\n\nℹ️ The text could not be put on" in caption
    # A file cannot be hidden.
    assert (context.originals.find(job.id) is None) is (is_refused or "hidden" in facts)


@pytest.mark.parametrize(("mode", "is_refused"), [("refuse", True), ("blur", False)])
async def test_photo_is_refused_before_anything_is_ordered(
    mode: str, is_refused: bool, tmp_path: Path
) -> None:
    context = context_of(mode, tmp_path, unsafe_picture())
    provider: Any = Mock(offer=Mock(return_value=Capability()))
    if is_refused:
        with pytest.raises(UserError, match="guard_refused_photo"):
            await build_request(context, JOB, provider)
    else:
        assert (await build_request(context, JOB, provider)).pictures


def test_setting_is_for_all_chats_or_for_single_groups() -> None:
    settings = GuardSettings.model_validate({"IMGBOT_GUARD": "blur, -100=off,-5=REFUSE"})
    requests = [Request(chat, Operation.CREATE, "en") for chat in (7, -100, -5)]
    inline = replace(requests[1], inline_id="i")
    modes = [settings.mode_for(request) for request in (*requests, inline)]
    assert modes == ["blur", "off", "refuse", "refuse"]
    assert settings.extras == {"IMGBOT_GUARD": "guard"}
    assert (GuardSettings().mode_for(inline), GuardSettings().extras) == ("off", {})


@pytest.mark.parametrize("value", ["on", "blur,7=off", "-5=maybe", "blur,off"])
def test_setting_of_another_form_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        parse_guard(value)


def test_hidden_photo_is_stored_as_one() -> None:
    hidden = InputPhoto("file", "unique", is_hidden=True)
    assert job_codec.unpack([job_codec.pack(hidden)]) == (hidden,)


def is_saying(text: str, message: Message) -> bool:
    return message.text == text


@pytest.mark.slow
@pytest.mark.asyncio
async def test_guard_hides_a_picture_wherever_it_is_shown(tmp_path: Path) -> None:
    settings = {"IMGBOT_GUARD": "blur,-100=refuse"}
    async for stage in open_stage(tmp_path, is_simulated=False, **settings):
        user = await stage.user()
        safe = await user.order("a fox")
        await user.order("sharper", as_jpeg(unsafe_picture()))
        shown = [await user.ask(words, fits=is_picture) for words in ("/last", "/history")]

        post = stage.sandbox.state.chats[user.chat_id].posts
        hidden = [bool(each.message.get("has_media_spoiler")) for each in post.values()
                  if each.is_outgoing and each.message.get("photo")]  # fmt: skip
        assert hidden == [False, True, True, True]
        assert not safe.text.endswith(t("en", "caption_hidden"))
        assert (await user.results())[-1].text == shown[0].text

        [photo] = await user.photos(as_jpeg(unsafe_picture()))
        line = as_jpeg(drawn(unsafe_picture(), loop(0.45, 0.45, 0.2, gap=0.12)))
        asked = await user.ask("make this red", line, reply_to=photo.id, fits=is_picture)
        assert asked.text.startswith(t("en", "area_unsure"))
        assert asked.raw["has_media_spoiler"]

        # Where Telegram does not tell the chat, the strictest rule of all holds.
        there = user.within(await stage.control.make_group("A", [user.person], is_foreign=True))
        [photo] = await there.photos(as_jpeg(unsafe_picture()))
        refusal = t("en", "guard_refused_photo")
        await there.ask(
            f"{BOT_NAME} mirror it", reply_to=photo.id, fits=partial(is_saying, refusal)
        )


async def test_a_clip_that_cannot_be_judged_is_shown_under_a_spoiler() -> None:
    pool = Mock(run=AsyncMock(side_effect=UserError("picture_not_a_picture")))
    made = Deliverable("ready.mp4", "video", 0, 0, 1)
    job = job_of("1", 1, 1, Operation.ANIMATE, "en")
    rendered = Rendered(job, Path("result"), AsyncMock(), AsyncMock(return_value=made))
    [hook] = PictureGuard(pool, lambda _: "refuse").hooks.after_render

    assert await hook.run(rendered) == replace(rendered, is_hidden=True)
