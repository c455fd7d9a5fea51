"""What tests of the simulated fal share: endpoints, and the ways through its queue."""

from typing import Any

import httpx

from tests.support.sim_desk import Desk, seen

BANANA = "fal-ai/nano-banana-2"
EDIT = "fal-ai/nano-banana-2/edit"
SCHNELL = "fal-ai/flux/schnell"
TOPAZ = "fal-ai/topaz/upscale/image"


async def submit(
    desk: Desk, given: dict[str, Any], endpoint: str = BANANA, hook: str = ""
) -> dict[str, Any]:
    params = {"fal_webhook": hook} if hook else {}
    answer = await desk.http.post(f"/{endpoint}", json=given, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def finish(desk: Desk, given: dict[str, Any], endpoint: str = BANANA) -> httpx.Response:
    """The answer where the result is."""
    begun = await submit(desk, given, endpoint)
    status = await desk.http.get(begun["status_url"])
    assert (status.status_code, status.json()["status"]) == (200, "COMPLETED")
    return await desk.http.get(begun["response_url"])


async def fetch(desk: Desk, file: dict[str, Any]) -> tuple[str, tuple[int, int]]:
    """Format and size of a file, which must be those that were told."""
    answer = await desk.anyone.get(file["url"])
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, file["content_type"])
    kind, size = seen(answer.content)
    assert size == (file["width"], file["height"])
    return kind, size
