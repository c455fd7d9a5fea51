"""What the simulated Replicate refuses, fails and spoils, in its own words and at no charge."""

import json
from typing import Any

import httpx
import pytest

from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, data_uri
from tests.support.sim_replicate import (
    BANANA,
    ESRGAN,
    KONTEXT,
    SCHNELL,
    order,
    poll,
    submit,
)

pytestmark = pytest.mark.simulator("replicate")


async def test_a_key_is_needed_everywhere_but_for_results(desk: Desk) -> None:
    begun = await submit(desk, {"prompt": "p"})
    url = (await poll(desk, begun))["output"]

    refusals = [
        await desk.anyone.get(begun["urls"]["get"]),
        await desk.anyone.post(f"{desk.base_url}/v1/predictions", json={}),
        await desk.anyone.get(f"{desk.base_url}/v1/account", headers={"Authorization": "Bearer x"}),
    ]
    with_key = await desk.http.get(url)

    assert [refusal.status_code for refusal in refusals] == [401, 401, 401]
    assert refusals[0].json() == {
        "title": "Unauthenticated",
        "detail": "You did not pass a valid authentication token",
        "status": 401,
    }
    assert with_key.status_code == 400


@pytest.mark.parametrize(
    ("model", "given", "place", "kind", "text"),
    [
        (BANANA, {}, "input", "required", "prompt is required"),
        (
            BANANA,
            {"prompt": "p", "colour": "red"},
            "input",
            "additional_property_not_allowed",
            "Additional property colour is not allowed",
        ),
        (
            BANANA,
            {"prompt": 5},
            "input.prompt",
            "invalid_type",
            "Invalid type. Expected: string, given: integer",
        ),
        (
            BANANA,
            {"prompt": "p", "output_format": "webp"},
            "input.output_format",
            "enum",
            'output_format must be one of the following: "jpg", "png"',
        ),
        (
            BANANA,
            {"prompt": "p", "image_input": [data_uri(b"")] * 15},
            "input.image_input",
            "array_max_items",
            "Array must have at most 14 items",
        ),
        (
            BANANA,
            {"prompt": "p", "image_input": [7]},
            "input.image_input.0",
            "invalid_type",
            "Invalid type. Expected: string, given: integer",
        ),
        (
            BANANA,
            {"prompt": "p", "image_input": ["/etc/passwd"]},
            "input.image_input.0",
            "format",
            "Does not match format 'uri'",
        ),
        (
            SCHNELL,
            {"prompt": "p", "num_outputs": 5},
            "input.num_outputs",
            "number_lte",
            "Must be less than or equal to 4",
        ),
        (
            SCHNELL,
            {"prompt": "p", "num_outputs": True},
            "input.num_outputs",
            "invalid_type",
            "Invalid type. Expected: integer, given: boolean",
        ),
        (
            "bytedance/seedream-4.5",
            {"prompt": "p" * 4001},
            "input.prompt",
            "string_lte",
            "String length must be less than or equal to 4000",
        ),
        (
            KONTEXT,
            {"prompt": "p", "input_image": data_uri(bytes(1 << 20))},
            "input.input_image",
            "format",
            "Does not match format 'uri'",
        ),
    ],
)
async def test_a_wrong_input_is_named(
    desk: Desk, model: str, given: dict[str, Any], place: str, kind: str, text: str
) -> None:
    answer = await order(desk, given, model)

    assert answer.status_code == 422
    assert answer.json() == {
        "detail": f"- {place}: {text}\n",
        "status": 422,
        "title": "Input validation failed",
        "invalid_fields": [{"type": kind, "field": place, "description": text}],
    }
    view = await desk.view()
    assert (view["tasks"], view["ledger"]) == ([], [])


async def test_a_wrong_body_is_refused(desk: Desk) -> None:
    url = f"/v1/models/{BANANA}/predictions"
    answers = [
        await desk.http.post(url, content=b"{}", headers={"Content-Type": "text/plain"}),
        await desk.http.post(url, content=b"{", headers={"Content-Type": "application/json"}),
        await desk.http.post(url, json=[]),
        await desk.http.post(url, json={"prompt": "p"}),
        await desk.http.post(url, json={"input": {"prompt": "p"}, "version": ESRGAN}),
        await desk.http.post("/v1/predictions", json={"input": {"prompt": "p"}}),
        await order(desk, {"prompt": "p"}, webhook="http://example.org/hook"),
        await order(desk, {"prompt": "p"}, webhook_events_filter=["end"]),
        await desk.http.post(url, json={"input": {"prompt": "p"}}, headers={"Prefer": "wait=61"}),
    ]

    assert [answer.status_code for answer in answers] == [
        *(415, 400, 400, 422, 422, 422, 422, 422, 400)
    ]
    assert answers[3].json()["detail"] == (
        "- Additional property prompt is not allowed\n- input is required\n"
    )
    assert answers[5].json()["detail"] == "- version is required\n"
    assert (await desk.view())["tasks"] == []


async def test_what_does_not_exist_is_not_found(desk: Desk) -> None:
    answers = [
        await order(desk, {"prompt": "p"}, "google/nano-banana-3"),
        # A community model has no endpoint of its own.
        await order(desk, {"image": "x"}, "nightmareai/real-esrgan"),
        await desk.http.get("/v1/predictions/nothing"),
        await desk.http.post("/v1/predictions/nothing/cancel"),
        await desk.http.get("/v1/files/nothing"),
        await desk.http.get("/v1/dances"),
    ]
    unknown = {"version": "0" * 64, "input": {"prompt": "p"}}
    version = await desk.http.post("/v1/predictions", json=unknown)

    assert [answer.status_code for answer in answers] == [404] * 6
    assert version.status_code == 422
    assert version.json()["title"] == "Invalid version or not permitted"


@pytest.mark.parametrize(
    ("mark", "model", "error"),
    [
        ("moderated", BANANA, "flagged as sensitive"),
        ("moderated", BANANA, "(E005)"),
        ("moderated", SCHNELL, "NSFW content detected"),
        ("fail", BANANA, "(E1000)"),
        ("interrupted", BANANA, "Prediction interrupted; please retry (code: PA)"),
        ("e003", BANANA, "(E003)"),
    ],
)
async def test_a_failed_prediction_says_why_and_costs_nothing(
    desk: Desk, mark: str, model: str, error: str
) -> None:
    done = await poll(desk, await submit(desk, {"prompt": f"p [[sim:{mark}]]"}, model))

    assert (done["status"], done["output"]) == ("failed", None)
    assert error in done["error"]
    assert await desk.charged_usd() == []


async def test_a_slow_failure_comes_late(desk: Desk) -> None:
    begun = await submit(desk, {"prompt": "p [[sim:fail]] [[sim:slow=600]]"})

    assert (await poll(desk, begun))["status"] == "starting"


async def test_marks_in_the_settings_are_for_orders_without_words(desk: Desk) -> None:
    await desk.set(marks="[[sim:fail]]")
    given = {"image": data_uri(picture())}

    done = await poll(desk, await submit(desk, given, "topazlabs/image-upscale"))

    assert done["status"] == "failed"


@pytest.mark.parametrize("address", ["https://example.org/a.jpg", data_uri(b"words")])
async def test_an_input_that_is_no_picture_fails_the_prediction(desk: Desk, address: str) -> None:
    done = await poll(desk, await submit(desk, {"prompt": "p", "image_input": [address]}))

    assert done["status"] == "failed"
    assert await desk.charged_usd() == []


async def test_refusals_of_a_submit(desk: Desk) -> None:
    broke = await order(desk, {"prompt": "p [[sim:402]]"})
    held_back = [await order(desk, {"prompt": "p [[sim:429=2]]"}) for _ in range(3)]
    down = [await order(desk, {"prompt": "p [[sim:5xx_on_submit=1]]"}) for _ in range(2)]

    assert (broke.status_code, broke.json()["title"]) == (402, "Insufficient credit")
    assert [answer.status_code for answer in held_back] == [429, 429, 201]
    assert held_back[0].json()["detail"] == (
        "Request was throttled. Your rate limit resets in ~1s."
    )
    assert [answer.status_code for answer in down] == [503, 201]
    assert len(await desk.charged_usd()) == 2


async def test_an_answer_can_be_lost_or_garbled_after_the_charge(desk: Desk) -> None:
    with pytest.raises(httpx.TransportError):
        await order(desk, {"prompt": "p [[sim:drop_after_accept]]"})
    garbled = await order(desk, {"prompt": "p [[sim:garbled_submit]]"})

    with pytest.raises(json.JSONDecodeError):
        garbled.json()
    assert len(await desk.charged_usd()) == 2


async def test_polls_can_be_spoiled(desk: Desk) -> None:
    marks = "5xx_on_poll", "429_on_poll", "malformed", "html", "null", "unknown_state"
    begun = await submit(desk, {"prompt": " ".join(f"[[sim:{mark}=1]]" for mark in marks)})

    answers = [await desk.http.get(begun["urls"]["get"]) for _ in range(7)]

    assert [answer.status_code for answer in answers] == [503, 429, 200, 200, 200, 200, 200]
    with pytest.raises(json.JSONDecodeError):
        answers[2].json()
    assert answers[3].text.startswith("<!doctype html>")
    assert set(answers[4].json().values()) == {None}
    assert answers[5].json()["status"] == "hibernating"
    assert answers[6].json()["status"] == "succeeded"


async def test_expired_data_are_removed(desk: Desk) -> None:
    done = await poll(desk, await submit(desk, {"prompt": "p [[sim:expired]]"}))

    assert (done["status"], done["output"], done["data_removed"]) == ("succeeded", None, True)


async def test_a_wrong_upload_is_refused(desk: Desk) -> None:
    answers = [
        await desk.http.post("/v1/files", json={}),
        await desk.http.post("/v1/files", files={"file": ("a.jpg", b"a")}),
        await desk.http.post("/v1/files", files={"content": ("a" * 256, b"a")}),
        await desk.http.post("/v1/files", files={"content": ("a", bytes((100 << 20) + 1))}),
    ]

    assert [answer.status_code for answer in answers] == [415, 422, 422, 413]
