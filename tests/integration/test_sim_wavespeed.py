"""WaveSpeed as simulated: envelopes, uploads, and results of the size that was asked for."""

import base64
from typing import Any

import httpx
import pytest

from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, seen, sha256

pytestmark = pytest.mark.simulator("wavespeed")

CREATE = "google/nano-banana-2.1/text-to-image"
EDIT = "google/nano-banana-2.1/edit"
SEEDREAM = "bytedance/seedream-v4.5"
UPSCALE = "wavespeed-ai/ultimate-image-upscaler"
RESTORE = "topaz/image/restore"


async def submit(desk: Desk, model: str = CREATE, **fields: Any) -> httpx.Response:
    params = {"webhook": fields.pop("webhook")} if "webhook" in fields else {}
    return await desk.http.post(f"/api/v3/{model}", json=fields, params=params)


async def accepted(desk: Desk, model: str = CREATE, **fields: Any) -> dict[str, Any]:
    answer = await submit(desk, model, **fields)
    assert (answer.status_code, answer.json()["code"]) == (200, 200), answer.text
    return answer.json()["data"]


async def result(desk: Desk, model: str = CREATE, **fields: Any) -> dict[str, Any]:
    task = await accepted(desk, model, **fields)
    return (await desk.http.get(task["urls"]["get"])).json()["data"]


async def made(desk: Desk, model: str, **fields: Any) -> tuple[str, tuple[int, int]]:
    ended = await result(desk, model, **fields)
    return seen((await desk.anyone.get(ended["outputs"][0])).content)


async def upload(desk: Desk, content: bytes, name: str = "a b.png") -> str:
    wish = {"filename": name, "size": len(content), "content_type": "image/png"}
    ticket = (await desk.http.post("/api/v3/media/uploads", json=wish)).json()["data"]
    instruction = ticket["upload"]
    put = await desk.anyone.request(
        instruction["method"], instruction["url"], headers=instruction["headers"], content=content
    )
    assert put.status_code == 200, put.text
    return ticket["download_url"]


async def test_a_prediction_completes(desk: Desk) -> None:
    task = await accepted(desk, prompt="a cat", aspect_ratio="16:9")
    ended = (await desk.http.get(task["urls"]["get"])).json()
    file = await desk.anyone.get(ended["data"]["outputs"][0])

    assert (task["status"], task["outputs"], task["model"]) == ("created", [], CREATE)
    assert (ended["code"], ended["data"]["status"]) == (200, "completed")
    assert ended["data"]["has_nsfw_contents"] == [False]
    kind, (width, height) = seen(file.content)
    assert (kind, round(width / height, 1)) == ("PNG", 1.8)
    assert file.headers["Content-Type"] == "image/png"
    assert await desk.charged_usd() == [0.07]
    shown = await desk.task()
    assert (shown["model"], shown["operation"]) == (CREATE, "create")


async def test_a_slow_one_is_processing(desk: Desk) -> None:
    assert (await result(desk, prompt="[[sim:polls=1]]"))["status"] == "processing"


@pytest.mark.parametrize(
    ("model", "fields", "kind", "size"),
    [
        (CREATE, {"resolution": "2k", "output_format": "jpeg"}, "JPEG", (2048, 2048)),
        (SEEDREAM, {"size": "1024*2048"}, "JPEG", (1024, 2048)),
        (SEEDREAM, {}, "JPEG", (2048, 2048)),
    ],
)
async def test_a_picture_has_the_size_that_was_ordered(
    desk: Desk, model: str, fields: dict[str, Any], kind: str, size: tuple[int, int]
) -> None:
    assert await made(desk, model, prompt="a cat", **fields) == (kind, size)


async def test_an_upscale_is_as_large_as_its_target(desk: Desk) -> None:
    url = await upload(desk, picture(60, 40, kind="PNG"))

    assert await made(desk, UPSCALE, image=url, target_resolution="2k") == ("JPEG", (2048, 1365))
    assert await made(desk, UPSCALE, image=url, output_format="webp") == ("WEBP", (4096, 2731))
    assert (await desk.task())["operation"] == "upscale"


async def test_a_restored_picture_keeps_its_size(desk: Desk) -> None:
    url = await upload(desk, picture(60, 40, kind="PNG"))

    assert await made(desk, RESTORE, image=url) == ("JPEG", (60, 40))
    assert (await desk.task())["operation"] == "retouch"


async def test_pictures_come_in_order(desk: Desk) -> None:
    contents = [picture(60, 40, kind="PNG"), picture(40, 60, kind="PNG")]
    urls = [await upload(desk, content) for content in contents]

    await accepted(desk, EDIT, prompt="merge", images=urls)

    shown = await desk.task()
    assert (shown["operation"], shown["images"]) == ("merge", 2)
    assert [note["sha256"] for note in shown["input"]["images"]] == [
        sha256(content) for content in contents
    ]
    assert (await desk.anyone.get(urls[0])).content == contents[0]


async def test_an_upload_s_address_takes_what_was_announced(desk: Desk) -> None:
    wish = {"filename": "a.png", "size": 3, "content_type": "image/png"}
    ticket = (await desk.http.post("/api/v3/media/uploads", json=wish)).json()["data"]
    url, headers = ticket["upload"]["url"], ticket["upload"]["headers"]

    with_key = await desk.http.put(url, headers=headers, content=b"abc")
    longer = await desk.anyone.put(url, headers=headers, content=b"abcd")
    untyped = await desk.anyone.put(url, content=b"abc")
    unsigned = await desk.anyone.put(url.partition("?")[0], headers=headers, content=b"abc")
    early = await submit(desk, RESTORE, image=ticket["download_url"])

    statuses = [answer.status_code for answer in (with_key, longer, untyped, unsigned, early)]
    assert statuses == [400, 403, 403, 403, 400]


@pytest.mark.parametrize(
    "wish",
    [{}, {"filename": "a.png"}, {"filename": "a.png", "size": 0}, {"filename": 5, "size": 1}],
)
async def test_a_ticket_has_a_name_and_a_size(desk: Desk, wish: dict[str, Any]) -> None:
    answer = await desk.http.post("/api/v3/media/uploads", json=wish)

    assert (answer.status_code, answer.json()["code"]) == (400, 400)


@pytest.mark.parametrize(
    ("model", "fields", "words"),
    [
        (CREATE, {}, '"prompt" is missing'),
        (CREATE, {"prompt": 5}, '"prompt" must be a string'),
        (CREATE, {"prompt": ""}, '"prompt" must have at least'),
        (CREATE, {"prompt": "x", "aspect_ratio": "7:5"}, '"aspect_ratio" must be one of'),
        (CREATE, {"prompt": "x", "resolution": "2K"}, '"resolution" must be one of'),
        (CREATE, {"prompt": "x", "enable_sync_mode": "yes"}, "must be a boolean"),
        (EDIT, {"prompt": "x"}, '"images" is missing'),
        (EDIT, {"prompt": "x", "images": []}, '"images" must have at least'),
        (EDIT, {"prompt": "x", "images": ["x"] * 15}, '"images" must have at most'),
        (EDIT, {"prompt": "x", "images": "x"}, '"images" must be an array'),
        (EDIT, {"prompt": "x", "images": ["http://example.org/a"]}, "failed to download"),
        (SEEDREAM, {"prompt": "x", "size": "2048x2048"}, "size must be like"),
        (SEEDREAM, {"prompt": "x", "size": "512*512"}, "size must be from"),
        (UPSCALE, {"image": "data:image/png;base64,AAAA"}, "failed to download"),
    ],
)
async def test_a_wrong_input_is_refused(
    desk: Desk, model: str, fields: dict[str, Any], words: str
) -> None:
    answer = await submit(desk, model, **fields)

    assert (answer.status_code, answer.json()["code"]) == (400, 400)
    assert words in answer.json()["message"]
    assert (await desk.view())["tasks"] == []


async def test_unknown_fields_are_ignored_but_listed(desk: Desk) -> None:
    await accepted(desk, prompt="a cat", colour="red")

    assert (await desk.task())["input"]["ignored"] == ["colour"]


async def test_bodies_that_are_no_json_objects_are_refused(desk: Desk) -> None:
    kind = {"Content-Type": "application/json"}
    garbled = await desk.http.post(f"/api/v3/{CREATE}", content=b"{", headers=kind)
    form = await desk.http.post(f"/api/v3/{CREATE}", data={"prompt": "a cat"})

    assert (garbled.status_code, form.status_code) == (400, 400)


async def test_an_upload_that_is_no_picture_is_refused(desk: Desk) -> None:
    for content in (b"words", picture()[:500]):
        answer = await submit(desk, RESTORE, image=await upload(desk, content))
        assert (answer.status_code, answer.json()["code"]) == (400, 400)


async def test_a_key_and_a_known_model_are_needed(desk: Desk) -> None:
    task = await accepted(desk, prompt="a cat")
    without = await desk.anyone.post(f"/api/v3/{CREATE}", json={"prompt": "a cat"})
    poll = await desk.anyone.get(task["urls"]["get"])
    unknown = await submit(desk, "google/nano-banana-9", prompt="a cat")
    nobody_s = await desk.http.get("/api/v3/predictions/x/result")

    assert (without.status_code, without.json()["code"]) == (401, 401)
    assert poll.status_code == 401
    assert (unknown.status_code, nobody_s.status_code) == (404, 404)


@pytest.mark.parametrize("mark", ["moderated", "fail"])
async def test_a_failed_prediction_is_not_charged(desk: Desk, mark: str) -> None:
    ended = await result(desk, prompt=f"[[sim:{mark}]]")

    assert (ended["status"], ended["outputs"]) == ("failed", [])
    assert ended["error"]
    assert ended["has_nsfw_contents"] == [mark == "moderated"]
    assert await desk.charged_usd() == []


async def test_a_completed_one_can_be_flagged(desk: Desk) -> None:
    ended = await result(desk, prompt="[[sim:nsfw_flag]]")

    assert (ended["status"], ended["has_nsfw_contents"]) == ("completed", [True])


async def test_submits_can_be_refused(desk: Desk) -> None:
    poor = await submit(desk, prompt="[[sim:402]]")
    words = "[[sim:429=1]] [[sim:5xx_on_submit=1]]"
    answers = [await submit(desk, prompt=words) for _ in range(3)]

    assert (poor.status_code, poor.json()["code"]) == (402, 402)
    assert [answer.json()["code"] for answer in answers] == [503, 429, 200]
    assert answers[1].headers["Retry-After"] == "1"


@pytest.mark.parametrize("mark", ["drop_after_accept", "garbled_submit"])
async def test_a_lost_answer_is_charged(desk: Desk, mark: str) -> None:
    with pytest.raises((httpx.TransportError, ValueError)):
        (await submit(desk, prompt=f"[[sim:{mark}]]")).json()

    assert len(await desk.charged_usd()) == 1


async def test_polls_can_fail_or_be_nonsense(desk: Desk) -> None:
    words = (
        "[[sim:5xx_on_poll=1]] [[sim:429_on_poll=1]] [[sim:malformed]] [[sim:html]] [[sim:null]]"
    )
    url = (await accepted(desk, prompt=words))["urls"]["get"]

    answers = [await desk.http.get(url) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [503, 429, *[200] * 4]
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answers[2].json()
    assert answers[3].text.startswith("<!doctype html>")
    assert answers[4].json() == {"code": None, "message": None, "data": None}
    assert answers[5].json()["data"]["status"] == "completed"


async def test_a_state_nobody_has_heard_of(desk: Desk) -> None:
    assert (await result(desk, prompt="[[sim:unknown_state]]"))["status"] == "warming"


async def test_the_answer_can_wait_for_the_picture(desk: Desk) -> None:
    done = await accepted(
        desk, prompt="[[sim:slow=0.1]]", enable_sync_mode=True, enable_base64_output=True
    )

    assert done["status"] == "completed"
    assert seen(base64.b64decode(done["outputs"][0]))[0] == "PNG"


async def test_the_balance_goes_down(desk: Desk) -> None:
    before = (await desk.http.get("/api/v3/balance")).json()["data"]["balance"]
    await accepted(desk, prompt="a cat")
    after = (await desk.http.get("/api/v3/balance")).json()["data"]["balance"]

    assert round(before - after, 6) == 0.07


async def test_the_words_of_submits_can_be_searched(desk: Desk) -> None:
    await submit(desk, prompt="find me", colour=5, webhook="http://127.0.0.1:1/secret-hook")

    request = (await desk.view())["requests"][0]
    assert "find me" in request
    assert "secret-hook" in request
