"""Orders for providers, with small pictures of their own in a folder."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from imgbot.domain.operations import Operation
from imgbot.providers.protocol import Accepted, Done, GenerationRequest, Provider
from tests.support.sandbox import picture

_COLORS = ("teal", "maroon", "navy", "olive", "purple", "green", "gray", "orange", "pink", "red")


def make_order(
    folder: Path,
    operation: Operation,
    words: str = "",
    *,
    pictures: int | Sequence[bytes] = 0,
    **fields: Any,
) -> GenerationRequest:
    """An order as the runner makes it; so many pictures of different colours, or these."""
    contents = (
        [picture(320, 240, color=color) for color in _COLORS[:pictures]]
        if isinstance(pictures, int)
        else pictures
    )
    paths: list[Path] = []
    for index, content in enumerate(contents):
        suffix = ".png" if content.startswith(b"\x89PNG") else ".jpg"
        path = folder / f"source-{index}{suffix}"
        path.write_bytes(content)
        paths.append(path)
    order = GenerationRequest(
        job_id="job-1",
        operation=operation,
        prompt=words,
        pictures=tuple(paths),
        scale=2,
        ratio="",
        seed=7,
        target=folder / "made.jpg",
    )
    return replace(order, **fields)


async def submitted(provider: Provider, order: GenerationRequest) -> Accepted | Done:
    """Upload the pictures where the provider wants them first, and order."""
    return await provider.submit(await provider.upload(order))
