"""Words on a provider's result."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

from PIL import Image

from imgbot.domain.errors import ProviderError, ProviderErrorKind as Kind
from imgbot.domain.job import Job, State, with_changes
from imgbot.domain.operations import Operation
from imgbot.features.lettering.words import WordsOnPictures
from imgbot.jobs.context import StepContext
from imgbot.jobs.render import render
from imgbot.painter import pictures
from imgbot.painter.originals import OriginalStore
from imgbot.providers.protocol import Output
from tests.fixtures.jobs import job_of

JOB = job_of("1", 1, 1, Operation.CREATE, "en", state=State.RENDERING, submit_ms=1)


async def run(work: Callable[..., Any], *args: str, about: str, **options: Any) -> Any:
    return work(*args, **options)


async def test_words_are_put_on_a_fetched_picture_once_or_it_is_shown_without(
    tmp_path: Path,
) -> None:
    plain = Image.new("RGB", (600, 400), "grey")

    async def fetch(_output: Output, target: Path) -> None:
        plain.save(target, "PNG")

    async def rendered(job: Job, fetch: Any) -> Mapping[str, Any]:
        queue, originals = Mock(move=AsyncMock()), OriginalStore(tmp_path / "kept", limit_mb=10)
        pool = Mock(run=run)
        context = Mock(queue=queue, folder=tmp_path / "jobs", pool=pool, now_ms=lambda: 0)
        context.hooks = WordsOnPictures(pool, Mock(), originals).hooks
        context.originals = originals
        context.routing.provider_of.return_value.fetch = fetch
        await render(cast("StepContext", context), job)
        return queue.move.await_args.kwargs

    (tmp_path / "kept").mkdir()
    job = with_changes(JOB, ticket={"outputs": [{"url": "u"}]}, prompt='a cat, text "HI"')
    for lettering, words in (("", job.request.prompt), ("HI", job.request.prompt)):
        made = await rendered(with_changes(job, lettering=lettering, prompt=words), fetch)
        with Image.open(made["file"]) as image:
            extrema = image.convert("L").getextrema()
        assert (made["lettering"], extrema == (0, 255)) == (lettering, bool(lettering))

    # The files are gone, and the provider's copy: the original bears its words already.
    first = Image.open(made["file"]).tobytes()
    shutil.rmtree(tmp_path / "jobs")
    gone = AsyncMock(side_effect=ProviderError(Kind.EXPIRED))
    again = await rendered(with_changes(job, lettering="HI", tries=99), gone)
    assert Image.open(again["file"]).tobytes() == first

    # What is paid for is shown, whatever becomes of its words.
    failed = await rendered(
        with_changes(replace(job, id="2"), lettering="שלום", prompt='text "שלום"'), fetch
    )
    assert (failed["lettering"], failed["note"]) == ("", "lettering_failed")
    assert pictures.size_of(failed["file"]) == plain.size
