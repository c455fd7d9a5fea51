"""ComfyUI's answers read, its file and workflows read, graphs filled and grown."""

from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from imgbot.domain.errors import ConfigError, ProviderError, ProviderErrorKind as Kind
from imgbot.providers.comfyui import pictures_of, queue_position
from imgbot.providers.comfyui_workflow import ImageInputGrowth, grown, read_comfyui
from imgbot.providers.spec_file import parse_file, read_preset

PRESETS = resources.files("imgbot.providers") / "presets"
FILE = """\
adapter = "comfyui"
url = "http://127.0.0.1:8188"
[operations.edit]
workflow = "flow.json"
inputs = { images = ["1.image"], seed = "2.seed" }
"""
FLOW = """\
{"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}},
 "2": {"class_type": "Paint", "inputs": {"image": ["1", 0], "seed": 1}}}
"""


def entry(status: Any, **outputs: Any) -> dict[str, Any]:
    return {"status": status, "outputs": outputs}


def image(filename: Any, **fields: Any) -> dict[str, Any]:
    return {"filename": filename, "subfolder": "", "type": "output"} | fields


SUCCESS = {"status_str": "success", "completed": True, "messages": []}


def failed(*messages: Any) -> dict[str, Any]:
    return entry({"status_str": "error", "completed": False, "messages": list(messages)})


def test_the_place_in_the_line_goes_by_the_numbers() -> None:
    heap = [[3, "c", {}, {}], [9, "a", {}, {"imgbot": {"operation": "edit"}}], [5, "b", {}, {}]]
    queue = {"queue_running": [[1, "r", {}, {}], None, []], "queue_pending": heap}

    found = [queue_position(queue, name) for name in ("r", "c", "b", "x", "a")]
    assert found == [(0, {}), (1, {}), (2, {}), None, (3, {"operation": "edit"})]
    for unclear in ({}, {"queue_running": None, "queue_pending": []}, {"queue_running": []}):
        with pytest.raises(ProviderError, match="unavailable"):
            queue_position(unclear, "a")


def test_only_what_was_saved_counts_as_a_result() -> None:
    outputs = {
        "8": {"images": [image("preview.png", type="temp")], "text": ["x"]},
        "9": {"images": [image("a.png"), None, image(None), image("b.png", subfolder="sub")]},
        "10": None,
        "11": {"images": [image("c.png")]},
    }
    done = entry(SUCCESS, **outputs)

    names = [(each["filename"], each["subfolder"]) for each in pictures_of(done, "") or ()]
    assert names == [("a.png", ""), ("b.png", "sub"), ("c.png", "")]
    # Servers of 2023 had no status.
    for finished in (done, entry(None, **outputs)):
        assert pictures_of(finished, "11") == [image("c.png")]
    assert pictures_of(entry({"status_str": "archived"}, **outputs), "") is None


@pytest.mark.parametrize(
    ("task", "detail"),
    [
        (entry(SUCCESS), "saved no picture"),
        (entry(SUCCESS, **{"9": {"images": [image("a.png", type="temp")]}}), "saved no picture"),
        ({"status": SUCCESS, "outputs": []}, "saved no picture"),
        (failed(None, ["execution_error"], ["x", {}]), "the workflow failed"),
    ],
)
def test_a_task_that_failed_says_why(task: dict[str, Any], detail: str) -> None:
    with pytest.raises(ProviderError) as failure:
        pictures_of(task, "")

    assert (failure.value.kind, failure.value.is_billed) == (Kind.FAILED, False)
    assert detail in str(failure.value)


def test_a_graph_grows_by_copies_in_a_row() -> None:
    graph = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "a"}},
        "2": {"class_type": "LoadImage", "inputs": {"image": "b"}},
        "3": {"class_type": "Join", "inputs": {"one": ["1", 0], "two": ["2", 0], "gap": 8}},
        "301": {"class_type": "Save", "inputs": {"images": ["3", 0]}},
    }

    grow = ImageInputGrowth(nodes=("2", "3"), picture="2.image", carry="3.one")
    made = grown(graph, grow, ["c", "d"])

    assert made["201"]["inputs"] == {"image": "c"}
    assert made["202"]["inputs"] == {"image": "d"}
    assert made["3010"]["inputs"] == {"one": ["3", 0], "two": ["201", 0], "gap": 8}
    assert made["302"]["inputs"] == {"one": ["3010", 0], "two": ["202", 0], "gap": 8}
    assert made["301"]["inputs"] == {"images": ["302", 0]}
    assert made["3"] == graph["3"]
    assert grown(graph, grow, []) == graph


def test_the_preset_and_all_its_workflows_fit_together() -> None:
    spec, graphs = read_comfyui(read_preset("comfyui"), PRESETS)

    assert set(graphs) == {"upscale", "retouch", "merge", "create", "edit", "inpaint"}
    assert spec.recovery == "look_up"
    larger = FILE.replace("edit]", "upscale]").replace("flow.json", "comfyui/upscale-model.json")
    places = '{ images = ["1.image"], model = "2.model_name", scale = "4.scale_by" }'
    with_model = larger.partition("inputs")[0] + f'model = "x"\nmodel_scale = 4\ninputs = {places}'
    assert set(read_comfyui(parse_file("mine.toml", with_model), PRESETS)[1]) == {"upscale"}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("flow.json", "none.json", "line 4: operations.edit.workflow: cannot be read"),
        ("flow.json", "ui.json", "save it with Export (API)"),
        ("flow.json", "odd.json", "is no workflow in the API's format"),
        ("2.seed", "7.seed", "line 5: operations.edit.inputs.seed: the workflow has no node 7"),
        ("2.seed", "2.seat", "node 2 (Paint) has no input seat"),
        ("2.seed", "2.image", "2.image is linked to another node"),
        ("2.seed", "seed", "'seed' is not an input; write it as node.input"),
        ("1.image", "3.image", "operations.edit.inputs.images: the workflow has no node 3"),
        ('"1.image"', "", "images must name the inputs for the pictures"),
        (".edit]", ".merge]", "images must name the inputs for the pictures"),
        (".edit]", ".paint]", "line 3"),
        ('.json"', '.json"\noutput = "9"', "line 5: operations.edit.output"),
        ("seed =", "sed =", "operations.edit.inputs.sed: unknown key"),
    ],
)
def test_a_mistake_in_the_file_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    (tmp_path / "flow.json").write_text(FLOW)
    (tmp_path / "ui.json").write_text('{"nodes": [], "links": []}')
    (tmp_path / "odd.json").write_text('{"1": {"class_type": "LoadImage"}}')
    read_comfyui(parse_file("mine.toml", FILE), tmp_path)

    with pytest.raises(ConfigError) as refused:
        read_comfyui(parse_file("mine.toml", FILE.replace(old, new)), tmp_path)

    assert complaint in str(refused.value)
