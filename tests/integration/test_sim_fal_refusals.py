"""What the simulated fal refuses, fails and spoils: told where the result would be, and free."""

import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, data_uri
from tests.support.sim_fal import BANANA, EDIT, SCHNELL, TOPAZ, finish, submit

pytestmark = pytest.mark.simulator("fal")
UNREADABLE = (
    "Failed to load the image. Please ensure the image file is not corrupted and is in a supported "
    "format."
)


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
