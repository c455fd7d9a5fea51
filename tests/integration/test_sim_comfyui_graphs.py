"""The graphs of the simulated ComfyUI: checked node by node, and really run."""

from typing import Any

import pytest

from tests.support.comfyui_graphs import (
    Graph,
    accepted,
    drawing,
    errors,
    history,
    made,
    node,
    showing,
    submit,
    upload,
)
from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, seen, sha256

pytestmark = pytest.mark.simulator("comfyui")


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
