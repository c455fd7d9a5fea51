"""The transcript as one HTML page: bubbles, albums, buttons and pictures, as a chat shows them."""

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from tests.bench.conversation_talk import Note
from tests.fixtures.sandbox import Control, Json, Message

_SIDE_PX = 640
_COMMAND = re.compile(r"(?<![\w/&;])(/[a-z_]+)\b")
_STYLE = """
:root { color-scheme: light; font: 15px/1.4 system-ui, "Noto Sans", sans-serif; color: #1c1e21 }
* { box-sizing: border-box }
body { margin: 0; padding: 16px; background: #f3f4f6 }
h1 { font-size: 22px; margin: 0 0 8px } h2 { font-size: 16px; margin: 0 }
.index { margin: 0 0 16px; padding: 0; list-style: none; columns: 2 280px }
.index a { color: #1a66b5; text-decoration: none } .bad { color: #b3261e }
main { columns: 3 var(--chat); column-gap: 16px }
section { break-inside: avoid; margin: 0 0 16px; background: #dfe7ec; border-radius: 14px;
  overflow: hidden; max-width: calc(var(--chat) + 80px) }
header { background: #fff; padding: 10px 14px; border-bottom: 1px solid #d3dae0 }
header p { margin: 0; font-size: 13px; color: #67717a }
.chat { display: flex; flex-direction: column; gap: 6px; padding: 12px 10px }
.place { align-self: center; font-size: 12px; background: #c9d4dc; border-radius: 10px;
  padding: 2px 10px }
.message { max-width: 86%; align-self: flex-start } .own { align-self: flex-end }
.bubble { background: #fff; border-radius: 14px; overflow: hidden; overflow-wrap: anywhere }
.own .bubble { background: #e3f7cd }
.text { padding: 7px 11px; white-space: pre-wrap } .text i { font-style: normal; color: #1a66b5 }
.who { padding: 6px 11px 0; font-size: 13px; font-weight: 600; color: #1a66b5 }
.reply { margin: 7px 9px 0; padding: 2px 8px; border-left: 3px solid #4f9bd9; font-size: 13px;
  color: #4b5862; background: #f0f6fb; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis }
.own .text { max-height: 220px; overflow: auto }
.photos { display: grid; grid-template-columns: 1fr 1fr; gap: 2px } .photos.one { display: block }
.photos figure { margin: 0; position: relative } img { display: block; width: 100%; height: auto }
.photos:not(.one) img { aspect-ratio: 1; object-fit: cover }
.one img { max-height: 460px; object-fit: contain; background: #eceff1 }
figcaption { position: absolute; left: 6px; bottom: 6px; font-size: 11px; padding: 0 6px;
  border-radius: 8px; background: #0009; color: #fff }
.file { display: flex; gap: 8px; align-items: center; padding: 8px 11px; font-size: 14px }
.file img { width: 72px; border-radius: 6px } .file small, .meta { color: #78838c; font-size: 12px }
.meta { text-align: right; padding: 0 11px 5px }
.keys { display: flex; gap: 4px; margin-top: 4px }
.keys span { flex: 1 1 0; min-width: 0; text-align: center; background: #ffffffc7;
  border-radius: 9px; padding: 5px 4px; font-size: 14px; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis }
.press { align-self: flex-end; font-size: 13px; color: #3f4a53; background: #fff8;
  border-radius: 10px; padding: 2px 10px } .press b { font-weight: 600; color: #7a4b00 }
.wrong { margin: 10px; padding: 8px 12px; border-radius: 10px; background: #fde7e5;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px }
"""


@dataclass(slots=True)
class Shown:
    """One conversation as the page shows it; `chats` are titles with their messages in order."""

    number: int
    title: str
    own_id: int
    seconds: float
    failure: str
    notes: Sequence[Note]
    took_s: dict[tuple[int, int], float]
    chats: list[tuple[str, list[Message]]] = field(default_factory=list[tuple[str, list[Message]]])


async def save_pictures(control: Control, shown: Shown, folder: Path) -> dict[str, str]:
    """Save every picture of a conversation, reduced, and return their names by file id."""
    saved: dict[str, str] = {}
    for message in (message for _, messages in shown.chats for message in messages):
        file_id = message.photo_id or message.document_id
        if not file_id or file_id in saved:
            continue
        try:
            with Image.open(io.BytesIO(await control.file(file_id))) as image:
                size = f"{image.width}×{image.height}"
                small = image.convert("RGB")
        except (UnidentifiedImageError, OSError):
            # A damaged file is shown by its name alone.
            continue
        small.thumbnail((_SIDE_PX, _SIDE_PX))
        name = f"{shown.number:02}-{len(saved) + 1:02}-{size}.jpg"
        small.save(folder / name, quality=82)
        saved[file_id] = name
    return saved


def write_page(
    folder: Path, conversations: Sequence[tuple[Shown, dict[str, str]]], chat_px: int
) -> None:
    index = "".join(
        f'<li><a href="#c{shown.number}">{shown.number}. {escape(shown.title)}</a>'
        f"{' <b class=bad>went wrong</b>' if shown.failure else ''}</li>"
        for shown, _ in conversations
    )
    body = "".join(_section(shown, pictures) for shown, pictures in conversations)
    good = sum(not shown.failure for shown, _ in conversations)
    (folder / "index.html").write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Conversations</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>:root {{ --chat: {chat_px}px }}{_STYLE}</style>"
        f"<h1>{len(conversations)} conversations, {good} as hoped</h1>"
        f'<ol class="index">{index}</ol><main>{body}</main></html>\n',
        encoding="utf-8",
    )


def _section(shown: Shown, pictures: dict[str, str]) -> str:
    rows = "".join(
        f'<div class="place">{escape(title)}</div>{"".join(_rows(shown, messages, pictures))}'
        for title, messages in shown.chats
        if messages
    )
    wrong = f'<div class="wrong">{escape(shown.failure)}</div>' if shown.failure else ""
    return (
        f'<section id="c{shown.number}"><header><h2>{shown.number}. {escape(shown.title)}</h2>'
        f"<p>{shown.seconds:.0f} s in all</p></header>{wrong}"
        f'<div class="chat">{rows}</div></section>'
    )


def _rows(shown: Shown, messages: list[Message], pictures: dict[str, str]) -> Iterator[str]:
    """Messages in their order, an album as one, and the presses where they happened."""
    done: set[int] = set()
    for message in messages:
        album = [m for m in messages if m.media_group_id == message.media_group_id]
        group = album if message.media_group_id else [message]
        if message.id not in done and not message.is_deleted:
            yield _message(shown, group, pictures)
        done |= {each.id for each in group}
        for note in shown.notes:
            if (note.chat_id, note.after_id) == (message.chat_id, message.id):
                answer = f" → <b>{escape(note.answer)}</b>" if note.answer else ""
                yield f'<div class="press">{escape(note.text)}{answer}</div>'


def _message(shown: Shown, group: list[Message], pictures: dict[str, str]) -> str:
    first = group[0]
    author = first.raw.get("from", {})
    is_own = author.get("id") == shown.own_id
    name = "" if is_own or first.chat_id == shown.own_id else author.get("first_name", "")
    via = first.raw.get("via_bot", {}).get("username")
    parts = [
        f'<div class="who">{escape(name)}</div>' if name else "",
        f'<div class="who">via @{escape(via)}</div>' if via else "",
        _reply(first.raw),
        _media(group, pictures),
        _text(_words(group)),
        _meta(shown, first),
    ]
    own = " own" if is_own else ""
    bubble = f'<div class="bubble">{"".join(parts)}</div>'
    return f'<div class="message{own}">{bubble}{_keys(first)}</div>'


def _words(group: list[Message]) -> str:
    """The text; of an album its caption, which clients show only where there is just one."""
    texts = [message.text for message in group if message.text]
    return texts[0] if len(texts) == 1 else ""


def _reply(raw: Json) -> str:
    replied = raw.get("reply_to_message")
    if not replied:
        return ""
    text = replied.get("text") or replied.get("caption") or ""
    icon = "🖼 " if "photo" in replied or "document" in replied else ""
    return f'<div class="reply">{icon}{escape(text[:90])}</div>'


def _text(text: str) -> str:
    if not text:
        return ""
    marked = _COMMAND.sub(r"<i>\1</i>", escape(text, quote=False))
    return f'<div class="text">{marked}</div>'


def _media(group: list[Message], pictures: dict[str, str]) -> str:
    photos = [pictures[m.photo_id] for m in group if m.photo_id in pictures]
    figures = "".join(
        f'<figure><img loading="lazy" src="pictures/{name}" alt="">'
        f"<figcaption>{name.rpartition('-')[2].removesuffix('.jpg')}</figcaption></figure>"
        for name in photos
    )
    one = " one" if len(photos) == 1 else ""
    grid = f'<div class="photos{one}">{figures}</div>' if photos else ""
    return grid + "".join(_file(m, pictures) for m in group) + _other(group[0])


def _file(message: Message, pictures: dict[str, str]) -> str:
    document = message.raw.get("document")
    if not document:
        return ""
    name = pictures.get(document["file_id"])
    preview = f'<img loading="lazy" src="pictures/{name}" alt="">' if name else "📄"
    size = name.rpartition("-")[2].removesuffix(".jpg") + ", " if name else ""
    title = document.get("file_name", "file")
    kilobytes = document.get("file_size", 0) / 1000
    return (
        f'<div class="file">{preview}<div>{escape(title)}<br>'
        f"<small>{size}{kilobytes:.0f} kB</small></div></div>"
    )


def _other(message: Message) -> str:
    kinds = ("voice", "sticker", "video", "animation", "poll", "contact", "dice")
    found = next((kind for kind in kinds if kind in message.raw), "")
    return f'<div class="text">[{found}]</div>' if found else ""


def _meta(shown: Shown, message: Message) -> str:
    took_s = shown.took_s.get((message.chat_id, message.id))
    parts = [
        "forwarded" if "forward_origin" in message.raw else "",
        f"edited {message.edits}×" if message.edits else "",
        f"{took_s:.1f} s" if took_s is not None else "",
    ]
    said = " · ".join(part for part in parts if part)
    return f'<div class="meta">{said}</div>' if said else ""


def _keys(message: Message) -> str:
    rows = message.raw.get("reply_markup", {}).get("inline_keyboard", [])
    lines = ["".join(f"<span>{escape(key['text'])}</span>" for key in row) for row in rows]
    return "".join(f'<div class="keys">{line}</div>' for line in lines)
