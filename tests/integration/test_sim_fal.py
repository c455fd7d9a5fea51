"""The simulated fal: a request goes through the queue and becomes pictures, or is called off.

Its refusals, its webhooks and its own client have modules of their own.
"""

import base64
from typing import Any

import pytest

from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, data_uri, seen, sha256
from tests.support.sim_fal import BANANA, EDIT, SCHNELL, TOPAZ, fetch, finish, submit

pytestmark = pytest.mark.simulator("fal")


async def test_a_request_goes_through_the_queue_and_is_charged_once(desk: Desk) -> None:
    begun = await submit(desk, {"prompt": "a cat [[sim:polls=2]]", "aspect_ratio": "16:9"})

    early = await desk.http.get(begun["response_url"])
    polls = [await desk.http.get(begun["status_url"], params={"logs": 1}) for _ in range(3)]
    result = await desk.http.get(begun["response_url"])

    assert begun["status"] == "IN_QUEUE"
    assert begun["status_url"] == f"{desk.base_url}/{BANANA}/requests/{begun['request_id']}/status"
    assert (early.status_code, early.json()) == (400, {"detail": "Request is still in progress"})
    assert [(poll.status_code, poll.json()["status"]) for poll in polls] == [
        (202, "IN_PROGRESS"),
        (202, "IN_PROGRESS"),
        (200, "COMPLETED"),
    ]
    assert polls[2].json()["metrics"] == {"inference_time": 0.0}
    kind, (width, height) = await fetch(desk, result.json()["images"][0])
    assert (kind, round(width / height, 2)) == ("PNG", 1.78)
    assert (await desk.view())["ledger"] == [
        {
            "task_id": begun["request_id"],
            "client_id": "",
            "operation": "create",
            "charged_usd": 0.08,
            "model": BANANA,
        }
    ]


async def test_a_slow_request_waits_in_the_queue(desk: Desk) -> None:
    begun = await submit(desk, {"prompt": "a cat [[sim:slow=600]]"})

    status = await desk.http.get(begun["status_url"])

    assert (status.status_code, status.json()["queue_position"]) == (202, 0)


async def test_requests_are_found_under_the_application_alone(desk: Desk) -> None:
    given = {"prompt": "p !", "image_urls": [data_uri(picture())]}
    begun = await submit(desk, given, EDIT)
    found = f"/requests/{begun['request_id']}"

    below = await desk.http.get(f"/{EDIT}{found}/status")
    elsewhere = await desk.http.get(f"/fal-ai/flux{found}/status")
    right = await desk.http.get(f"/{BANANA}{found}/status")

    assert begun["status_url"] == f"{desk.base_url}/{BANANA}{found}/status"
    assert [answer.status_code for answer in (below, elsewhere, right)] == [405, 404, 200]


@pytest.mark.parametrize(("images", "operation"), [(1, "edit"), (3, "merge")])
async def test_pictures_are_received_in_order(desk: Desk, images: int, operation: str) -> None:
    sent = [picture(100 + 10 * index, 80) for index in range(images)]
    given = {"prompt": "put 1 into 2", "image_urls": [data_uri(image) for image in sent]}

    result = await finish(desk, given, EDIT)

    task = await desk.task()
    assert (task["operation"], task["model"]) == (operation, EDIT)
    assert [shown["sha256"] for shown in task["input"]["image_urls"]] == [
        sha256(image) for image in sent
    ]
    _, (width, height) = await fetch(desk, result.json()["images"][0])
    assert round(width / height, 2) == 1.25


@pytest.mark.parametrize(
    ("endpoint", "given", "key", "operation", "size"),
    [
        (TOPAZ, {"upscale_factor": 4}, "image", "upscale", (400, 320)),
        ("fal-ai/esrgan", {}, "image", "upscale", (200, 160)),
        (
            "fal-ai/seedvr/upscale/image",
            {"upscale_mode": "factor", "upscale_factor": 1.5},
            "image",
            "upscale",
            (150, 120),
        ),
        ("fal-ai/codeformer", {"upscale_factor": 1}, "image", "retouch", (100, 80)),
        ("fal-ai/image-apps-v2/photo-restoration", {}, "images", "retouch", (100, 80)),
    ],
)
async def test_tools_take_one_picture(
    desk: Desk,
    endpoint: str,
    given: dict[str, Any],
    key: str,
    operation: str,
    size: tuple[int, int],
) -> None:
    result = await finish(desk, given | {"image_url": data_uri(picture(100, 80))}, endpoint)

    output = result.json()[key]
    _, made = await fetch(desk, output[0] if key == "images" else output)
    assert made == size
    assert (await desk.task())["operation"] == operation


async def test_several_pictures_of_a_named_size(desk: Desk) -> None:
    given = {"prompt": "p", "num_images": 2, "image_size": "portrait_4_3"}

    output = (await finish(desk, given, SCHNELL)).json()

    assert [await fetch(desk, file) for file in output["images"]] == [("JPEG", (768, 1024))] * 2
    assert output["has_nsfw_concepts"] == [False, False]
    assert await desk.charged_usd() == [0.006]


async def test_a_size_in_pixels_and_pictures_within_the_answer(desk: Desk) -> None:
    given = {"prompt": "p", "image_size": {"width": 320, "height": 200}, "sync_mode": True}

    output = (await finish(desk, given, SCHNELL)).json()

    head, _, text = output["images"][0]["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    assert seen(base64.b64decode(text)) == ("JPEG", (320, 200))


async def test_cancelling_in_the_queue_is_free_and_may_come_too_late(desk: Desk) -> None:
    waiting = await submit(desk, {"prompt": "p [[sim:slow=600]]"})
    running = await submit(desk, {"prompt": "p [[sim:polls=9]]"})
    over = await submit(desk, {"prompt": "p !"})

    answers = [await desk.http.put(one["cancel_url"]) for one in (waiting, running, over)]
    status = await desk.http.get(waiting["status_url"])
    result = await desk.http.get(waiting["response_url"])

    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [
        (202, "CANCELLATION_REQUESTED"),
        (202, "CANCELLATION_REQUESTED"),
        (400, "ALREADY_COMPLETED"),
    ]
    assert status.json()["error_type"] == "client_cancelled"
    assert result.status_code == 499
    assert len(await desk.charged_usd()) == 2


async def make_token(desk: Desk) -> dict[str, Any]:
    url = "/rest/storage/auth/token"
    answer = await desk.http.post(url, params={"storage_type": "fal-cdn-v3"}, json={})
    return answer.json()


async def test_an_upload_needs_a_token_and_is_an_input(desk: Desk) -> None:
    content, token = picture(120, 90), await make_token(desk)
    headers = {
        "Authorization": f"{token['token_type']} {token['token']}",
        "Content-Type": "image/jpeg",
        "X-Fal-File-Name": "a cat.jpg",
    }
    url = f"{token['base_url']}/files/upload"

    kept = await desk.anyone.post(url, content=content, headers=headers)
    with_key = await desk.http.post(url, content=content)
    address = kept.json()["access_url"]
    shown = await desk.anyone.get(address)
    await finish(desk, {"prompt": "p !", "image_urls": [address]}, EDIT)

    assert (kept.status_code, with_key.status_code) == (200, 401)
    assert (shown.content, shown.headers["Content-Type"]) == (content, "image/jpeg")
    received = (await desk.task())["input"]["image_urls"]
    assert (received[0]["sha256"], received[0]["via"]) == (sha256(content), "url")


async def test_the_balance_is_a_number(desk: Desk) -> None:
    assert (await desk.http.get("/rest/billing/user_balance")).json() == 42.5
