"""OpenAI as simulated, strict and synchronous; its client is in test_sim_clients.py."""

import base64
from typing import Any

import httpx
import pytest

from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, alpha_mask, seen, sha256
from tests.support.waiting import eventually

pytestmark = pytest.mark.simulator("openai")


def wish(prompt: str = "a cat", **fields: Any) -> dict[str, Any]:
    return {"model": "gpt-image-1-mini", "prompt": prompt, "quality": "low"} | fields


async def generate(desk: Desk, prompt: str = "a cat", **fields: Any) -> httpx.Response:
    return await desk.http.post("/v1/images/generations", json=wish(prompt, **fields))


async def edit(desk: Desk, files: Any, **fields: Any) -> httpx.Response:
    given = {"model": "gpt-image-1.5", "prompt": "make it blue"} | fields
    return await desk.http.post("/v1/images/edits", data=given, files=files)


def image(content: bytes, name: str = "a.jpg", kind: str = "image/jpeg") -> Any:
    return (name, content, kind)


@pytest.mark.parametrize(
    ("fields", "kind", "size"),
    [
        ({"size": "1536x1024"}, "PNG", (1536, 1024)),
        ({"size": "1024x1536", "output_format": "jpeg"}, "JPEG", (1024, 1536)),
        ({"size": "auto", "output_format": "webp"}, "WEBP", (1024, 1024)),
        ({"model": "gpt-image-2", "size": "864x1536"}, "PNG", (864, 1536)),
    ],
)
async def test_a_picture_has_the_size_and_the_format_that_were_ordered(
    desk: Desk, fields: dict[str, Any], kind: str, size: tuple[int, int]
) -> None:
    answer = await generate(desk, **fields)

    made = answer.json()
    assert seen(base64.b64decode(made["data"][0]["b64_json"])) == (kind, size)
    assert (made["size"], made["quality"]) == (f"{size[0]}x{size[1]}", "low")
    assert answer.headers["x-request-id"].startswith("req_")


async def test_several_pictures_cost_several_times(desk: Desk) -> None:
    made = (await generate(desk, n=3)).json()

    assert len({item["b64_json"] for item in made["data"]}) == 3
    assert made["usage"]["output_tokens"] == 3 * 272
    assert await desk.charged_usd() == [0.015]
    shown = await desk.task()
    assert (shown["model"], shown["input"]["n"]) == ("gpt-image-1-mini", 3)


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"colour": "red"}, "unknown_parameter", "colour"),
        ({"response_format": "b64_json"}, "unknown_parameter", "response_format"),
        ({"input_fidelity": "high"}, "unknown_parameter", "input_fidelity"),
        ({"prompt": None}, "missing_required_parameter", "prompt"),
        ({"prompt": 5}, "invalid_type", "prompt"),
        ({"prompt": "x" * 32_001}, "string_above_max_length", "prompt"),
        ({"n": "2"}, "invalid_type", "n"),
        ({"n": True}, "invalid_type", "n"),
        ({"n": 11}, "integer_above_max_value", "n"),
        ({"n": 0}, "integer_below_min_value", "n"),
        ({"size": "512x512"}, "invalid_value", "size"),
        ({"size": "1536x864"}, "invalid_value", "size"),
        ({"model": "gpt-image-2", "size": "1000x1000"}, "invalid_value", "size"),
        ({"model": "gpt-image-2", "size": "3840x1024"}, "invalid_value", "size"),
        ({"model": "gpt-image-2", "size": "3840x3840"}, "invalid_value", "size"),
        ({"quality": "best"}, "invalid_value", "quality"),
        ({"output_format": "jpeg", "background": "transparent"}, "invalid_value", "background"),
    ],
)
async def test_a_wrong_parameter_is_named(
    desk: Desk, fields: dict[str, Any], code: str, param: str
) -> None:
    answer = await generate(desk, **fields)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)
    assert error["type"] == "invalid_request_error"
    assert (await desk.view())["tasks"] == []


async def test_a_retired_model_is_not_found(desk: Desk) -> None:
    answer = await generate(desk, model="dall-e-3")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


async def test_a_key_is_needed(desk: Desk) -> None:
    missing = await desk.anyone.post("/v1/images/generations", json=wish())
    wrong = await desk.anyone.get("/v1/models", headers={"Authorization": "Bearer sk-12345678"})

    assert (missing.status_code, wrong.status_code) == (401, 401)
    assert wrong.json()["error"]["code"] == "invalid_api_key"
    assert "12345678" not in wrong.text


@pytest.mark.parametrize(
    ("content", "kind"), [(b"{", "application/json"), (b"[]", "application/json"), (b"", "a/b")]
)
async def test_a_body_that_is_no_json_object_is_refused(
    desk: Desk, content: bytes, kind: str
) -> None:
    answer = await desk.http.post(
        "/v1/images/generations", content=content, headers={"Content-Type": kind}
    )

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


async def test_an_edit_shows_which_pictures_came_in_which_order(desk: Desk) -> None:
    first, second = picture(200, 100), picture(100, 200, kind="PNG")

    answer = await edit(
        desk,
        [("image[]", image(first)), ("image[]", image(second, "b.png", "image/png"))],
        n="2",
        input_fidelity="high",
    )

    assert answer.status_code == 200, answer.text
    assert len(answer.json()["data"]) == 2
    assert answer.json()["usage"]["input_tokens_details"]["image_tokens"] > 0
    task = await desk.task()
    assert (task["operation"], task["images"]) == ("merge", 2)
    assert task["input"]["images"] == [
        {
            "sha256": sha256(content),
            "size_bytes": len(content),
            "width": size[0],
            "height": size[1],
        }
        for content, size in ((first, (200, 100)), (second, (100, 200)))
    ]


GOOD = ("image", image(picture(64, 48)))


@pytest.mark.parametrize(
    ("files", "fields", "code"),
    [
        ([("image", (None, picture(), "image/jpeg"))], {}, "invalid_type"),
        ([("image", ("picture", picture(), None))], {}, "unsupported_file_mimetype"),
        ([("image", ("a.gif", picture(), "image/gif"))], {}, "unsupported_file_mimetype"),
        ([("image", image(b"words"))], {}, "invalid_image_file"),
        ([("image", image(picture()[:400]))], {}, "invalid_image_file"),
        ([("image[]", image(picture(9, 9)))] * 17, {}, "array_above_max_length"),
        ([GOOD, GOOD], {}, "duplicate_parameter"),
        ([("mask", image(alpha_mask(64, 48)))], {}, "missing_required_parameter"),
        ([GOOD], {"response_format": "b64_json"}, "unknown_parameter"),
        ([GOOD], {"n": "two"}, "invalid_type"),
        ([GOOD], {"n": "11"}, "integer_above_max_value"),
        ([GOOD], {"model": "gpt-image-2", "input_fidelity": "high"},
            "invalid_input_fidelity_model"),
        ([GOOD, ("mask", image(alpha_mask(48, 64), "m.png", "image/png"))], {},
            "invalid_mask_image_format"),
        ([GOOD, ("mask", image(picture(64, 48, kind="PNG"), "m.png", "image/png"))], {},
            "invalid_mask_image_format"),
    ],
)  # fmt: skip
async def test_a_wrong_form_is_refused(
    desk: Desk, files: Any, fields: dict[str, str], code: str
) -> None:
    answer = await edit(desk, files, **fields)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert await desk.charged_usd() == []


async def test_an_edit_is_a_form(desk: Desk) -> None:
    answer = await desk.http.post("/v1/images/edits", json=wish())

    assert answer.json()["error"]["code"] == "unsupported_content_type"


async def test_whoever_hangs_up_has_paid(desk: Desk) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await desk.http.post("/v1/images/generations", json=wish("[[sim:slow=600]]"), timeout=0.2)

    ledger: Any = await eventually(desk.charged_usd)
    assert len(ledger) == 1


@pytest.mark.parametrize(
    ("mark", "status", "code", "kind"),
    [
        ("moderated", 400, "moderation_blocked", "image_generation_user_error"),
        ("fail", 500, None, "server_error"),
        ("402", 429, "insufficient_quota", "insufficient_quota"),
        ("429=9", 429, "rate_limit_exceeded", "input-images"),
        ("5xx_on_submit=9", 503, None, "server_error"),
    ],
)
async def test_failures_are_in_openai_s_words_and_cost_nothing(
    desk: Desk, mark: str, status: int, code: str | None, kind: str
) -> None:
    answer = await generate(desk, f"a cat [[sim:{mark}]]")

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["type"]) == (status, code, kind)
    assert ("retry-after" in answer.headers) == (code == "rate_limit_exceeded")
    assert await desk.charged_usd() == []


async def test_the_first_submits_can_be_held_back(desk: Desk) -> None:
    answers = [await generate(desk, "[[sim:429=2]] [[sim:5xx_on_submit=1]]") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [503, 429, 429, 200]
    assert len(await desk.charged_usd()) == 1


@pytest.mark.parametrize("mark", ["malformed", "garbled_submit"])
async def test_a_broken_answer_is_charged(desk: Desk, mark: str) -> None:
    answer = await generate(desk, f"[[sim:{mark}]]")

    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()
    assert len(await desk.charged_usd()) == 1


async def test_a_cut_after_acceptance_is_charged(desk: Desk) -> None:
    with pytest.raises(httpx.TransportError):
        await generate(desk, "[[sim:drop_after_accept]]")

    assert len(await desk.charged_usd()) == 1


async def test_answers_can_be_empty_or_no_pictures(desk: Desk) -> None:
    empty = (await generate(desk, "[[sim:empty]]")).json()
    html = await generate(desk, "[[sim:html]]")
    null = (await generate(desk, "[[sim:null]]")).json()
    page = (await generate(desk, "[[sim:not_a_picture]]")).json()
    svg = (await generate(desk, "[[sim:svg]]")).json()

    assert empty["data"] == []
    assert html.text.startswith("<!doctype html>")
    assert null["data"] is None
    assert b"<!doctype" in base64.b64decode(page["data"][0]["b64_json"])
    assert b"<svg" in base64.b64decode(svg["data"][0]["b64_json"])
    assert len(await desk.charged_usd()) == 5


@pytest.mark.parametrize("mark", ["huge", "trickle", "stalled"])
async def test_an_answer_can_be_endless(desk: Desk, mark: str) -> None:
    body = wish(f"[[sim:{mark}]]")
    async with desk.http.stream("POST", "/v1/images/generations", json=body) as answer:
        first = await anext(answer.aiter_bytes())

    assert answer.status_code == 200
    assert first
    assert "Content-Length" not in answer.headers


async def test_marks_can_stand_in_the_settings(desk: Desk) -> None:
    await desk.set(marks="[[sim:moderated]]")

    assert (await generate(desk)).status_code == 400


async def test_the_words_of_submits_can_be_searched(desk: Desk) -> None:
    await generate(desk, "find me", colour="refused too")
    await edit(desk, [("image", image(picture(), "secret-name.jpg"))], prompt="and me")

    requests = (await desk.view())["requests"]
    assert "find me" in requests[0]
    assert "refused too" in requests[0]
    assert "prompt=and me" in requests[1]
    assert "secret-name.jpg" in requests[1]
    assert all(len(request) <= 2048 for request in requests)
