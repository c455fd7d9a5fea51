"""The simulated Replicate: what is ordered becomes pictures, at a price, or is called off.

Its refusals, its webhooks and its own client have modules of their own.
"""

from typing import Any

import pytest

from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, data_uri, fetch, seen, sha256
from tests.support.sim_replicate import (
    BANANA,
    CODEFORMER,
    ESRGAN,
    KONTEXT,
    SCHNELL,
    order,
    poll,
    submit,
    submit_version,
)

pytestmark = pytest.mark.simulator("replicate")


async def test_a_prediction_starts_succeeds_and_is_charged_once(desk: Desk) -> None:
    begun = await submit(desk, {"prompt": "a cat", "aspect_ratio": "16:9"})
    done = await poll(desk, begun)
    kind, (width, height) = seen(await fetch(desk, done["output"]))

    assert (begun["status"], begun["output"], begun["version"]) == ("starting", None, "hidden")
    assert (done["status"], done["model"], done["error"]) == ("succeeded", BANANA, None)
    assert done["metrics"] == {"predict_time": 0.0}
    assert kind == "JPEG"
    assert round(width / height, 2) == 1.78
    ledger = (await desk.view())["ledger"]
    assert ledger == [
        {
            "task_id": begun["id"],
            "client_id": "",
            "operation": "create",
            "charged_usd": 0.08,
            "model": BANANA,
        }
    ]


async def test_a_slow_one_is_processing_in_between(desk: Desk) -> None:
    begun = await submit(desk, {"prompt": "a cat [[sim:polls=2]]"})

    states = [(await poll(desk, begun))["status"] for _ in range(3)]

    assert states == ["processing", "processing", "succeeded"]


@pytest.mark.parametrize(
    ("model", "given", "images", "operation"),
    [
        (BANANA, {"prompt": "p"}, 0, "create"),
        (BANANA, {"prompt": "p"}, 1, "edit"),
        (BANANA, {"prompt": "p"}, 3, "merge"),
        ("bytedance/seedream-4.5", {"prompt": "p", "size": "2K"}, 2, "merge"),
    ],
)
async def test_the_pictures_decide_what_a_generalist_does(
    desk: Desk, model: str, given: dict[str, Any], images: int, operation: str
) -> None:
    sent = [picture(100 + 10 * index, 80) for index in range(images)]

    await submit(desk, given | {"image_input": [data_uri(image) for image in sent]}, model)

    task = await desk.task()
    assert (task["operation"], task["model"], task["images"]) == (operation, model, images)
    assert [shown["sha256"] for shown in task["input"]["image_input"]] == [
        sha256(image) for image in sent
    ]
    assert [shown["width"] for shown in task["input"]["image_input"]] == [
        100 + 10 * index for index in range(images)
    ]


async def test_an_edit_has_the_shape_of_its_input(desk: Desk) -> None:
    given = {"prompt": "p", "input_image": data_uri(picture(600, 200)), "output_format": "png"}

    done = await poll(desk, await submit(desk, given, KONTEXT))

    kind, (width, height) = seen(await fetch(desk, done["output"]))
    assert (kind, round(width / height, 1)) == ("PNG", 3.0)


@pytest.mark.parametrize(
    ("factor", "size"), [("None", (100, 80)), ("2x", (200, 160)), ("4x", (400, 320))]
)
async def test_an_upscale_is_as_large_as_its_factor_says(
    desk: Desk, factor: str, size: tuple[int, int]
) -> None:
    given = {"image": data_uri(picture(100, 80)), "upscale_factor": factor}

    done = await poll(desk, await submit(desk, given, "topazlabs/image-upscale"))

    assert seen(await fetch(desk, done["output"])) == ("JPEG", size)
    assert (await desk.task())["operation"] == "upscale"


async def test_a_large_upscale_has_its_real_size(desk: Desk) -> None:
    begun = await submit_version(desk, ESRGAN, {"image": data_uri(picture(2560, 1920)), "scale": 4})

    _, size = seen(await fetch(desk, (await poll(desk, begun))["output"]))

    assert size == (10_240, 7_680)


async def test_an_enormous_upscale_is_refused_and_costs_nothing(desk: Desk) -> None:
    given = {"image": data_uri(picture(3000, 1500)), "scale": 10}
    answer = await desk.http.post("/v1/predictions", json={"version": ESRGAN, "input": given})

    assert answer.status_code == 422
    assert (await desk.view())["ledger"] == []


@pytest.mark.parametrize(
    ("version", "given", "operation", "size"),
    [
        (ESRGAN, {"scale": 2}, "upscale", (200, 160)),
        (f"nightmareai/real-esrgan:{ESRGAN}", {}, "upscale", (400, 320)),
        (CODEFORMER, {"codeformer_fidelity": 0.7, "upscale": 1}, "retouch", (100, 80)),
    ],
)
async def test_community_models_are_ordered_by_version(
    desk: Desk,
    version: str,
    given: dict[str, Any],
    operation: str,
    size: tuple[int, int],
) -> None:
    begun = await submit_version(desk, version, given | {"image": data_uri(picture(100, 80))})

    done = await poll(desk, begun)

    assert done["version"] == version.rpartition(":")[2]
    assert seen(await fetch(desk, done["output"])) == ("JPEG", size)
    assert (await desk.task())["operation"] == operation


async def test_restoring_keeps_the_size(desk: Desk) -> None:
    given = {"input_image": data_uri(picture(300, 200)), "output_format": "jpg"}

    done = await poll(desk, await submit(desk, given, "flux-kontext-apps/restore-image"))

    assert seen(await fetch(desk, done["output"])) == ("JPEG", (300, 200))


async def test_several_outputs_are_a_list_of_different_pictures(desk: Desk) -> None:
    given = {"prompt": "p", "num_outputs": 3, "output_format": "webp"}

    done = await poll(desk, await submit(desk, given, SCHNELL))

    files = [await fetch(desk, url) for url in done["output"]]
    assert len({sha256(file) for file in files}) == 3
    assert seen(files[0])[0] == "WEBP"
    assert await desk.charged_usd() == [0.009]


async def test_a_cancelled_start_is_aborted_and_free(desk: Desk) -> None:
    begun = await submit(desk, {"prompt": "p [[sim:slow=600]]"})

    cancelled = await desk.http.post(begun["urls"]["cancel"])

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "aborted")
    assert (await poll(desk, begun))["status"] == "aborted"
    assert await desk.charged_usd() == []


async def test_what_runs_is_canceled_and_charged(desk: Desk) -> None:
    begun = await submit(desk, {"prompt": "p [[sim:polls=9]]"})
    assert (await poll(desk, begun))["status"] == "processing"

    cancelled = await desk.http.post(begun["urls"]["cancel"])

    assert cancelled.json()["status"] == "canceled"
    assert await desk.charged_usd() == [0.08]


async def test_a_late_cancel_changes_nothing(desk: Desk) -> None:
    begun = await submit(desk, {"prompt": "p"})

    cancelled = await desk.http.post(begun["urls"]["cancel"])

    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "succeeded")


@pytest.mark.parametrize(("slow", "state"), [("0.3", "succeeded"), ("600", "starting")])
async def test_a_submit_can_wait_for_the_result(desk: Desk, slow: str, state: str) -> None:
    answer = await desk.http.post(
        f"/v1/models/{BANANA}/predictions",
        json={"input": {"prompt": f"p [[sim:slow={slow}]]"}},
        headers={"Prefer": "wait=1"},
    )

    assert answer.json()["status"] == state


async def test_uploads_are_inputs(desk: Desk) -> None:
    content = picture(120, 90)
    kept = await desk.http.post(
        "/v1/files",
        files={"content": ("cat.jpg", content, "image/jpeg")},
        data={"metadata": '{"job": 7}'},
    )
    file = kept.json()
    await submit(desk, {"prompt": "p", "image_input": [file["urls"]["get"]]})
    shown = (await desk.http.get(file["urls"]["get"])).json()
    deleted = await desk.http.delete(file["urls"]["get"])
    gone = await desk.http.get(file["urls"]["get"])

    assert kept.status_code == 201
    assert (file["size"], file["checksums"]) == (len(content), {"sha256": sha256(content)})
    assert (shown["metadata"], shown["content_type"]) == ({"job": 7}, "image/jpeg")
    assert (deleted.status_code, gone.status_code) == (204, 404)
    received = (await desk.task())["input"]["image_input"]
    assert received == [
        {"sha256": sha256(content), "bytes": len(content), "via": "url", "width": 120, "height": 90}
    ]


async def test_a_result_is_an_input_again(desk: Desk) -> None:
    first = await poll(desk, await submit(desk, {"prompt": "p"}))
    content = await fetch(desk, first["output"])

    await submit(desk, {"prompt": "q", "image_input": [first["output"]]})

    assert (await desk.task())["input"]["image_input"][0]["sha256"] == sha256(content)


async def test_submits_are_kept_for_a_look(desk: Desk) -> None:
    await submit(desk, {"prompt": "p " * 5000})
    await order(desk, {"nonsense": 1})

    kept = (await desk.view())["requests"]

    assert len(kept[0]) == 2048
    url = f"/sim/replicate/v1/models/{BANANA}/predictions"
    assert kept[1] == f'POST {url}\n{{"input":{{"nonsense":1}}}}'


async def test_the_schema_names_the_fields(desk: Desk) -> None:
    described = (await desk.http.get(f"/v1/models/{SCHNELL}")).json()

    schema = described["latest_version"]["openapi_schema"]["components"]["schemas"]
    assert schema["Input"]["required"] == ["prompt"]
    assert schema["Input"]["properties"]["num_outputs"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 4,
        "default": 1,
    }
    assert schema["Output"]["type"] == "array"
