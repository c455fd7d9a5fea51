"""What the simulated kie.ai refuses, fails and spoils: HTTP 200, and the code in the body."""

import json
from typing import Any

import httpx
import pytest

from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, data_uri
from tests.support.sim_kie import BANANA, JOBS, OLD_EDIT, TOPAZ, order, poll, submit, told, upload

pytestmark = pytest.mark.simulator("kie")


async def test_a_refusal_has_http_status_200(desk: Desk) -> None:
    anyone, base = desk.anyone, desk.base_url
    wrong = {"Authorization": "Bearer x"}
    url = f"{JOBS}/createTask"
    answers = [
        await anyone.post(f"{base}{url}", json={}),
        await anyone.get(f"{base}/api/v1/chat/credit", headers=wrong),
        await anyone.post(f"{base}/upload/api/file-stream-upload", files={"file": b"a"}),
        await desk.http.get("/api/v1/jobs/cancel"),
        await desk.http.get(f"{JOBS}/recordInfo", params={"taskId": "nothing"}),
        await desk.http.post(url, content=b"{}", headers={"Content-Type": "text/plain"}),
        await desk.http.post(url, content=b"{", headers={"Content-Type": "application/json"}),
    ]

    assert [told(answer)[0] for answer in answers] == [401, 401, 401, 404, 422, 400, 400]
    assert answers[4].json() == {"code": 422, "msg": "recordInfo is null", "data": None}


@pytest.mark.parametrize(
    ("model", "given", "code", "text"),
    [
        ("google/nano-banana-2", {"prompt": "p"}, 422, "The model name you specified is not"),
        (BANANA, "p", 422, "input is required"),
        (BANANA, {}, 500, "prompt is required"),
        (BANANA, {"prompt": ""}, 500, "prompt is required"),
        (BANANA, {"prompt": 5}, 422, "The format of prompt is incorrect"),
        (BANANA, {"prompt": "p" * 20001}, 422, "prompt exceeds the maximum limit of 20000"),
        (
            BANANA,
            {"prompt": "p", "output_format": "jpeg"},
            500,
            "output_format is not within the range of allowed options",
        ),
        (BANANA, {"prompt": "p", "image_input": ["x"] * 15}, 422, "image_input exceeds"),
        (OLD_EDIT, {"prompt": "p"}, 500, "image_urls is required"),
        (TOPAZ, {"image_url": "x", "upscale_factor": 2}, 422, "The format of upscale_factor"),
        (BANANA, {"prompt": "p", "image_input": [data_uri(picture())]}, 451, "Failed to fetch"),
        (BANANA, {"prompt": "p", "image_input": ["https://a.org/a.jpg"]}, 451, "Failed to fetch"),
    ],
)
async def test_a_wrong_input_makes_no_task(
    desk: Desk, model: str, given: Any, code: int, text: str
) -> None:
    found, message = told(await order(desk, given, model))

    assert (found, message[: len(text)]) == (code, text)
    view = await desk.view()
    assert (view["tasks"], view["ledger"]) == ([], [])


async def test_what_is_too_large_is_refused(desk: Desk) -> None:
    heavy = await upload(desk, picture() + bytes(10 << 20), "heavy.jpg")
    wide = await upload(desk, picture(2600, 20), "wide.jpg")

    answers = [
        await order(desk, {"prompt": "p", "image_input": [heavy]}),
        await order(desk, {"image_url": wide, "upscale_factor": "8"}, TOPAZ),
    ]

    assert [told(answer)[0] for answer in answers] == [422, 422]


@pytest.mark.parametrize("mark", ["402", "433", "451", "455"])
async def test_a_submit_is_refused_by_code(desk: Desk, mark: str) -> None:
    code, _ = told(await order(desk, {"prompt": f"p [[sim:{mark}]]"}))

    assert code == int(mark)
    assert (await desk.view())["tasks"] == []


@pytest.mark.parametrize(
    ("mark", "code", "text"),
    [
        ("moderated", "400", "flagged as sensitive"),
        ("fail", "501", "generation failed"),
        ("501", "501", "returned no image"),
    ],
)
async def test_a_failed_task_says_why_and_costs_nothing(
    desk: Desk, mark: str, code: str, text: str
) -> None:
    record = await poll(desk, await submit(desk, {"prompt": f"p [[sim:{mark}]]"}))

    assert (record["state"], record["failCode"], record["resultJson"]) == ("fail", code, "")
    assert text in record["failMsg"]
    assert await desk.charged_usd() == []


async def test_an_upload_that_is_no_picture_fails_the_task(desk: Desk) -> None:
    url = await upload(desk, b"words")

    record = await poll(desk, await submit(desk, {"prompt": "p", "image_input": [url]}))

    assert (record["state"], record["failCode"]) == ("fail", "422")


async def test_submits_can_be_held_back_lost_or_garbled(desk: Desk) -> None:
    held_back = [told(await order(desk, {"prompt": "p [[sim:429=2]]"}))[0] for _ in range(3)]
    down = [told(await order(desk, {"prompt": "p [[sim:5xx_on_submit]]"}))[0] for _ in range(2)]
    with pytest.raises(httpx.TransportError):
        await order(desk, {"prompt": "p [[sim:drop_after_accept]]"})
    garbled = await order(desk, {"prompt": "p [[sim:garbled_submit]]"})

    assert (held_back, down) == ([429, 429, 200], [455, 200])
    with pytest.raises(json.JSONDecodeError):
        garbled.json()
    assert len(await desk.charged_usd()) == 4


async def test_polls_can_be_spoiled(desk: Desk) -> None:
    marks = "5xx_on_poll", "429_on_poll", "malformed", "html", "null", "unknown_state"
    words = " ".join(f"[[sim:{mark}=1]]" for mark in marks)
    params = {"taskId": await submit(desk, {"prompt": f"p {words}"})}

    answers = [await desk.http.get(f"{JOBS}/recordInfo", params=params) for _ in range(7)]

    assert [told(answer)[0] for answer in answers[:2]] == [455, 429]
    with pytest.raises(json.JSONDecodeError):
        answers[2].json()
    assert answers[3].text.startswith("<!doctype html>")
    assert answers[4].json() == {"code": None, "msg": None, "data": None}
    assert [answer.json()["data"]["state"] for answer in answers[5:]] == ["hibernating", "success"]


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("file-base64-upload", {"base64Data": "%", "uploadPath": "a"}, 400),
        ("file-base64-upload", {"base64Data": "YQ=="}, 400),
        ("file-url-upload", {"fileUrl": "https://a.org/a.jpg", "uploadPath": "a"}, 500),
        ("file-stream-upload", {"file": "a"}, 400),
    ],
)
async def test_a_wrong_upload_is_refused(
    desk: Desk, path: str, body: dict[str, Any], code: int
) -> None:
    assert told(await desk.http.post(f"/upload/api/{path}", json=body))[0] == code
