"""What tests of the simulated kie.ai share: models, and the ways to order and to upload."""

from typing import Any

import httpx

from tests.support.sim_desk import Desk

BANANA = "nano-banana-2"
OLD_EDIT = "google/nano-banana-edit"
TOPAZ = "topaz/image-upscale"
JOBS = "/api/v1/jobs"


def told(answer: httpx.Response) -> tuple[int, str]:
    assert answer.status_code == 200
    body = answer.json()
    return body["code"], body["msg"]


async def order(desk: Desk, given: Any, model: str = BANANA, **body: Any) -> httpx.Response:
    return await desk.http.post(f"{JOBS}/createTask", json={"model": model, "input": given} | body)


async def submit(desk: Desk, given: Any, model: str = BANANA, **body: Any) -> str:
    answer = await order(desk, given, model, **body)
    assert told(answer) == (200, "success")
    return answer.json()["data"]["taskId"]


async def poll(desk: Desk, task_id: str) -> dict[str, Any]:
    answer = await desk.http.get(f"{JOBS}/recordInfo", params={"taskId": task_id})
    assert told(answer) == (200, "success")
    return answer.json()["data"]


async def upload(desk: Desk, content: bytes, name: str = "a.jpg") -> str:
    answer = await desk.http.post(
        "/upload/api/file-stream-upload",
        files={"file": (name, content, "image/jpeg")},
        data={"uploadPath": "images/bot", "fileName": name},
    )
    assert told(answer)[0] == 200
    return answer.json()["data"]["downloadUrl"]
