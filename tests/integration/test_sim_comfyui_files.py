"""The simulated ComfyUI's files: uploads, previews, and results that are gone or no pictures."""

import pytest

from tests.support.comfyui_graphs import accepted, drawing, history, made, showing, upload
from tests.support.sandbox import picture
from tests.support.sim_desk import Desk, seen

pytestmark = pytest.mark.simulator("comfyui")


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
