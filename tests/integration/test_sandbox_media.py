"""Pictures and files: uploads, handles, albums, sizes, and messages that become pictures."""

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from PIL import Image

from imgbot.sandbox.state import StickerSet
from tests.fixtures.bot_api import Setup
from tests.fixtures.clips import mp4
from tests.fixtures.sandbox import picture

BOT_API = {"said": "hello"}


def jpg(content: bytes, name: str = "a.jpg") -> dict[str, tuple[str, bytes]]:
    return {"photo": (name, content)}


def album(kind: str, count: int) -> list[dict[str, str]]:
    return [{"type": kind, "media": f"attach://file{i}"} for i in range(count)]


async def test_a_photo_arrives_recompressed_in_telegrams_sizes(setup: Setup) -> None:
    control, api, anna = setup
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (3000, 1500), "teal").save(buffer, "JPEG", exif=exif)

    (sent,) = await control.send_photos(anna, [buffer.getvalue()], caption="a caption")
    update = (await api.call("getUpdates"))[-1]["message"]
    file = await api.call("getFile", file_id=update["photo"][-1]["file_id"])
    status, content = await api.download(file["file_path"])

    sizes = [(size["width"], size["height"]) for size in update["photo"]]
    assert sizes == [(45, 90), (160, 320), (640, 1280)]
    assert (update["caption"], sent.photo_id) == ("a caption", file["file_id"])
    assert (status, len(content)) == (200, file["file_size"])
    with Image.open(io.BytesIO(content)) as received:
        assert (received.format, received.size) == ("JPEG", (640, 1280))
        assert not received.getexif()


async def test_a_document_arrives_byte_for_byte(setup: Setup) -> None:
    control, api, anna = setup
    original = picture(800, 600, kind="PNG")

    await control.send_documents(anna, [("../кот.png", original)])
    document = (await api.call("getUpdates"))[-1]["message"]["document"]
    file = await api.call("getFile", file_id=document["file_id"])

    assert (document["file_name"], document["mime_type"]) == ("кот.png", "image/png")
    assert document["thumbnail"]["width"] == 320
    assert (await api.download(file["file_path"]))[1] == original


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (lambda: b"", "file must be non-empty"),
        (lambda: b"just words", "IMAGE_PROCESS_FAILED"),
        (lambda: picture()[:2000], "IMAGE_PROCESS_FAILED"),
        (lambda: picture(6000, 4001, kind="PNG"), "PHOTO_INVALID_DIMENSIONS"),
        (lambda: picture(2100, 100, kind="PNG"), "PHOTO_INVALID_DIMENSIONS"),
        (
            lambda: b"\xff" * (10 * 2**20 + 1),
            (
                "file of size 10485761 bytes is too big for a photo;"
                " the maximum size is 10485760 bytes"
            ),
        ),
    ],
    ids=["empty", "words", "truncated", "sides", "ratio", "bytes"],
)
async def test_a_bad_photo_is_refused(
    setup: Setup, make: Callable[[], bytes], refusal: str
) -> None:
    _, api, anna = setup

    answer = await api.refusal("sendPhoto", jpg(make()), chat_id=anna.id)

    assert answer == f"400 Bad Request: {refusal}"


async def test_a_request_over_fifty_megabytes_is_refused(setup: Setup) -> None:
    control, api, anna = setup
    large = {"document": ("large.bin", bytes(50 * 2**20 + 1))}

    answer = await api.refusal("sendDocument", large, chat_id=anna.id)

    assert answer == "413 Request Entity Too Large"
    assert (await control.calls())["calls"][-1]["error_code"] == 413


async def test_a_text_message_becomes_a_photo_and_then_a_document(setup: Setup) -> None:
    control, api, anna = setup
    status = await api.call("sendMessage", chat_id=anna.id, text="Working")
    place: dict[str, Any] = {"chat_id": anna.id, "message_id": status["message_id"]}
    photo = {"type": "photo", "media": "attach://p", "caption": "Done"}
    document = {"type": "document", "media": "attach://d"}

    as_photo = await api.call("editMessageMedia", {"p": ("r.jpg", picture())}, **place, media=photo)
    as_file = await api.call(
        "editMessageMedia", {"d": ("result.png", picture(kind="PNG"))}, **place, media=document
    )
    refusal = await api.refusal("editMessageText", **place, text="back")

    assert "text" not in as_photo
    assert as_photo["caption"] == "Done"
    assert as_photo["photo"][-1]["width"] == 640
    assert (as_file["document"]["file_name"], as_file.get("photo")) == ("result.png", None)
    assert refusal == "400 Bad Request: there is no text in the message to edit"
    shown = await control.message(anna.id, status["message_id"])
    assert (shown.edits, shown.document_id) == (2, as_file["document"]["file_id"])
    assert await control.file(shown.document_id or "") == picture(kind="PNG")


async def test_a_handle_sends_a_file_again_but_only_as_what_it_is(setup: Setup) -> None:
    _, api, anna = setup
    photo = await api.call("sendPhoto", jpg(picture(1000, 700)), chat_id=anna.id)
    upload = {"document": ("a.txt", b"words")}
    document = await api.call("sendDocument", upload, chat_id=anna.id)
    small, document_id = photo["photo"][0]["file_id"], document["document"]["file_id"]
    place: dict[str, Any] = {"chat_id": anna.id, "message_id": photo["message_id"]}

    again = await api.call("sendPhoto", chat_id=anna.id, photo=small)
    as_photo = await api.refusal("sendPhoto", chat_id=anna.id, photo=document_id)
    as_document = await api.refusal("sendDocument", chat_id=anna.id, document=small)
    same = await api.refusal("editMessageMedia", **place, media={"type": "photo", "media": small})

    assert again["photo"] == photo["photo"]
    assert as_photo == "400 Bad Request: can't use file of type Document as Photo"
    assert as_document == "400 Bad Request: can't use file of type Photo as Document"
    assert same.startswith("400 Bad Request: message is not modified")


def webp(size: tuple[int, int], kind: str = "WEBP") -> dict[str, tuple[str, bytes]]:
    buffer = io.BytesIO()
    Image.new("RGBA", size, "red").save(buffer, kind)
    return {"sticker": ("a.webp", buffer.getvalue())}


async def test_stickers_have_one_side_of_512_and_a_set_has_120_of_them(setup: Setup) -> None:
    _, api, anna = setup
    for file, refusal in (
        (webp((300, 200)), "STICKER_PNG_DIMENSIONS"), (webp((512, 200), "PNG"), "wrong file type"),
    ):  # fmt: skip
        answer = await api.refusal("sendSticker", file, chat_id=anna.id)
        assert answer == f"400 Bad Request: {refusal}"

    sent = await api.call("sendSticker", webp((512, 200)), chat_id=anna.id, emoji="✨")

    kept = {"type": "regular", "is_animated": False, "is_video": False, "emoji": "✨"}
    assert kept | {"width": 512, "height": 200} == {
        name: each for name, each in sent["sticker"].items() if not name.startswith("file_")
    }
    item = {"sticker": sent["sticker"]["file_id"], "format": "static", "emoji_list": ["✨"]}
    named: dict[str, Any] = {"user_id": anna.id, "name": "a_by_imgbot_sandbox_bot", "title": "A"}
    for name in ("a", "1_by_imgbot_sandbox_bot", "a__b_by_imgbot_sandbox_bot"):
        given = named | {"name": name, "stickers": [item]}
        answer = await api.refusal("createNewStickerSet", None, **given)
        assert answer == "400 Bad Request: sticker set name invalid"
    assert await api.call("createNewStickerSet", **named, stickers=[item])
    assert await api.call("addStickerToSet", **named, sticker=item)
    taken = await api.refusal("createNewStickerSet", **named, stickers=[item])
    assert taken == "400 Bad Request: sticker set name is already occupied"
    assert await api.call("deleteStickerSet", name=named["name"])

    full = StickerSet(1, "t")
    added = [full.add({"file_unique_id": str(number)}) for number in range(121)]
    assert added == [True] * 120 + [False]
    assert full.add({"file_unique_id": "7"})


async def test_a_text_message_becomes_a_clip_only_if_clients_can_play_it(setup: Setup) -> None:
    _, api, anna = setup
    gif = picture(40, 30, kind="GIF")
    sent = await api.call("sendMessage", chat_id=anna.id, text="Working")
    edit = partial(api.call, "editMessageMedia", chat_id=anna.id, message_id=sent["message_id"])
    refuse = partial(api.refusal, "editMessageMedia", chat_id=anna.id)
    video = {"type": "video", "media": "attach://v", "has_spoiler": True}
    animation = {"type": "animation", "media": "attach://v"}

    as_video = await edit({"v": ("clip.mp4", mp4())}, media=video)
    as_animation = await edit({"v": ("clip.gif", gif)}, media=animation)
    refusal = await refuse({"v": ("clip.mp4", gif)}, message_id=sent["message_id"], media=video)

    assert (as_video["video"]["mime_type"], as_video["has_media_spoiler"]) == ("video/mp4", True)
    # Telegram calls an animation a document as well.
    assert as_animation["animation"] == as_animation["document"]
    assert as_animation["animation"]["width"] == 40
    assert refusal == "400 Bad Request: wrong file type"
