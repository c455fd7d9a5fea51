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


@pytest.mark.parametrize(("mark", "code"), [("moderated", "moderated"), ("fail", "failed")])
async def test_a_failed_task_is_not_charged(desk: Desk, mark: str, code: str) -> None:
    control, http = desk

    task = await poll(http, await submit(http, f"a cat [[sim:{mark}]]"))

    assert (task["status"], task["error"]["code"], task["output"]) == ("failed", code, None)
    assert (await control.provider())["ledger"] == []


async def test_a_cut_after_acceptance_costs_once(desk: Desk) -> None:
    control, http = desk
    key = {"Idempotency-Key": "job-1"}
    dropping = order("[[sim:drop_after_accept]]")

    with pytest.raises(httpx.TransportError):
        await http.post("/tasks", json=dropping, headers=key)
    again = await http.post("/tasks", json=dropping, headers=key)

    assert again.status_code == 200
    assert len((await control.provider())["ledger"]) == 1
