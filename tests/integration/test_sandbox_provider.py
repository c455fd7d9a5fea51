"""The simulated provider: strict, priced, and faulty on demand."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from imgbot.sandbox.provider import KEY
from tests.fixtures.sandbox import Control, data_uri, open_sandbox, picture, seen

Desk = tuple[Control, httpx.AsyncClient]


@pytest.fixture
async def desk() -> AsyncGenerator[Desk]:
    async with (
        open_sandbox() as (sandbox, control),
        httpx.AsyncClient(
            base_url=f"{sandbox.url}/provider", headers={"Authorization": f"Bearer {KEY}"}
        ) as http,
    ):
        await control.set_provider(duration_s=[0, 0])
        yield control, http


def order(words: str = "a cat", **fields: Any) -> dict[str, Any]:
    return {"operation": "create", "words": words, "client_id": "job-1"} | fields


async def submit(http: httpx.AsyncClient, words: str = "a cat", **fields: Any) -> str:
    answer = await http.post("/tasks", json=order(words, **fields))
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def poll(http: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    return (await http.get(f"/tasks/{task_id}")).json()


async def test_a_task_becomes_a_picture_and_one_charge(desk: Desk) -> None:
    control, http = desk

    task_id = await submit(http, images=[data_uri(picture())], scale=4, seed=7)
    done = await poll(http, task_id)
    async with httpx.AsyncClient() as anyone:
        file = await anyone.get(done["output"][0])

    assert (done["status"], done["progress"], done["error"]) == ("succeeded", 1.0, None)
    kind, size = seen(file.content)
    assert (kind, min(size) >= 512) == ("JPEG", True)
    view = await control.provider()
    assert view["ledger"] == [
        {"task_id": task_id, "client_id": "job-1", "operation": "create", "charged_usd": 0.04}
    ]
    assert view["tasks"][0]["images"] == 1


async def test_a_slow_task_passes_through_its_states(desk: Desk) -> None:
    _, http = desk
    task_id = await submit(http, "[[sim:slow=600]]")

    begun = await poll(http, task_id)
    cancelled = await http.post(f"/tasks/{task_id}/cancel")
    ended = await poll(http, task_id)
    again = await http.post(f"/tasks/{task_id}/cancel")

    assert (begun["status"], begun["output"]) == ("queued", None)
    assert begun["progress"] < 0.1
    assert cancelled.json() == {"status": "cancelled"}
    assert (ended["status"], ended["error"]["code"]) == ("failed", "cancelled")
    assert again.json() == {"status": "too_late"}


async def test_a_key_is_needed_everywhere_but_for_files(desk: Desk) -> None:
    _, http = desk
    task_id = await submit(http)

    async with httpx.AsyncClient(base_url=http.base_url) as stranger:
        refused = await stranger.post("/tasks", json=order())
    with_key = await http.get(f"/files/{task_id}.jpg")

    assert refused.status_code == 401
    assert with_key.status_code == 400


@pytest.mark.parametrize(
    "fields",
    [
        {"operation": "dance"},
        {"operation": None},
        {"words": 5},
        {"scale": "2"},
        {"seed": -1},
        {"colour": "red"},
        {"images": "x"},
        {"images": ["https://example.org/a.jpg"]},
        {"images": ["data:image/jpeg;base64,%%%"]},
        {"images": [data_uri(b"words")]},
        {"images": [data_uri(picture()[:500])]},
    ],
)
async def test_a_wrong_order_is_invalid(desk: Desk, fields: dict[str, Any]) -> None:
    control, http = desk

    answer = await http.post("/tasks", json=order(**fields))

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
    assert (await control.provider())["ledger"] == []


async def test_a_body_over_forty_megabytes_is_too_large(desk: Desk) -> None:
    _, http = desk

    answer = await http.post("/tasks", content=bytes(40 * 2**20 + 1))

    assert answer.status_code == 413


@pytest.mark.parametrize(("is_on", "tasks"), [(True, 1), (False, 2)])
async def test_the_idempotency_key_makes_one_task(desk: Desk, is_on: bool, tasks: int) -> None:
    control, http = desk
    await control.set_provider(idempotency=is_on)
    key = {"Idempotency-Key": "job-1"}

    first = await http.post("/tasks", json=order(), headers=key)
    second = await http.post("/tasks", json=order(), headers=key)

    assert (first.status_code, second.status_code) == (201, 200 if is_on else 201)
    view = await control.provider()
    assert len(view["ledger"]) == len(view["tasks"]) == tasks
    assert view["tasks"][0]["submits"] == 3 - tasks


async def test_tasks_are_found_by_the_id_of_the_client(desk: Desk) -> None:
    control, http = desk
    task_id = await submit(http)
    await submit(http, client_id="job-2")

    found = (await http.get("/tasks", params={"client_id": "job-1"})).json()
    await control.set_provider(lookup=False)
    off = await http.get("/tasks", params={"client_id": "job-1"})

    assert [task["id"] for task in found["tasks"]] == [task_id]
    assert off.status_code == 404


@pytest.mark.parametrize(("mark", "code"), [("moderated", "moderated"), ("fail", "failed")])
async def test_a_failed_task_is_not_charged(desk: Desk, mark: str, code: str) -> None:
    control, http = desk

    task = await poll(http, await submit(http, f"a cat [[sim:{mark}]]"))

    assert (task["status"], task["error"]["code"], task["output"]) == ("failed", code, None)
    assert (await control.provider())["ledger"] == []


async def test_no_credit_is_refused_at_once(desk: Desk) -> None:
    _, http = desk

    assert (await http.post("/tasks", json=order("[[sim:402]]"))).status_code == 402


async def test_the_first_submits_can_be_held_back(desk: Desk) -> None:
    _, http = desk

    answers = [await http.post("/tasks", json=order("[[sim:429=2]]")) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [429, 429, 201]
    assert answers[0].headers["Retry-After"] == "1"


async def test_the_first_polls_can_fail_or_be_nonsense(desk: Desk) -> None:
    _, http = desk
    task_id = await submit(http, "[[sim:5xx_on_poll=2]] [[sim:malformed]]")

    answers = [await http.get(f"/tasks/{task_id}") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [503, 503, 200, 200]
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answers[2].json()
    assert answers[3].json()["status"] == "succeeded"


async def test_a_cut_after_acceptance_costs_once(desk: Desk) -> None:
    control, http = desk
    key = {"Idempotency-Key": "job-1"}
    dropping = order("[[sim:drop_after_accept]]")

    with pytest.raises(httpx.TransportError):
        await http.post("/tasks", json=dropping, headers=key)
    again = await http.post("/tasks", json=dropping, headers=key)

    assert again.status_code == 200
    assert len((await control.provider())["ledger"]) == 1


async def test_files_can_be_gone_or_no_picture(desk: Desk) -> None:
    _, http = desk
    expired = await poll(http, await submit(http, "[[sim:expired]]"))
    page = await poll(http, await submit(http, "[[sim:not_a_picture]]", client_id="job-2"))

    async with httpx.AsyncClient() as anyone:
        gone = await anyone.get(expired["output"][0])
        html = await anyone.get(page["output"][0])

    assert gone.status_code == 404
    assert html.content.startswith(b"<!doctype html>")


async def test_settings_are_checked(desk: Desk) -> None:
    control, _ = desk

    with pytest.raises(AssertionError, match="unknown settings: price"):
        await control.set_provider(price=3)
    with pytest.raises(AssertionError, match="duration_s must be"):
        await control.set_provider(duration_s=[3, 1])
    settings = (await control.provider())["settings"]
    assert settings == {
        "duration_s": [0.0, 0.0],
        "idempotency": True,
        "lookup": True,
        "marks": "",
        "price_usd": 0.04,
    }
