"""Telegram of the simulated world: chats, messages, updates, and the bot's session."""

import asyncio
import json
import re
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

from aiogram import Bot
from aiogram.exceptions import TelegramNetworkError
from aiogram.methods import TelegramMethod
from aiogram.types import InputFile

from imgbot.telegram.session import BotSession
from tests.simulation.loop import EPOCH_S, Loop
from tests.simulation.marks import sometimes
from tests.simulation.network import LostError, Network

BOT_ID = 123456789
BOT = {"id": BOT_ID, "is_bot": True, "first_name": "imgbot", "username": "imgbot"}
_CAPITAL = re.compile("[A-Z]")
NEWS = "News"
"""Begins what the administrator tells everybody."""

TOKEN = f"{BOT_ID}:{'x' * 35}"


class RefusedError(Exception):
    """Answer of the Bot API that is no success: status and description."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(status, description)
        self.status = status
        self.body = {
            "ok": False,
            "error_code": status,
            "description": description,
            "parameters": parameters,
        }


@dataclass
class Sent:
    """A message of the bot."""

    id: int
    chat_id: int
    text: str
    rows: list[list[dict[str, str]]]
    picture: str = ""
    """Content of its picture."""
    is_result: bool = False
    """It became the picture of a job."""
    reply_to: int = 0

    @property
    def data(self) -> list[str]:
        return [button["callback_data"] for row in self.rows for button in row]


@dataclass
class Telegram:
    """All chats; each is private, and has the id of its user."""

    loop: Loop
    note: Callable[[str], None]
    sent: dict[int, Sent] = field(default_factory=dict[int, Sent])
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    updates: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    blocked: set[int] = field(default_factory=set[int])
    spoken_s: dict[int, float] = field(default_factory=lambda: defaultdict[int, float](float))
    """Time at which the bot last said or showed something in a chat."""
    transfers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Payments in Stars, and their refunds."""
    toasts: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    news: Counter[tuple[int, str]] = field(default_factory=Counter[tuple[int, str]])
    """How often a chat was sent some news."""
    changed: Callable[[Sent], None] = lambda _: None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    _ids: int = 10
    _update_ids: int = 500
    _poller: object = None

    def next_id(self) -> int:
        self._ids += 1
        return self._ids

    def push(self, kind: str, content: dict[str, Any]) -> int:
        """Add an update; return its id."""
        self._update_ids += 1
        self.updates[self._update_ids] = {"update_id": self._update_ids, kind: content}
        self.arrived.set()
        return self._update_ids

    def message(self, user: int, **content: Any) -> tuple[int, int]:
        """A user writes; return the ids of the update and of the message."""
        message_id = self.next_id()
        told: dict[str, Any] = {
            "message_id": message_id,
            "date": int(EPOCH_S + self.loop.now_s),
            "chat": _chat(user),
            "from": _user(user),
        }
        words = content.get("text") or content.get("caption") or ""
        if words.startswith("/"):
            kind = "entities" if "text" in content else "caption_entities"
            length = len(words.split()[0])
            told[kind] = [{"type": "bot_command", "offset": 0, "length": length}]
        return self.push("message", {**told, **content}), message_id

    def photo(self, name: str) -> list[dict[str, Any]]:
        """A photo that a user uploads."""
        self.files[f"file-{name}"] = f"photo {name}".encode()
        size = {"width": 1000, "height": 800, "file_size": 2000}
        return [{"file_id": f"file-{name}", "file_unique_id": f"unique-{name}", **size}]

    def pay(self, user: int, payload: str) -> Callable[[], object]:
        """A user pays with a Star; return what tells of it, which may be done twice."""
        self._transfer("source", user, str(user), payload)
        told = {"currency": "XTR", "total_amount": 1, "invoice_payload": payload}
        told |= {"telegram_payment_charge_id": str(user), "provider_payment_charge_id": ""}
        return lambda: self.message(user, successful_payment=told)

    @property
    def refunded(self) -> set[int]:
        """Users who have their payment back."""
        return {each["receiver"]["user"]["id"] for each in self.transfers if "receiver" in each}

    def _transfer(self, side: str, user: int, charge: str, payload: str) -> None:
        who = {"type": "user", "transaction_type": "invoice_payment", "user": _user(user)}
        date = int(EPOCH_S + self.loop.now_s)
        told = {"id": charge, "amount": 1, "date": date, side: {**who, "invoice_payload": payload}}
        self.transfers.append(told)

    def press(self, user: int, message: Sent, data: str) -> int:
        """A user presses a button."""
        shown = {
            "message_id": message.id,
            "date": int(EPOCH_S + self.loop.now_s),
            "chat": _chat(user),
            "from": BOT,
            "text": message.text or "x",
            "reply_markup": {"inline_keyboard": message.rows},
        }
        return self.push(
            "callback_query",
            {
                "id": str(self.next_id()),
                "from": _user(user),
                "message": shown,
                "chat_instance": "1",
                "data": data,
            },
        )

    def in_chat(self, chat_id: int) -> list[Sent]:
        return [each for each in self.sent.values() if each.chat_id == chat_id]

    async def poll(self, method: Any, exchange: Callable[..., Any]) -> list[dict[str, Any]]:
        """getUpdates, with the confirmation by its offset and the conflict of two pollers."""
        me = self._poller = object()
        until_s = self.loop.now_s + (method.timeout or 0)
        self.arrived.set()

        def take() -> list[dict[str, Any]]:
            if self._poller is not me:
                sometimes("telegram: two pollers")
                raise RefusedError(409, "Conflict: terminated by other getUpdates request")
            for update_id in [each for each in self.updates if each < (method.offset or 0)]:
                del self.updates[update_id]
            return list(self.updates.values())[: method.limit]

        while True:
            self.arrived.clear()
            found = await exchange("telegram", "getUpdates", take)
            left_s = until_s - self.loop.now_s
            if found or left_s <= 0:
                return found
            try:
                async with asyncio.timeout(left_s):
                    await self.arrived.wait()
            except TimeoutError:
                return []

    def serve(self, name: str, told: Any) -> Any:
        """Answer a call. Raises RefusedError."""
        chat_id = getattr(told, "chat_id", None)
        if chat_id in self.blocked:
            raise RefusedError(403, "Forbidden: bot was blocked by the user")
        serve = getattr(self, _CAPITAL.sub(r"_\g<0>", f"_{name}").lower(), None)
        if serve is None:
            raise RefusedError(404, f"Not Found: {name}")
        return serve(told)

    def _get_me(self, _: Any) -> Any:
        return BOT

    def _delete_webhook(self, _: Any) -> Any:
        return True

    def _answer_callback_query(self, told: Any) -> Any:
        self.toasts.append((int(told.callback_query_id), told.text or ""))
        return True

    def _get_star_transactions(self, told: Any) -> Any:
        return {"transactions": self.transfers[told.offset :][: told.limit]}

    def _refund_star_payment(self, told: Any) -> Any:
        if told.user_id in self.refunded:
            raise RefusedError(400, "Bad Request: CHARGE_ALREADY_REFUNDED")
        sometimes("a payment is refunded")
        self._transfer("receiver", told.user_id, told.telegram_payment_charge_id, "")
        return True

    def _get_file(self, told: Any) -> Any:
        if told.file_id not in self.files:
            raise RefusedError(400, "Bad Request: wrong file_id")
        return {"file_id": told.file_id, "file_unique_id": "u", "file_path": told.file_id}

    def _send_message(self, told: Any) -> Any:
        return self._send(told, text=told.text)

    def _send_photo(self, told: Any) -> Any:
        return self._send(told, text=told.caption or "", media=told.photo)

    def _send_document(self, told: Any) -> Any:
        return self._send(told, text=told.caption or "", media=told.document)

    def _send(self, told: Any, text: str, media: Any = None) -> Any:
        reply = told.reply_parameters.message_id if told.reply_parameters else 0
        message = Sent(self.next_id(), told.chat_id, text, _rows(told), reply_to=reply)
        answer = {"message_id": message.id}
        if media is not None:
            answer |= self._show(message, media)
        self.sent[message.id] = message
        self._say(message)
        return answer

    def _edit_message_text(self, told: Any) -> Any:
        message = self._found(told)
        before = message.text, message.rows, message.picture
        if (told.text, _rows(told), "") == before:
            raise RefusedError(400, "Bad Request: message is not modified: as before")
        if message.picture:
            raise RefusedError(400, "Bad Request: there is no text in the message to edit")
        message.text, message.rows = told.text, _rows(told)
        self._say(message)
        return {"message_id": message.id}

    def _edit_message_media(self, told: Any) -> Any:
        message = self._found(told)
        message.text, message.rows = told.media.caption or "", _rows(told)
        message.is_result = isinstance(told.media.media, InputFile)
        shown = self._show(message, told.media.media)
        self._say(message)
        return {"message_id": message.id, **shown}

    def _edit_message_reply_markup(self, told: Any) -> Any:
        message = self._found(told)
        if _rows(told) == message.rows:
            raise RefusedError(400, "Bad Request: message is not modified: as before")
        message.rows = _rows(told)
        return {"message_id": message.id}

    def _delete_message(self, told: Any) -> Any:
        if told.message_id not in self.sent:
            raise RefusedError(400, "Bad Request: message to delete not found")
        del self.sent[told.message_id]
        return True

    def _found(self, told: Any) -> Sent:
        found = self.sent.get(told.message_id)
        if found is None or found.chat_id != told.chat_id:
            raise RefusedError(400, "Bad Request: message to edit not found")
        return found

    def _show(self, message: Sent, media: Any) -> dict[str, Any]:
        if isinstance(media, InputFile):
            content = media._path.read_bytes()  # pyrefly: ignore[missing-attribute]
            name = f"sent-{self.next_id()}"
            self.files[f"file-{name}"] = content
        else:
            name, content = media.removeprefix("file-"), self.files[media]
        message.picture = content.decode()
        size = {"width": 1000, "height": 800, "file_size": 2000}
        photo = {"file_id": f"file-{name}", "file_unique_id": f"unique-{name}", **size}
        return {"photo": [photo]}

    def _say(self, message: Sent) -> None:
        if NEWS in message.text:
            # It answers nobody.
            self.news[message.chat_id, message.text] += 1
            return
        self.spoken_s[message.chat_id] = self.loop.now_s
        self.changed(message)


def _rows(told: Any) -> list[list[dict[str, str]]]:
    rows = getattr(told.reply_markup, "inline_keyboard", None) or []
    return [
        [{"text": each.text, "callback_data": each.callback_data} for each in row] for row in rows
    ]


def _user(user: int) -> dict[str, Any]:
    language = "en" if user % 2 else "ru"
    return {"id": user, "is_bot": False, "first_name": f"U{user}", "language_code": language}


def _chat(user: int) -> dict[str, Any]:
    return {"id": user, "type": "private", "first_name": f"U{user}"}


class Session(BotSession):
    """The bot's own session, whose calls go to the simulated Telegram."""

    def __init__(self, telegram: Telegram, network: Network) -> None:
        super().__init__("https://telegram.invalid")
        self._telegram = telegram
        self._network = network
        self.skew_s = 0.0

    async def make_request(
        self,
        bot: Bot,
        method: TelegramMethod[Any],
        timeout: int | None = None,  # noqa: ASYNC109 -- aiogram's signature
    ) -> Any:
        name = method.__api_method__
        try:
            async with asyncio.timeout(timeout or self.timeout):
                status, body = await self._answer(name, method)
        except (TimeoutError, LostError) as error:
            raise TelegramNetworkError(method=method, message="lost") from error
        return self.check_response(bot, method, status, json.dumps(body)).result

    async def _answer(self, name: str, method: Any) -> tuple[int, dict[str, Any]]:
        try:
            if name == "getUpdates":
                return 200, _ok(await self._telegram.poll(method, self._network.exchange))
            answer = await self._network.exchange(
                "telegram", name, lambda: self._serve(name, method)
            )
        except RefusedError as error:
            return error.status, error.body
        return 200, _ok(answer)

    def _serve(self, name: str, method: Any) -> Any:
        kind = self._network.befalls("telegram", "busy", "ill", "crashing")
        if kind == "busy":
            raise RefusedError(429, "Too Many Requests: retry after 3", retry_after=3)
        if kind == "ill":
            raise RefusedError(502, "Bad Gateway")
        answer = self._telegram.serve(name, method)
        if kind == "crashing":
            raise RefusedError(500, "Internal Server Error")
        return answer

    async def stream_content(self, url: str, *_: Any, **__: Any) -> AsyncGenerator[bytes]:
        name = url.rpartition("/")[2]
        try:
            async with asyncio.timeout(60):
                yield await self._network.exchange(
                    "telegram", "download", lambda: self._telegram.files[name]
                )
        except LostError as error:
            raise ConnectionError("lost") from error

    async def close(self) -> None:
        pass


def _ok(result: Any) -> dict[str, Any]:
    return {"ok": True, "result": result}
