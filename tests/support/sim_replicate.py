"""What tests of the simulated Replicate share: models, and the ways to order from them."""

from typing import Any

import httpx

from tests.support.sim_desk import Desk

BANANA = "google/nano-banana-2"
SCHNELL = "black-forest-labs/flux-schnell"
KONTEXT = "black-forest-labs/flux-kontext-pro"
ESRGAN = "42fed1c4974146d4d2414e2be2c5277c7fcf05fcc3a73abf41610695738c1d7b"
CODEFORMER = "cc4956dd26fa5a7185d5660cc9100fab1b8070a1d1654a8bb5eb6d443b020bb2"


async def order(
    desk: Desk, given: dict[str, Any], model: str = BANANA, **body: Any
) -> httpx.Response:
    return await desk.http.post(f"/v1/models/{model}/predictions", json={"input": given} | body)


async def submit(
    desk: Desk, given: dict[str, Any], model: str = BANANA, **body: Any
) -> dict[str, Any]:
    answer = await order(desk, given, model, **body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def submit_version(desk: Desk, version: str, given: dict[str, Any]) -> dict[str, Any]:
    body = {"version": version, "input": given}
    answer = await desk.http.post("/v1/predictions", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def poll(desk: Desk, prediction: dict[str, Any]) -> dict[str, Any]:
    answer = await desk.http.get(prediction["urls"]["get"])
    assert answer.status_code == 200, answer.text
    return answer.json()
