"""The simulated kie.ai: tasks become pictures, from files that were uploaded.

Its refusals and its callbacks have modules of their own.
"""

import json
from typing import Any

import pytest

from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, data_uri, encoded, seen, sha256
from tests.support.sim_kie import BANANA, OLD_EDIT, TOPAZ, poll, submit, upload

pytestmark = pytest.mark.simulator("kie")


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
