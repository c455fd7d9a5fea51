"""The simulated fal: its queue, storage and webhooks; its client is in test_sim_clients.py."""

import base64
import hashlib
import io
import json
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from PIL import Image

from imgbot.sandbox.simulators.signing import fal_headers, fal_key_set
from tests.support.hook_catcher import Caught, HookCatcher
from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, data_uri, seen, sha256

pytestmark = pytest.mark.simulator("fal")

BANANA = "fal-ai/nano-banana-2"
EDIT = "fal-ai/nano-banana-2/edit"
SCHNELL = "fal-ai/flux/schnell"
TOPAZ = "fal-ai/topaz/upscale/image"
UNREADABLE = (
    "Failed to load the image. Please ensure the image file is not corrupted and is in a supported "
    "format."
)


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


async def test_a_key_is_needed(desk: Desk) -> None:
    begun = await submit(desk, {"prompt": "p !"})

    answers = [
        await desk.anyone.get(begun["status_url"]),
        await desk.anyone.post(f"{desk.base_url}/{BANANA}", json={"prompt": "p !"}),
        await desk.anyone.get(begun["status_url"], headers={"Authorization": f"Bearer {desk.key}"}),
        await desk.anyone.post(f"{desk.base_url}/rest/storage/auth/token", json={}),
    ]

    assert [answer.status_code for answer in answers] == [401] * 4
    assert answers[0].json()["detail"].startswith("Authentication is required")


@pytest.mark.parametrize(
    ("endpoint", "given", "place", "kind", "text"),
    [
        (BANANA, {}, ["body", "prompt"], "missing", "Field required"),
        (
            BANANA,
            {"prompt": "p !", "colour": 1},
            ["body", "colour"],
            "extra_forbidden",
            "Extra inputs are not permitted",
        ),
        (
            BANANA,
            {"prompt": "p !", "safety_tolerance": 4},
            ["body", "safety_tolerance"],
            "string_type",
            "Input should be a valid string",
        ),
        (
            BANANA,
            {"prompt": "p !", "num_images": 5},
            ["body", "num_images"],
            "less_than_equal",
            "Input should be less than or equal to 4",
        ),
        (
            BANANA,
            {"prompt": "p !", "output_format": "gif"},
            ["body", "output_format"],
            "literal_error",
            "Input should be 'jpeg', 'png' or 'webp'",
        ),
        (
            EDIT,
            {"prompt": "p !", "image_urls": ["https://a.org/a.jpg"] * 15},
            ["body", "image_urls"],
            "too_long",
            "List should have at most 14 items after validation, not 15",
        ),
        (
            EDIT,
            {"prompt": "p !", "image_urls": ["https://a.org/a.jpg"]},
            ["body", "image_urls", 0],
            "file_download_error",
            "Failed to download the file. Please check if the URL is accessible and try again.",
        ),
        (
            TOPAZ,
            {"image_url": data_uri(picture()[:300])},
            ["body", "image_url"],
            "image_load_error",
            UNREADABLE,
        ),
        (
            SCHNELL,
            {"prompt": "p", "image_size": {"width": 9, "height": 90}},
            ["body", "image_size", "width"],
            "greater_than_equal",
            "Input should be greater than or equal to 64",
        ),
    ],
)
async def test_what_is_wrong_stands_where_the_result_would_be(
    desk: Desk,
    endpoint: str,
    given: dict[str, Any],
    place: list[Any],
    kind: str,
    text: str,
) -> None:
    result = await finish(desk, given, endpoint)

    assert result.status_code == 422
    [entry] = result.json()["detail"]
    assert (entry["loc"], entry["type"], entry["msg"]) == (place, kind, text)
    assert entry["url"].endswith(f"#{kind}")
    assert result.headers["X-Fal-Retryable"] == "false"
    assert await desk.charged_usd() == []


async def test_what_does_not_exist_is_not_found(desk: Desk) -> None:
    app = await desk.http.post("/fal-ai/dance", json={"prompt": "p"})
    path = await finish(desk, {"prompt": "p"}, f"{BANANA}/dance")
    request = await desk.http.get(f"/{BANANA}/requests/nothing")
    cancel = await desk.http.put(f"/{BANANA}/requests/nothing/cancel")

    assert (app.status_code, app.json()["detail"]) == (
        404,
        "Application 'fal-ai/dance' not found",
    )
    assert (path.status_code, path.json()) == (404, {"detail": "Path /dance not found"})
    assert request.status_code == 404
    assert (cancel.status_code, cancel.json()) == (404, {"status": "NOT_FOUND"})


async def test_a_body_that_is_no_json_is_refused(desk: Desk) -> None:
    url = f"/{BANANA}"
    answers = [
        await desk.http.post(url, content=b"{}", headers={"Content-Type": "text/plain"}),
        await desk.http.post(url, content=b"{", headers={"Content-Type": "application/json"}),
    ]

    assert [answer.status_code for answer in answers] == [415, 400]


async def test_a_moderated_request_is_a_policy_violation(desk: Desk) -> None:
    result = await finish(desk, {"prompt": "p [[sim:moderated]]"})

    [entry] = result.json()["detail"]
    assert (result.status_code, entry["type"]) == (422, "content_policy_violation")
    assert await desk.charged_usd() == []


async def test_flux_returns_a_black_picture_instead(desk: Desk) -> None:
    result = await finish(desk, {"prompt": "p [[sim:moderated]]"}, SCHNELL)

    output = result.json()
    content = (await desk.anyone.get(output["images"][0]["url"])).content
    with Image.open(io.BytesIO(content)) as made:
        assert made.getextrema() == ((0, 0),) * 3
    assert (result.status_code, output["has_nsfw_concepts"]) == (200, [True])
    assert sum(await desk.charged_usd()) == 0


async def test_a_failure_is_completed_too(desk: Desk) -> None:
    result = await finish(desk, {"prompt": "p [[sim:fail]]"})

    assert (result.status_code, result.headers["X-Fal-Retryable"]) == (500, "true")
    assert result.json()["detail"][0]["type"] == "internal_server_error"
    assert await desk.charged_usd() == []


@pytest.mark.parametrize("mark", ["402", "locked"])
async def test_without_credit_the_user_is_locked(desk: Desk, mark: str) -> None:
    answer = await desk.http.post(f"/{BANANA}", json={"prompt": f"p [[sim:{mark}]]"})

    assert answer.status_code == 403
    assert answer.json()["detail"].startswith("User is locked. Reason: Exhausted balance.")
    assert (await desk.view())["tasks"] == []


async def test_submits_can_be_refused_lost_or_garbled(desk: Desk) -> None:
    async def order(mark: str) -> httpx.Response:
        return await desk.http.post(f"/{BANANA}", json={"prompt": f"p [[sim:{mark}]]"})

    held_back = [(await order("429=1")).status_code for _ in range(2)]
    down = [(await order("5xx_on_submit")).status_code for _ in range(2)]
    with pytest.raises(httpx.TransportError):
        await order("drop_after_accept")
    garbled = await order("garbled_submit")

    assert (held_back, down) == ([429, 200], [503, 200])
    with pytest.raises(json.JSONDecodeError):
        garbled.json()
    assert len(await desk.charged_usd()) == 4


async def test_polls_can_be_spoiled(desk: Desk) -> None:
    marks = "5xx_on_poll", "429_on_poll", "malformed", "html", "null", "unknown_state"
    begun = await submit(desk, {"prompt": " ".join(f"[[sim:{mark}=1]]" for mark in marks)})

    answers = [await desk.http.get(begun["status_url"]) for _ in range(7)]

    assert [answer.status_code for answer in answers] == [503, 429, 200, 200, 200, 202, 200]
    with pytest.raises(json.JSONDecodeError):
        answers[2].json()
    assert answers[3].text.startswith("<!doctype html>")
    assert set(answers[4].json().values()) == {None}
    assert answers[5].json()["status"] == "HIBERNATING"


async def test_files_can_be_gone(desk: Desk) -> None:
    output = (await finish(desk, {"prompt": "p [[sim:expired]]"})).json()

    assert (await desk.anyone.get(output["images"][0]["url"])).status_code == 404


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


def test_the_signature_is_that_of_the_test_vector() -> None:
    seed = bytes(range(32))
    body = b'{"request_id":"r1","status":"OK","payload":{"images":[{"url":"http://sim/1.png"}]}}'

    headers = fal_headers(seed, "r1", "u1", 1700000000, body)

    assert headers["X-Fal-Webhook-Signature"] == (
        "406cacbfbf84f007b2e7b6d185cbfe056efe6f7b9a40da9539e5903219d2374f"
        "c9c1c59d11322ad2d8e38e8f364a30277e4decc8d9f32dbd8ef1975fad2aa202"
    )
    assert fal_key_set(seed)["keys"][0]["x"] == "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"


def is_genuine(caught: Caught, keys: dict[str, Any]) -> bool:
    """Whether one of the keys made the signature, as fal's documentation has it checked."""
    names = ("request-id", "user-id", "timestamp")
    lines = [caught.headers[f"x-fal-webhook-{name}"] for name in names]
    message = "\n".join([*lines, hashlib.sha256(caught.body).hexdigest()]).encode()
    signature = bytes.fromhex(caught.headers["x-fal-webhook-signature"])
    for key in keys["keys"]:
        public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "="))
        try:
            public.verify(signature, message)
        except InvalidSignature:
            continue
        return True
    return False


@pytest.mark.parametrize(
    ("mark", "status", "genuine"),
    [
        ("", "OK", [True]),
        ("[[sim:moderated]]", "ERROR", [True]),
        ("[[sim:duplicate_webhook]]", "OK", [True, True]),
        ("[[sim:forged_webhook]]", "OK", [False, True]),
    ],
)
async def test_the_end_is_told_by_webhook(
    desk: Desk, hooks: HookCatcher, mark: str, status: str, genuine: list[bool]
) -> None:
    begun = await submit(desk, {"prompt": f"p ! {mark}"}, hook=hooks.url)

    caught = await hooks.wait(len(genuine))

    keys = (await desk.anyone.get(f"{desk.base_url}/rest/.well-known/jwks.json")).json()
    assert [is_genuine(one, keys) for one in caught] == genuine
    body = json.loads(caught[-1].body)
    assert (body["request_id"], body["status"]) == (begun["request_id"], status)
    if status == "ERROR":
        assert body["error"] == "Invalid status code: 422"
        assert body["payload"]["detail"][0]["type"] == "content_policy_violation"
    else:
        assert body["payload"]["images"][0]["url"].startswith(desk.base_url)
