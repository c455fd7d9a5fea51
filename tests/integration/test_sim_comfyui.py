"""ComfyUI as simulated: graphs are checked and really run, one after the other."""

import uuid
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import httpx
import pytest

from imgbot.sandbox.simulators.comfyui import ComfyUi
from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, open_desk, seen, sha256
from tests.support.waiting import eventually

Graph = dict[str, dict[str, Any]]


@pytest.fixture
async def desk() -> AsyncGenerator[Desk]:
    async with open_desk("comfyui") as desk:
        yield desk


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def drawing(text: str = "a cat", seed: int = 1, **latent: int) -> Graph:
    size = {"width": 512, "height": 256, "batch_size": 1} | latent
    return {
        "3": node(
            "KSampler", seed=seed, steps=20, cfg=7.0, sampler_name="euler", scheduler="normal",
            denoise=1.0, model=["4", 0], positive=["6", 0], negative=["7", 0],
            latent_image=["5", 0],
        ),
        "4": node("CheckpointLoaderSimple", ckpt_name="sd_xl_base_1.0.safetensors"),
        "5": node("EmptyLatentImage", **size),
        "6": node("CLIPTextEncode", text=text, clip=["4", 1]),
        "7": node("CLIPTextEncode", text="", clip=["4", 1]),
        "8": node("VAEDecode", samples=["3", 0], vae=["4", 2]),
        "9": node("SaveImage", images=["8", 0], filename_prefix="bot/cat"),
    }  # fmt: skip


def showing(image: str, *, kind: str = "SaveImage", **nodes: dict[str, Any]) -> Graph:
    """Load a file, pass it through `nodes` (the last one's output is saved)."""
    last = list(nodes)[-1] if nodes else "in"
    saved = {"images": [last, 0]} | ({"filename_prefix": "x"} if kind == "SaveImage" else {})
    return {"in": node("LoadImage", image=image), **nodes, "out": node(kind, **saved)}


async def submit(desk: Desk, graph: Any, **fields: Any) -> httpx.Response:
    return await desk.http.post("/prompt", json={"prompt": graph} | fields)


async def accepted(desk: Desk, graph: Any, **fields: Any) -> str:
    answer = await submit(desk, graph, **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()["prompt_id"]


async def history(desk: Desk, prompt_id: str) -> Any:
    return (await desk.http.get(f"/history/{prompt_id}")).json().get(prompt_id)


async def upload(desk: Desk, content: bytes, name: str = "a.png", **fields: str) -> Any:
    answer = await desk.http.post(
        "/upload/image", files={"image": (name, content, "image/png")}, data=fields
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


async def made(desk: Desk, graph: Graph) -> list[tuple[str, tuple[int, int]]]:
    """Format and size of all that a graph saves."""
    record = await history(desk, await accepted(desk, graph))
    assert record["status"]["status_str"] == "success", record["status"]
    return [
        seen((await desk.http.get("/view", params=image)).content)
        for output in record["outputs"].values()
        for image in output["images"]
    ]


async def errors(desk: Desk, graph: Any) -> tuple[str, list[str]]:
    """The error's type, and the types of the errors of the nodes."""
    answer = await submit(desk, graph)
    assert answer.status_code == 400, answer.text
    body = answer.json()
    found = [each["type"] for node in body["node_errors"].values() for each in node["errors"]]
    return body["error"]["type"], found


async def test_a_graph_becomes_a_picture(desk: Desk) -> None:
    answer = (await submit(desk, drawing(batch_size=2), client_id="me")).json()
    record = await history(desk, answer["prompt_id"])

    images = record["outputs"]["9"]["images"]
    assert (answer["number"], answer["node_errors"]) == (1, {})
    assert [image["filename"] for image in images] == ["cat_00001_.png", "cat_00002_.png"]
    assert {(image["subfolder"], image["type"]) for image in images} == {("bot", "output")}
    assert record["prompt"][1] == answer["prompt_id"]
    assert record["status"]["completed"] is True
    files = [(await desk.http.get("/view", params=image)).content for image in images]
    assert [seen(file) for file in files] == [("PNG", (512, 256))] * 2
    assert files[0] != files[1]
    assert await desk.charged_usd() == [0.0]
    view = await desk.view()
    task = view["tasks"][0]
    assert (task["operation"], task["words"]) == ("create", "a cat")
    assert task["model"] == "sd_xl_base_1.0.safetensors"
    assert task["prompt_id"] == answer["prompt_id"]
    assert "a cat" in view["requests"][0]


SCALE = {"upscale_method": "lanczos"}


@pytest.mark.parametrize(
    ("nodes", "size"),
    [
        ({}, (60, 40)),
        ({"a": node("ImageScaleBy", image=["in", 0], scale_by=2.0, **SCALE)}, (120, 80)),
        ({"a": node("ImageScale", image=["in", 0], width=33, height=0, crop="disabled", **SCALE)},
            (33, 22)),
        ({"a": node("ImageScale", image=["in", 0], width=50, height=50, crop="center", **SCALE)},
            (50, 50)),
        ({"m": node("UpscaleModelLoader", model_name="RealESRGAN_x4plus.pth"),
          "a": node("ImageUpscaleWithModel", upscale_model=["m", 0], image=["in", 0])},
            (240, 160)),
        ({"m": node("UpscaleModelLoader", model_name="RealESRGAN_x4plus.pth"),
          "a": node("ImageUpscaleWithModel", upscale_model=["m", 0], image=["in", 0]),
          "b": node("ImageScaleBy", image=["a", 0], scale_by=0.5, **SCALE)}, (120, 80)),
        ({"a": node("ImageSharpen", image=["in", 0], sharpen_radius=1, sigma=1.0, alpha=1.0)},
            (60, 40)),
        ({"a": node("ImageBlend", image1=["in", 0], image2=["in", 0], blend_factor=0.5,
                    blend_mode="soft_light")}, (60, 40)),
        ({"a": node("ImageStitch", image1=["in", 0], image2=["in", 0], direction="down",
                    match_image_size=True, spacing_width=10, spacing_color="white")}, (60, 90)),
    ],
)  # fmt: skip
async def test_image_nodes_do_what_they_say(
    desk: Desk, nodes: dict[str, Any], size: tuple[int, int]
) -> None:
    name = (await upload(desk, picture(60, 40, kind="PNG")))["name"]

    assert await made(desk, showing(name, **nodes)) == [("PNG", size)]


async def test_pictures_of_different_sizes_are_batched_and_stitched(desk: Desk) -> None:
    one = (await upload(desk, picture(60, 40), "one.jpg"))["name"]
    two = (await upload(desk, picture(20, 80), "two.jpg"))["name"]
    stitch: Any = {
        "image1": ["in", 0], "image2": ["other", 0], "direction": "right",
        "match_image_size": True, "spacing_width": 0, "spacing_color": "black",
    }  # fmt: skip
    other = node("LoadImage", image=two)

    batched = showing(one, other=other, a=node("ImageBatch", image1=["in", 0], image2=["other", 0]))
    stitched = showing(one, other=other, a=node("ImageStitch", **stitch))

    assert await made(desk, batched) == [("PNG", (60, 40))] * 2
    assert await made(desk, stitched) == [("PNG", (70, 40))]
    view = await desk.view()
    assert [task["operation"] for task in view["tasks"]] == ["merge", "merge"]
    assert [note["sha256"] for note in view["tasks"][0]["input"]["images"]] == [
        sha256(content) for content in (picture(60, 40), picture(20, 80))
    ]


async def test_an_edit_keeps_the_size_of_what_it_edits(desk: Desk) -> None:
    name = (await upload(desk, picture(120, 80)))["name"]
    graph = drawing()
    graph["5"] = node("VAEEncode", pixels=["in", 0], vae=["4", 2])
    graph["in"] = node("LoadImage", image=name)

    assert await made(desk, graph) == [("PNG", (120, 80))]
    assert (await desk.task())["operation"] == "edit"


async def test_previews_are_temporary(desk: Desk) -> None:
    name = (await upload(desk, picture(30, 20)))["name"]

    record = await history(desk, await accepted(desk, showing(name, kind="PreviewImage")))

    assert record["outputs"]["out"]["images"][0]["type"] == "temp"


def broken(**changes: dict[str, Any]) -> Graph:
    """The drawing, with some inputs of some nodes changed; `n4` is node 4."""
    graph = drawing()
    for name, inputs in changes.items():
        graph[name[1:]]["inputs"] |= inputs
    return graph


@pytest.mark.parametrize(
    ("graph", "kinds"),
    [
        (broken(n4={"ckpt_name": "other.safetensors"}), ["value_not_in_list"]),
        (broken(n5={"width": 8}), ["value_smaller_than_min"]),
        (broken(n5={"width": 20_000}), ["value_bigger_than_max"]),
        (broken(n5={"width": "wide"}), ["invalid_input_type"]),
        (broken(n8={"samples": ["4", 0]}), ["return_type_mismatch"]),
        (broken(n8={"samples": ["99", 0]}), ["exception_during_inner_validation"]),
        (broken(n8={"samples": ["3", 7]}), ["exception_during_inner_validation"]),
        (broken(n9={"images": ["99", 0]}), ["exception_during_validation"]),
        (broken(n9={"images": ["8"]}), ["bad_linked_input"]),
        (broken(n3={"latent_image": ["3", 0]}), ["dependency_cycle"]),
        (showing("nowhere.png"), ["custom_validation_failed"]),
    ],
)
async def test_a_wrong_graph_is_refused_node_by_node(
    desk: Desk, graph: Graph, kinds: list[str]
) -> None:
    assert await errors(desk, graph) == ("prompt_outputs_failed_validation", kinds)
    assert (await desk.view())["tasks"] == []


async def test_a_missing_input_names_the_outputs_it_spoils(desk: Desk) -> None:
    graph = drawing()
    del graph["6"]["inputs"]["text"]

    body = (await submit(desk, graph)).json()

    assert body["node_errors"]["6"] == {
        "errors": [
            {
                "type": "required_input_missing",
                "message": "Required input is missing",
                "details": "text",
                "extra_info": {"input_name": "text"},
            }
        ],
        "dependent_outputs": ["9"],
        "class_type": "CLIPTextEncode",
    }


@pytest.mark.parametrize(
    ("graph", "kind"),
    [
        ({"1": node("FaceDetailer")}, "missing_node_type"),
        ({"1": {"inputs": {}}}, "missing_node_type"),
        ({"1": node("UpscaleModelLoader", model_name="4x-UltraSharp.pth")}, "prompt_no_outputs"),
        ([], "invalid_prompt"),
        ({"1": {"class_type": "SaveImage"}}, "invalid_prompt"),
        ({"last_node_id": 9, "nodes": []}, "missing_node_type"),
    ],
)
async def test_what_is_no_graph_of_known_nodes_is_refused(
    desk: Desk, graph: Any, kind: str
) -> None:
    assert await errors(desk, graph) == (kind, [])


async def test_a_good_output_runs_beside_a_bad_one(desk: Desk) -> None:
    graph = drawing()
    graph["bad"] = node("PreviewImage", images=["5", 0])

    answer = (await submit(desk, graph)).json()

    assert list(answer["node_errors"]) == ["bad"]
    assert list((await history(desk, answer["prompt_id"]))["outputs"]) == ["9"]


async def test_a_body_without_a_graph_is_refused(desk: Desk) -> None:
    missing = await desk.http.post("/prompt", json={})
    garbled = await desk.http.post("/prompt", content=b"{")

    assert (missing.status_code, missing.json()["error"]["type"]) == (400, "no_prompt")
    assert garbled.status_code == 500


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


async def test_an_upload_never_replaces_another_unless_told_to(desk: Desk) -> None:
    one, two = picture(60, 40), picture(30, 20)

    names = [
        (await upload(desk, content, **fields))["name"]
        for content, fields in ((one, {}), (one, {}), (two, {}), (two, {"overwrite": "true"}))
    ]
    deep = await upload(desk, one, "b.png", subfolder="bot", type="input")

    assert names == ["a.png", "a.png", "a (1).png", "a.png"]
    assert await made(desk, showing("a.png")) == [("PNG", (30, 20))]
    assert deep == {"name": "b.png", "subfolder": "bot", "type": "input"}
    assert await made(desk, showing("bot/b.png")) == [("PNG", (60, 40))]
    file = await desk.http.get("/api/view", params={"filename": "a (1).png", "type": "input"})
    assert file.content == two


async def test_files_stay_in_their_folders(desk: Desk) -> None:
    away = await desk.http.get("/view", params={"filename": "../../etc/passwd"})
    nowhere = await desk.http.get("/view", params={"filename": "a.png"})
    nameless = await desk.http.get("/view")
    upwards = await desk.http.post(
        "/upload/image", files={"image": ("a.png", b"x")}, data={"subfolder": "../.."}
    )
    empty = await desk.http.post("/upload/image", data={"image": "words"})

    statuses = [answer.status_code for answer in (away, nowhere, nameless, upwards, empty)]
    assert statuses == [400, 404, 404, 400, 400]


async def test_an_upload_that_is_no_picture_fails_when_it_is_loaded(desk: Desk) -> None:
    await upload(desk, b"words", "words.png")

    record = await history(desk, await accepted(desk, showing("words.png")))

    assert record["status"]["status_str"] == "error"


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


@pytest.mark.parametrize(
    ("mark", "status", "head"),
    [("expired", 404, b"404"), ("not_a_picture", 200, b"<!doctype"), ("svg", 200, b"<svg"),
     ("redirects", 302, b"302")],
)  # fmt: skip
async def test_files_can_be_gone_or_no_pictures(
    desk: Desk, mark: str, status: int, head: bytes
) -> None:
    record = await history(desk, await accepted(desk, drawing(f"[[sim:{mark}]]")))

    file = await desk.http.get("/view", params=record["outputs"]["9"]["images"][0])

    assert (file.status_code, file.content[: len(head)]) == (status, head)


async def test_a_preview_is_smaller(desk: Desk) -> None:
    record = await history(desk, await accepted(desk, drawing()))
    image = record["outputs"]["9"]["images"][0]

    file = await desk.http.get("/view", params=image | {"preview": "webp;90"})

    assert (seen(file.content), file.headers["Content-Type"]) == (
        ("WEBP", (512, 256)), "image/webp",
    )  # fmt: skip


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
