"""The pictures of an order, made of what the job was given."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

import pytest
from PIL import Image

from imgbot.domain.errors import UserError
from imgbot.domain.job import InputPhoto, Job
from imgbot.domain.operations import Operation
from imgbot.imaging import pictures
from imgbot.imaging.originals import OriginalStore
from imgbot.jobs.context import StepContext
from imgbot.jobs.inputs import build_request
from imgbot.providers.protocol import Capability, Provider
from tests.fixtures.jobs import job_of as make_job

PROVIDER = cast("Provider", SimpleNamespace(offers=dict.fromkeys(Operation, Capability())))


async def run(work: Callable[..., Any], *args: str, about: str) -> Any:
    return work(*args)


def tools_of(folder: Path, came: Image.Image) -> StepContext:
    async def download(_: str, target: Path) -> None:
        came.save(target, "JPEG", quality=50)

    made: dict[str, Any] = {field.name: Mock() for field in fields(StepContext)}
    originals = OriginalStore(folder / "kept", limit_mb=1000)
    return StepContext(
        **made
        | {
            "folder": folder,
            "download": download,
            "pool": SimpleNamespace(run=run),
            "originals": originals,
        }
    )


def job_of(operation: Operation, parent: str = "") -> Job:
    return make_job(
        "8", 1, 1, operation, "en", sources=(InputPhoto("file", "u"),), scale=4, parent=parent
    )


async def test_an_enlargement_is_measured_against_what_came_however_often_it_is_ordered(
    tmp_path: Path,
) -> None:
    tools, job = tools_of(tmp_path, Image.new("L", (7000, 5000))), job_of(Operation.UPSCALE)

    orders = [await build_request(tools, job, PROVIDER) for _ in range(2)]

    assert [order.side_px for order in orders] == [7000, 7000]
    [sent] = orders[1].pictures
    width, height = pictures.size_of(str(sent))
    assert 55 < width * height * orders[1].scale ** 2 / 1_000_000 < 64


async def test_a_picture_of_ours_is_taken_as_it_was_made_however_large(tmp_path: Path) -> None:
    tools = tools_of(tmp_path, Image.new("L", (1280, 1280)))
    original = tmp_path / "kept" / "7.png"
    Image.new("L", (7500, 8000)).save(original, compress_level=0)
    assert original.stat().st_size > pictures.SOURCE_LIMIT_BYTES

    [changed] = (await build_request(tools, job_of(Operation.EDIT, "7"), PROVIDER)).pictures
    with pytest.raises(UserError) as refusal:
        await build_request(tools, replace(job_of(Operation.UPSCALE, "7"), id="9"), PROVIDER)

    assert max(pictures.size_of(str(changed))) > 4000
    assert refusal.value.reason == "upscale_large_already"
