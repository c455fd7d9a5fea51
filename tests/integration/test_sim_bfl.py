"""Black Forest Labs as simulated: polled at another address than it was asked."""

from typing import Any

import httpx
import pytest

from imgbot.sandbox.simulators.bfl import Bfl
from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, data_uri, encoded, seen, sha256

pytestmark = pytest.mark.simulator("bfl")


async def submit(
    desk: Desk, prompt: Any = "a cat", *, model: str = "flux-2-pro", **fields: Any
) -> httpx.Response:
    return await desk.http.post(f"/v1/{model}", json={"prompt": prompt} | fields)


async def accepted(desk: Desk, prompt: str = "a cat", **fields: Any) -> dict[str, Any]:
    answer = await submit(desk, prompt, **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def result(desk: Desk, prompt: str = "a cat", **fields: Any) -> dict[str, Any]:
    task = await accepted(desk, prompt, **fields)
    return (await desk.http.get(task["polling_url"])).json()


async def file(desk: Desk, prompt: str = "a cat", **fields: Any) -> httpx.Response:
    ready = await result(desk, prompt, **fields)
    return await desk.anyone.get(ready["result"]["sample"])


async def test_a_task_is_ready_at_its_own_address(desk: Desk) -> None:
    task = await accepted(desk, width=512, height=768, seed=7)
    ready = (await desk.http.get(task["polling_url"])).json()
    sample = await desk.anyone.get(ready["result"]["sample"])

    assert "/sim/bfl/eu/v1/get_result?id=" in task["polling_url"]
    assert (ready["status"], ready["id"]) == ("Ready", task["id"])
    assert (ready["result"]["prompt"], ready["result"]["seed"]) == ("a cat", 7)
    assert seen(sample.content) == ("JPEG", (512, 768))
    assert await desk.charged_usd() == [0.03]
    assert task["cost"] == 3.0
    shown = await desk.task()
    assert (shown["model"], shown["operation"]) == ("flux-2-pro", "create")


async def test_the_global_host_does_not_know_the_task(desk: Desk) -> None:
    task = await accepted(desk)

    elsewhere = await desk.http.get("/v1/get_result", params={"id": task["id"]})
    nobody_s = await desk.http.get("/eu/v1/get_result", params={"id": "x"})
    nameless = await desk.http.get("/eu/v1/get_result")

    assert elsewhere.json()["status"] == nobody_s.json()["status"] == "Task not found"
    assert nameless.status_code == 422


async def test_a_slow_task_is_pending(desk: Desk) -> None:
    pending = await result(desk, "[[sim:slow=600]]")

    assert (pending["status"], pending["result"]) == ("Pending", None)


@pytest.mark.parametrize(
    ("model", "fields", "kind", "size"),
    [
        ("flux-2-max", {}, "JPEG", (1024, 1024)),
        ("flux-2-flex", {"steps": 20, "guidance": 4, "output_format": "png"}, "PNG", (1024, 1024)),
        ("flux-pro-1.1", {"width": 1440, "height": 256}, "JPEG", (1440, 256)),
        ("flux-pro-1.1", {}, "JPEG", (1024, 768)),
        ("flux-kontext-pro", {"aspect_ratio": "16:9"}, "JPEG", (1360, 768)),
    ],
)
async def test_a_picture_has_the_shape_that_was_ordered(
    desk: Desk, model: str, fields: dict[str, Any], kind: str, size: tuple[int, int]
) -> None:
    sample = await file(desk, model=model, **fields)

    assert seen(sample.content) == (kind, size)
    assert sample.headers["Content-Type"] == f"image/{kind.lower()}"


async def test_pictures_come_in_the_order_of_their_fields(desk: Desk) -> None:
    one, two = picture(320, 160), picture(64, 64, kind="PNG")

    task = await accepted(
        desk,
        input_image_2=data_uri(two, "png"),
        input_image=encoded(one),
    )
    sample = await desk.anyone.get(
        (await desk.http.get(task["polling_url"])).json()["result"]["sample"]
    )

    assert seen(sample.content)[1] == (320, 160)
    shown = await desk.task()
    assert (shown["operation"], shown["images"]) == ("merge", 2)
    assert shown["input"]["input_image"]["sha256"] == sha256(one)
    assert shown["input"]["input_image_2"]["width"] == 64
    assert task["input_mp"] > 0


@pytest.mark.parametrize(
    ("fields", "kind", "name"),
    [
        ({"prompt": None}, "missing", "prompt"),
        ({"prompt": 5}, "string_type", "prompt"),
        ({"colour": "red"}, "extra_forbidden", "colour"),
        ({"aspect_ratio": "16:9"}, "extra_forbidden", "aspect_ratio"),
        ({"width": "512"}, "int_type", "width"),
        ({"width": 32}, "greater_than_equal", "width"),
        ({"width": 520}, "multiple_of", "width"),
        ({"width": 4096, "height": 2048}, "value_error", "width"),
        ({"output_format": "webp"}, "enum", "output_format"),
        ({"safety_tolerance": 6}, "less_than_equal", "safety_tolerance"),
        ({"input_image": "https://example.org/a.jpg"}, "value_error", "input_image"),
        ({"input_image": encoded(b"words")}, "value_error", "input_image"),
        ({"input_image": encoded(picture()[:500])}, "value_error", "input_image"),
        ({"input_image_9": encoded(picture())}, "extra_forbidden", "input_image_9"),
        ({"model": "flux-kontext-pro", "aspect_ratio": "4:1"}, "value_error", "aspect_ratio"),
        ({"model": "flux-2-flex", "guidance": 1}, "greater_than_equal", "guidance"),
        ({"model": "flux-pro-1.1", "input_image": "x"}, "extra_forbidden", "input_image"),
    ],
)
async def test_a_wrong_field_is_named(
    desk: Desk, fields: dict[str, Any], kind: str, name: str
) -> None:
    answer = await submit(desk, **({"prompt": "a cat"} | fields))

    assert answer.status_code == 422
    detail = answer.json()["detail"][0]
    assert (detail["type"], detail["loc"]) == (kind, ["body", name])
    assert (await desk.view())["tasks"] == []


async def test_what_is_no_json_is_refused(desk: Desk) -> None:
    garbled = await desk.http.post(
        "/v1/flux-2-pro", content=b"{", headers={"Content-Type": "application/json"}
    )
    form = await desk.http.post("/v1/flux-2-pro", data={"prompt": "a cat"})

    assert garbled.json()["detail"][0]["type"] == "json_invalid"
    assert (garbled.status_code, form.status_code) == (422, 422)


async def test_a_key_and_a_known_model_are_needed(desk: Desk) -> None:
    body = {"prompt": "a cat"}
    without = await desk.anyone.post("/v1/flux-2-pro", json=body)
    wrong = await desk.anyone.post("/v1/flux-2-pro", json=body, headers={"x-key": "x"})
    task = await accepted(desk)
    poll = await desk.anyone.get(task["polling_url"])
    unknown = await submit(desk, model="flux-9")

    assert (without.status_code, wrong.status_code, poll.status_code) == (403, 403, 403)
    assert without.json()["detail"] == "Not authenticated"
    assert (unknown.status_code, unknown.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize(
    ("mark", "status"),
    [
        ("moderated", "Request Moderated"),
        ("content_moderated", "Content Moderated"),
        ("fail", "Error"),
    ],
)
async def test_a_failed_task_is_not_charged(desk: Desk, mark: str, status: str) -> None:
    ended = await result(desk, f"[[sim:{mark}]]")

    assert (ended["status"], ended["result"]) == (status, None)
    assert bool(ended["details"]) == (mark != "fail")
    assert await desk.charged_usd() == []


async def test_submits_can_be_refused(desk: Desk) -> None:
    poor = await submit(desk, "[[sim:402]]")
    answers = [await submit(desk, "[[sim:429=1]] [[sim:5xx_on_submit=1]]") for _ in range(3)]

    assert poor.status_code == 402
    assert [answer.status_code for answer in answers] == [503, 429, 200]
    assert answers[1].json() == {"error": "rate_limit_exceeded", "retry_after": 1}


async def test_so_many_tasks_at_once_and_no_more(desk: Desk) -> None:
    await desk.set(marks="[[sim:slow=600]]")

    answers = [await submit(desk, model="flux-kontext-max") for _ in range(7)]
    other = await submit(desk)

    assert [answer.status_code for answer in answers] == [200] * 6 + [429]
    assert other.status_code == 200


@pytest.mark.parametrize("mark", ["drop_after_accept", "garbled_submit"])
async def test_a_lost_answer_is_charged(desk: Desk, mark: str) -> None:
    with pytest.raises((httpx.TransportError, ValueError)):
        (await submit(desk, f"[[sim:{mark}]]")).json()

    assert len(await desk.charged_usd()) == 1


async def test_polls_can_fail_or_be_nonsense(desk: Desk) -> None:
    words = (
        "[[sim:5xx_on_poll=1]] [[sim:429_on_poll=1]] [[sim:not_found=1]] [[sim:polls=1]]"
        "[[sim:unknown_state=2]] [[sim:malformed]] [[sim:html]] [[sim:null]]"
    )
    url = (await accepted(desk, words))["polling_url"]

    answers = [await desk.http.get(url) for _ in range(8)]

    assert [answer.status_code for answer in answers] == [503, 429, *[200] * 6]
    assert answers[2].json()["status"] == "Task not found"
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answers[3].json()
    assert answers[4].text.startswith("<!doctype html>")
    assert answers[5].json()["status"] is None
    assert [answer.json()["status"] for answer in answers[6:]] == ["Ready", "Ready"]


async def test_unfinished_and_unknown_states(desk: Desk) -> None:
    url = (await accepted(desk, "[[sim:polls=2]] [[sim:unknown_state=1]]"))["polling_url"]

    states = [(await desk.http.get(url)).json()["status"] for _ in range(3)]

    assert states == ["Preparing", "Pending", "Ready"]


async def test_a_sample_is_public_and_expires(desk: Desk) -> None:
    fresh = (await result(desk))["result"]["sample"]
    with_key = await desk.http.get(fresh)
    simulator = desk.simulator
    assert isinstance(simulator, Bfl)
    simulator.sample_ttl_s = -1.0
    stale = (await result(desk))["result"]["sample"]

    assert with_key.status_code == 400
    assert (await desk.anyone.get(fresh)).status_code == 200
    assert (await desk.anyone.get(stale)).status_code == 403
    assert (await desk.anyone.get(fresh.partition("?")[0])).status_code == 403


async def test_credits_go_down(desk: Desk) -> None:
    before = (await desk.http.get("/v1/credits")).json()["credits"]
    await accepted(desk, model="flux-kontext-max")
    after = (await desk.http.get("/v1/credits")).json()["credits"]

    assert round(before - after, 4) == 8.0


async def test_the_words_of_submits_can_be_searched(desk: Desk) -> None:
    await submit(desk, "find me", input_image=encoded(picture()), webhook_secret="and me")

    request = (await desk.view())["requests"][0]
    assert "find me" in request
    assert "and me" in request
    assert encoded(picture()) not in request
