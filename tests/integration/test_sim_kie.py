"""The simulated kie.ai: HTTP 200 whatever happens, and the code in the body."""

import base64
import hmac
import json
from typing import Any

import httpx
import pytest

from imgbot.sandbox.simulators.kie import Kie
from imgbot.sandbox.simulators.signing import kie_headers
from tests.support.hook_catcher import Caught, HookCatcher
from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, data_uri, encoded, seen, sha256

pytestmark = pytest.mark.simulator("kie")

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


async def result_of(desk: Desk, task_id: str) -> tuple[str, tuple[int, int]]:
    """Format and size of the picture that a finished task has made."""
    record = await poll(desk, task_id)
    assert record["state"] == "success", record
    [url] = json.loads(record["resultJson"])["resultUrls"]
    answer = await desk.anyone.get(url)
    assert answer.status_code == 200
    return seen(answer.content)


async def test_a_task_becomes_a_picture_and_one_charge(desk: Desk) -> None:
    given = {"prompt": "a cat", "image_input": [], "aspect_ratio": "16:9", "output_format": "png"}
    task_id = await submit(desk, given)

    record = await poll(desk, task_id)
    kind, (width, height) = await result_of(desk, task_id)

    assert (kind, round(width / height, 2)) == ("PNG", 1.78)
    assert (record["creditsConsumed"], record["failCode"], record["progress"]) == (8, None, 100)
    assert json.loads(record["param"])["input"]["prompt"] == "a cat"
    assert (await desk.view())["ledger"] == [
        {
            "task_id": task_id,
            "client_id": "",
            "operation": "create",
            "charged_usd": 0.04,
            "model": BANANA,
        }
    ]
    credit = await desk.http.get("/api/v1/chat/credit")
    assert credit.json() == {"code": 200, "msg": "success", "data": 9992.0}


async def test_a_task_passes_through_its_states(desk: Desk) -> None:
    slow = await submit(desk, {"prompt": "p [[sim:slow=600]]"})
    held = await submit(desk, {"prompt": "p [[sim:polls=1]]"})

    records = [await poll(desk, slow), await poll(desk, held), await poll(desk, held)]

    assert [record["state"] for record in records] == ["queuing", "generating", "success"]
    assert records[0]["resultJson"] == ""


@pytest.mark.parametrize(("images", "operation"), [(0, "create"), (1, "edit"), (3, "merge")])
async def test_the_pictures_decide_what_a_generalist_does(
    desk: Desk, images: int, operation: str
) -> None:
    sent = [picture(100 + 10 * index, 80) for index in range(images)]
    urls = [await upload(desk, image, f"{index}.jpg") for index, image in enumerate(sent)]

    await submit(desk, {"prompt": "p", "image_input": urls})

    task = await desk.task()
    assert (task["operation"], task["images"]) == (operation, images)
    assert [shown["sha256"] for shown in task["input"]["image_input"]] == [
        sha256(image) for image in sent
    ]


@pytest.mark.parametrize(
    ("model", "given", "operation", "size", "price"),
    [
        (TOPAZ, {"upscale_factor": "2"}, "upscale", (200, 160), 10),
        (TOPAZ, {"upscale_factor": "8"}, "upscale", (800, 640), 40),
        ("recraft/crisp-upscale", {}, "upscale", (400, 320), 0.5),
        (OLD_EDIT, {"prompt": "p", "image_size": "1:1"}, "edit", (768, 768), 4),
    ],
)
async def test_each_model_names_its_picture_in_its_own_way(
    desk: Desk,
    model: str,
    given: dict[str, Any],
    operation: str,
    size: tuple[int, int],
    price: float,
) -> None:
    url = await upload(desk, picture(100, 80))
    name = {TOPAZ: "image_url", OLD_EDIT: "image_urls"}.get(model, "image")
    task_id = await submit(desk, given | {name: [url] if name == "image_urls" else url}, model)

    assert (await result_of(desk, task_id))[1] == size
    assert (await desk.task())["operation"] == operation
    assert await desk.charged_usd() == [price * 0.005]


@pytest.mark.parametrize(
    ("model", "given"),
    [("google/nano-banana", {"image_size": "3:2"}), ("z-image", {"aspect_ratio": "4:3"})],
)
async def test_simple_models_create(desk: Desk, model: str, given: dict[str, Any]) -> None:
    task_id = await submit(desk, given | {"prompt": "p"}, model)

    _, (width, height) = await result_of(desk, task_id)
    assert width > height
    assert (await desk.task())["operation"] == "create"


async def test_unknown_fields_are_ignored_and_told_to_the_control_interface(
    desk: Desk,
) -> None:
    task_id = await submit(desk, {"prompt": "p", "image_size": "1:1", "colour": "red"})

    view = await desk.view()
    assert view["ignored"] == [
        {"task_id": task_id, "model": BANANA, "fields": ["image_size", "colour"]}
    ]
    assert '"colour":"red"' in view["requests"][0]


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

    assert (held_back, down) == ([429, 429, 200], [500, 200])
    with pytest.raises(json.JSONDecodeError):
        garbled.json()
    assert len(await desk.charged_usd()) == 4


async def test_polls_can_be_spoiled(desk: Desk) -> None:
    marks = "5xx_on_poll", "429_on_poll", "malformed", "html", "null", "unknown_state"
    words = " ".join(f"[[sim:{mark}=1]]" for mark in marks)
    params = {"taskId": await submit(desk, {"prompt": f"p {words}"})}

    answers = [await desk.http.get(f"{JOBS}/recordInfo", params=params) for _ in range(7)]

    assert [told(answer)[0] for answer in answers[:2]] == [500, 429]
    with pytest.raises(json.JSONDecodeError):
        answers[2].json()
    assert answers[3].text.startswith("<!doctype html>")
    assert answers[4].json() == {"code": None, "msg": None, "data": None}
    assert [answer.json()["data"]["state"] for answer in answers[5:]] == ["hibernating", "success"]


async def test_an_upload_of_the_same_name_overwrites(desk: Desk) -> None:
    first, second = picture(100, 80), picture(80, 100)

    url = await upload(desk, first)
    again = await upload(desk, second)

    assert (await desk.anyone.get(url)).content == second
    assert again == url
    assert [one["sha256"] for one in (await desk.view())["uploads"]] == [sha256(second)]


async def test_files_are_uploaded_as_base64_and_by_address(desk: Desk) -> None:
    content = picture()
    texts = [data_uri(content), encoded(content)]

    kept = [
        await desk.http.post(
            "/upload/api/file-base64-upload", json={"base64Data": text, "uploadPath": "a"}
        )
        for text in texts
    ]
    copied = await desk.http.post(
        "/upload/api/file-url-upload",
        json={
            "fileUrl": kept[0].json()["data"]["downloadUrl"],
            "uploadPath": "b",
            "fileName": "c.jpg",
        },
    )

    urls = [answer.json()["data"]["downloadUrl"] for answer in (*kept, copied)]
    assert len(set(urls)) == 3
    assert {(await desk.anyone.get(url)).content for url in urls} == {content}
    assert copied.json()["data"]["filePath"] == "b/c.jpg"


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


def test_the_signature_is_that_of_the_test_vector() -> None:
    headers = kie_headers("kie-test-key", "task_1", 1700000000)

    assert headers["X-Webhook-Signature"] == "hVacQaZe8PsGNhGRtasNSQSP/NhvJdj8ZX+/p6m2rBg="


def is_genuine(caught: Caught, key: str) -> bool:
    task_id = json.loads(caught.body)["data"]["taskId"]
    signed = f"{task_id}.{caught.headers['x-webhook-timestamp']}".encode()
    expected = base64.b64encode(hmac.digest(key.encode(), signed, "sha256")).decode()
    return hmac.compare_digest(expected, caught.headers["x-webhook-signature"])


@pytest.mark.parametrize(
    ("mark", "code", "genuine"),
    [
        ("", 200, [True]),
        ("[[sim:fail]]", 501, [True]),
        ("[[sim:duplicate_webhook]]", 200, [True, True]),
        ("[[sim:forged_webhook]]", 200, [False, True]),
    ],
)
async def test_the_end_is_told_by_callback(
    desk: Desk, hooks: HookCatcher, mark: str, code: int, genuine: list[bool]
) -> None:
    simulator = desk.simulator
    assert isinstance(simulator, Kie)
    task_id = await submit(desk, {"prompt": f"p {mark}"}, callBackUrl=hooks.url)

    caught = await hooks.wait(len(genuine))

    assert [is_genuine(one, simulator.hook_key) for one in caught] == genuine
    body = json.loads(caught[-1].body)
    assert (body["code"], body["data"]["taskId"]) == (code, task_id)
