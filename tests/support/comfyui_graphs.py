"""What tests of the simulated ComfyUI share: graphs, and the ways to send them."""

from typing import Any

import httpx

from tests.support.sim_desk import Desk, seen

Graph = dict[str, dict[str, Any]]


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
