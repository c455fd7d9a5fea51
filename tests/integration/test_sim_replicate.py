"""The simulated Replicate: its API to the letter; its client is in test_sim_clients.py."""

import json
from typing import Any

import httpx
import pytest
from replicate.webhook import InvalidSignatureError, Webhooks, WebhookSigningSecret

from imgbot.sandbox.simulators.signing import replicate_headers
from tests.support.hook_catcher import Caught, HookCatcher
from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, data_uri, seen, sha256

pytestmark = pytest.mark.simulator("replicate")

BANANA = "google/nano-banana-2"
SCHNELL = "black-forest-labs/flux-schnell"
KONTEXT = "black-forest-labs/flux-kontext-pro"
ESRGAN = "42fed1c4974146d4d2414e2be2c5277c7fcf05fcc3a73abf41610695738c1d7b"
CODEFORMER = "cc4956dd26fa5a7185d5660cc9100fab1b8070a1d1654a8bb5eb6d443b020bb2"


async def order(
    desk: Desk, given: dict[str, Any], model: str = BANANA, **body: Any
) -> httpx.Response:
    return await desk.http.post(f"/v1/models/{model}/predictions", json={"input": given} | body)


async def submit(
    desk: Desk, given: dict[str, Any], model: str = BANANA, **body: Any
) -> dict[str, Any]:
    answer = await order(desk, given, model, **body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def submit_version(desk: Desk, version: str, given: dict[str, Any]) -> dict[str, Any]:
    body = {"version": version, "input": given}
    answer = await desk.http.post("/v1/predictions", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def poll(desk: Desk, prediction: dict[str, Any]) -> dict[str, Any]:
    answer = await desk.http.get(prediction["urls"]["get"])
    assert answer.status_code == 200, answer.text
    return answer.json()


async def fetch(desk: Desk, url: str) -> bytes:
    answer = await desk.anyone.get(url)
    assert answer.status_code == 200
    return answer.content


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


async def test_an_enormous_upscale_is_bounded(desk: Desk) -> None:
    begun = await submit_version(
        desk, ESRGAN, {"image": data_uri(picture(3000, 1500)), "scale": 10}
    )

    _, (width, height) = seen(await fetch(desk, (await poll(desk, begun))["output"]))

    assert (width == 2 * height, width * height <= 32_000_000) == (True, True)


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


async def test_a_wrong_upload_is_refused(desk: Desk) -> None:
    answers = [
        await desk.http.post("/v1/files", json={}),
        await desk.http.post("/v1/files", files={"file": ("a.jpg", b"a")}),
        await desk.http.post("/v1/files", files={"content": ("a" * 256, b"a")}),
        await desk.http.post("/v1/files", files={"content": ("a", bytes((100 << 20) + 1))}),
    ]

    assert [answer.status_code for answer in answers] == [415, 422, 422, 413]


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


def test_the_signature_is_that_of_the_test_vector() -> None:
    headers = replicate_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_1",
        1700000000,
        b'{"id":"p1","status":"succeeded"}',
    )

    assert headers["webhook-signature"] == "v1,ZRC2qXl9LPzGtO/eTF7TUjtZ+oS3hgUq/qh+JTx1CWs="


def is_genuine(caught: Caught, secret: WebhookSigningSecret) -> bool:
    """The judgement of Replicate's own client."""
    try:
        Webhooks.validate(
            headers=caught.headers, body=caught.body.decode(), secret=secret, tolerance=300
        )
    except InvalidSignatureError:
        return False
    return True


async def test_webhooks_tell_of_the_whole_life(desk: Desk, hooks: HookCatcher) -> None:
    begun = await submit(desk, {"prompt": "p"}, webhook=hooks.url)

    caught = await hooks.wait(3)

    secret = WebhookSigningSecret(**(await desk.http.get("/v1/webhooks/default/secret")).json())
    assert [is_genuine(one, secret) for one in caught] == [True] * 3
    bodies = [json.loads(one.body) for one in caught]
    assert {body["id"] for body in bodies} == {begun["id"]}
    assert sorted(body["status"] for body in bodies) == ["processing", "processing", "succeeded"]


@pytest.mark.parametrize(
    ("mark", "status", "genuine"),
    [
        ("", "succeeded", [True]),
        ("[[sim:fail]]", "failed", [True]),
        ("[[sim:duplicate_webhook]]", "succeeded", [True, True]),
        ("[[sim:forged_webhook]]", "succeeded", [False, True]),
    ],
)
async def test_the_completed_event_can_come_twice_or_forged(
    desk: Desk, hooks: HookCatcher, mark: str, status: str, genuine: list[bool]
) -> None:
    await submit(
        desk, {"prompt": f"p {mark}"}, webhook=hooks.url, webhook_events_filter=["completed"]
    )

    caught = await hooks.wait(len(genuine))

    secret = WebhookSigningSecret(**(await desk.http.get("/v1/webhooks/default/secret")).json())
    assert [is_genuine(one, secret) for one in caught] == genuine
    assert {json.loads(one.body)["status"] for one in caught} == {status}


async def test_a_cancelled_prediction_tells_so_at_once(desk: Desk, hooks: HookCatcher) -> None:
    begun = await submit(
        desk,
        {"prompt": "p [[sim:slow=600]]"},
        webhook=hooks.url,
        webhook_events_filter=["completed"],
    )

    await desk.http.post(begun["urls"]["cancel"])

    [caught] = await hooks.wait(1)
    assert json.loads(caught.body)["status"] == "aborted"
