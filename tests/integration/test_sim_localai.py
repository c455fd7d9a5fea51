"""LocalAI, as OpenAI's simulator plays it: lenient, with files for answers, and without edits."""

import base64
from typing import Any

import httpx
import pytest

from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, encoded, seen

pytestmark = pytest.mark.simulator("openai")


async def generate(desk: Desk, prompt: str, **fields: Any) -> httpx.Response:
    body = {"model": "gpt-image-1-mini", "prompt": prompt, "quality": "low"} | fields
    return await desk.http.post("/v1/images/generations", json=body)


async def test_local_ai_answers_with_files_and_knows_no_edits(desk: Desk) -> None:
    await desk.set(marks="[[sim:localai]]")
    body = {"prompt": "a cat | a dog", "size": "640x320", "colour": "red", "n": 2}

    made = (await desk.anyone.post("/v1/images/generations", json=body)).json()
    urls = [item["url"] for item in made["data"]]
    file = await desk.anyone.get(urls[0])
    edited = await desk.http.post(
        "/v1/images/edits",
        data={"model": "gpt-image-1.5", "prompt": "make it blue"},
        files={"image": ("a.jpg", picture(64, 48), "image/jpeg")},
    )

    assert len(urls) == 2
    assert "/sim/openai/generated-images/" in urls[0]
    assert seen(file.content) == ("PNG", (640, 320))
    assert file.headers["Content-Type"] == "image/png"
    assert (edited.status_code, edited.json()["error"]["code"]) == (404, 404)


async def test_local_ai_takes_pictures_as_base64_and_gives_them_so(desk: Desk) -> None:
    made = await generate(
        desk, "[[sim:localai]]", response_format="b64_json", ref_images=[encoded(picture())]
    )

    assert seen(base64.b64decode(made.json()["data"][0]["b64_json"])) == ("PNG", (512, 512))
    task = await desk.task()
    assert (task["operation"], len(task["input"]["images"])) == ("edit", 1)
    broken = await generate(desk, "[[sim:localai]]", file="%%%")
    assert (broken.status_code, broken.json()["error"]["code"]) == (500, 500)


async def test_local_ai_s_files_can_be_gone(desk: Desk) -> None:
    made = (await generate(desk, "[[sim:localai]] [[sim:expired]]")).json()

    assert (await desk.anyone.get(made["data"][0]["url"])).status_code == 404
