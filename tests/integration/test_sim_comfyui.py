"""The simulated ComfyUI: a queue that runs one after the other, its history, and who listens."""

import uuid
from typing import Any

import aiohttp
import httpx
import pytest

from imgbot.sandbox.simulators.comfyui import ComfyUi
from tests.support.comfyui_graphs import accepted, drawing, history, made, showing, submit, upload
from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, seen
from tests.support.waiting import eventually

pytestmark = pytest.mark.simulator("comfyui")


async def test_the_id_is_the_caller_s_and_queued_as_often_as_it_comes(desk: Desk) -> None:
    mine = str(uuid.uuid4())
    slow = drawing("[[sim:slow=600]]")

    ids = [await accepted(desk, slow, prompt_id=mine) for _ in range(2)]
    queue = (await desk.http.get("/queue")).json()

    assert ids == [mine, mine]
    assert [entry[1] for entry in queue["queue_running"] + queue["queue_pending"]] == ids
    assert len(await desk.charged_usd()) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        "x",
        5,
        "E" * 36,
        "739C5124-18C7-41FA-A664-A38D64A7B644",
        "739c512418c741faa664a38d64a7b644",
    ],
)
async def test_an_id_of_another_form_is_refused(desk: Desk, wrong: Any) -> None:
    answer = await submit(desk, drawing(), prompt_id=wrong)

    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_prompt_id")


async def test_an_old_server_gives_its_own_ids(desk: Desk) -> None:
    await desk.set(marks="[[sim:old_server]]")
    mine = str(uuid.uuid4())

    theirs = await accepted(desk, drawing(), prompt_id=mine)

    assert theirs != mine
    assert await history(desk, mine) is None
    assert (await history(desk, theirs))["status"]["completed"]


async def test_one_runs_and_the_others_wait_their_turn(desk: Desk) -> None:
    ids = [await accepted(desk, drawing("[[sim:slow=600]]", seed=seed)) for seed in range(3)]

    queue = (await desk.http.get("/queue")).json()
    remaining = (await desk.http.get("/api/prompt")).json()

    assert [entry[1] for entry in queue["queue_running"]] == ids[:1]
    assert [entry[1] for entry in queue["queue_pending"]] == ids[1:]
    assert remaining == {"exec_info": {"queue_remaining": 3}}
    assert await history(desk, ids[0]) is None
    states = [task["status"] for task in (await desk.view())["tasks"]]
    assert states == ["running", "queued", "queued"]


async def test_who_comes_in_front_is_next(desk: Desk) -> None:
    ids = [await accepted(desk, drawing("[[sim:slow=600]]", seed=seed)) for seed in range(2)]
    hasty = await accepted(desk, drawing("[[sim:slow=600]]", seed=9), front=True)

    queue = (await desk.http.get("/queue")).json()

    assert [entry[1] for entry in queue["queue_pending"]] == [hasty, ids[1]]


async def test_a_waiting_one_is_deleted_and_a_running_one_interrupted(desk: Desk) -> None:
    first, second, third = [
        await accepted(desk, drawing("[[sim:slow=600]]", seed=seed)) for seed in range(3)
    ]

    await desk.http.post("/queue", json={"delete": [second]})
    await desk.http.post("/interrupt", json={"prompt_id": third})
    running = (await desk.http.get("/queue")).json()["queue_running"]
    await desk.http.post("/interrupt", json={"prompt_id": first})

    record = await history(desk, first)
    assert running[0][1] == first
    assert (record["status"]["status_str"], record["outputs"]) == ("error", {})
    assert record["status"]["messages"][-1][0] == "execution_interrupted"
    assert await history(desk, second) is None
    queue = (await desk.http.get("/queue")).json()
    assert ([queue["queue_running"][0][1]], queue["queue_pending"]) == ([third], [])


async def test_an_old_server_interrupts_whatever_runs(desk: Desk) -> None:
    await desk.set(marks="[[sim:old_server]]")
    running = await accepted(desk, drawing("[[sim:slow=600]]"))

    await desk.http.post("/interrupt", json={"prompt_id": str(uuid.uuid4())})

    assert (await history(desk, running))["status"]["status_str"] == "error"


async def test_a_restart_forgets_all_but_the_files(desk: Desk) -> None:
    name = (await upload(desk, picture(60, 40)))["name"]
    done = await accepted(desk, showing(name))
    image = (await history(desk, done))["outputs"]["out"]["images"][0]
    await accepted(desk, drawing("[[sim:slow=600]]"))

    simulator = desk.simulator
    assert isinstance(simulator, ComfyUi)
    simulator.restart()

    assert await history(desk, done) is None
    assert (await desk.http.get("/queue")).json() == {"queue_running": [], "queue_pending": []}
    assert seen((await desk.http.get("/view", params=image)).content)[1] == (60, 40)
    assert await made(desk, showing(name)) == [("PNG", (60, 40))]


async def test_a_job_can_be_lost_at_once(desk: Desk) -> None:
    lost = await accepted(desk, drawing("[[sim:lost]]"))

    assert await history(desk, lost) is None
    assert (await desk.task())["state"] == "lost"


async def test_the_same_graph_is_not_run_again(desk: Desk) -> None:
    first = await history(desk, await accepted(desk, drawing()))
    again = await history(desk, await accepted(desk, drawing()))
    other = await history(desk, await accepted(desk, drawing(seed=2)))

    assert again["outputs"] == first["outputs"]
    cached = dict(again["status"]["messages"])["execution_cached"]["nodes"]
    assert sorted(cached) == sorted(drawing())
    assert other["outputs"] != first["outputs"]


@pytest.mark.parametrize("mark", ["fail", "moderated"])
async def test_a_failure_names_the_node_and_the_exception(desk: Desk, mark: str) -> None:
    record = await history(desk, await accepted(desk, drawing(f"[[sim:{mark}]]")))

    kind, data = record["status"]["messages"][-1]
    assert (record["status"]["status_str"], kind) == ("error", "execution_error")
    assert data["exception_message"]
    assert data["node_type"] == "SaveImage"
    assert record["outputs"] == {}


async def test_too_many_pixels_are_out_of_memory(desk: Desk) -> None:
    graph = drawing(width=16384, height=16384)

    record = await history(desk, await accepted(desk, graph))

    data = record["status"]["messages"][-1][1]
    assert (data["exception_type"], data["node_id"]) == ("torch.OutOfMemoryError", "5")


async def test_polls_can_find_it_unfinished_or_be_nonsense(desk: Desk) -> None:
    words = "[[sim:polls=2]] [[sim:5xx_on_poll=1]] [[sim:malformed]] [[sim:unknown_state]]"
    prompt_id = await accepted(desk, drawing(words))

    running = (await desk.http.get("/queue")).json()["queue_running"]
    answers = [await desk.http.get(f"/history/{prompt_id}") for _ in range(6)]

    assert [entry[1] for entry in running] == [prompt_id]
    assert [answer.status_code for answer in answers] == [503, 200, 200, 200, 200, 200]
    assert [answer.text for answer in answers[1:3]] == ["{}", "{}"]
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answers[3].json()
    assert answers[4].json()[prompt_id]["status"]["status_str"] == "success"
    assert (await desk.http.get("/queue")).json()["queue_running"] == []


async def test_a_state_nobody_has_heard_of(desk: Desk) -> None:
    record = await history(desk, await accepted(desk, drawing("[[sim:unknown_state]]")))

    assert record["status"]["status_str"] == "archived"


async def test_a_lost_answer_leaves_the_job_under_its_id(desk: Desk) -> None:
    mine = str(uuid.uuid4())

    with pytest.raises(httpx.TransportError):
        await submit(desk, drawing("[[sim:drop_after_accept]]"), prompt_id=mine)

    assert (await history(desk, mine))["status"]["completed"]


async def test_a_proxy_before_it_can_refuse(desk: Desk) -> None:
    words = "[[sim:5xx_on_submit=1]] [[sim:429=1]]"

    answers = [await submit(desk, drawing(words)) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [503, 429, 200]
    assert (await submit(desk, drawing("[[sim:402]]"))).status_code == 402


async def test_a_foreign_page_is_refused(desk: Desk) -> None:
    answer = await desk.http.get("/queue", headers={"Origin": "http://elsewhere.example"})

    assert answer.status_code == 403


async def test_it_tells_what_it_can(desk: Desk) -> None:
    await upload(desk, picture())
    nodes = (await desk.http.get("/object_info")).json()
    one = (await desk.http.get("/api/object_info/LoadImage")).json()
    none = (await desk.http.get("/object_info/FaceDetailer")).json()
    models = (await desk.http.get("/models/upscale_models")).json()

    assert {"KSampler", "ImageStitch", "PreviewImage", "ImageBlend"} <= nodes.keys()
    assert one["LoadImage"]["input"]["required"]["image"][0] == ["a.png"]
    assert one["LoadImage"]["output"] == ["IMAGE", "MASK"]
    assert nodes["SaveImage"]["output_node"] is True
    assert none == {}
    assert "4x-UltraSharp.pth" in models
    assert (await desk.http.get("/system_stats")).json()["devices"]


async def test_a_socket_tells_its_client_how_it_goes(desk: Desk) -> None:
    url = f"{desk.base_url}/ws?clientId=me"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        first = await socket.receive_json()
        prompt_id = await accepted(desk, drawing("[[sim:slow=0.4]]"), client_id="me")
        await accepted(desk, drawing("[[sim:slow=0]]", seed=5), client_id="another")
        events: list[Any] = []
        while not events or events[-1]["data"].get("node", "") is not None:
            events.append(await socket.receive_json())

    kinds = [event["type"] for event in events]
    assert first["data"]["sid"] == "me"
    assert {"status", "execution_start", "progress", "executed"} <= set(kinds)
    assert kinds[-2:] == ["execution_success", "executing"]
    assert {event["data"].get("prompt_id", prompt_id) for event in events} == {prompt_id}
    values = [event["data"]["value"] for event in events if event["type"] == "progress"]
    assert values == sorted(values)


async def test_a_restart_closes_the_sockets(desk: Desk) -> None:
    url = f"{desk.base_url}/ws?clientId=me"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.receive_json()
        simulator = desk.simulator
        assert isinstance(simulator, ComfyUi)
        simulator.restart()
        message = await socket.receive()

    assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}


async def test_history_can_be_cleared(desk: Desk) -> None:
    one, two = [await accepted(desk, drawing(seed=seed)) for seed in range(2)]

    await desk.http.post("/history", json={"delete": [one]})
    left = (await desk.http.get("/history")).json()
    await desk.http.post("/history", json={"clear": True})

    assert list(left) == [two]
    assert (await desk.http.get("/history")).json() == {}


async def test_a_task_of_some_length_ends_by_itself(desk: Desk) -> None:
    prompt_id = await accepted(desk, drawing("[[sim:slow=0.3]]"))

    record: Any = await eventually(lambda: history(desk, prompt_id))

    assert record["status"]["completed"]
