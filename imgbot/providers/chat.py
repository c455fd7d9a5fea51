"""Chat server of the operator: one question, one answer as JSON, within bounds.

Whatever is wrong with an answer is None; after failures in a row it is left alone for a while.
"""

import asyncio
import base64
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from imgbot.domain.errors import ProviderError, StorageFullError, UserError
from imgbot.providers.http import ProviderHttpClient, ProviderResponse
from imgbot.providers.protocol import Timeouts
from imgbot.providers.url_policy import Hosts
from imgbot.telemetry import events

T = TypeVar("T")

_ANSWER_LIMIT_BYTES = 64 << 10
_FAILURES = 3
_FAILED = (ProviderError, ValueError, LookupError, TypeError, AttributeError, UserError)
PICTURE_LIMITS = {"max_side_px": 1024, "max_bytes": 1_000_000, "takes_png": False}
"""Limits of a picture that is asked about, as `steps.fit` takes them."""
DAILY_LIMIT = 2000
"""Questions of all users; docs/chat-model.md says it."""
_DAY_S = 86_400.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 60.0, 3600.0


class ChatClient:
    """Client of a chat server; without a URL it is off."""

    def __init__(
        self,
        url: str,
        model: str,
        key: SecretStr | None,
        count_call: Callable[[], Awaitable[int]],
        name: str = "chat model",
    ) -> None:
        """`count_call` counts a call and returns the number of today's; `name` is for the log."""
        self._name = name
        self._url = url
        self._model = model
        self._count_call = count_call
        self._calls_of = Counter[tuple[int, int]]()
        self._calls_until_s = 0.0
        self._auth = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
        self._failures = 0
        self._paused_until_s = 0.0

    @property
    def is_on(self) -> bool:
        return bool(self._url)

    @property
    def is_paused(self) -> bool:
        return time.monotonic() < self._paused_until_s

    async def may_call(self, user_id: int, share: int) -> bool:
        """Count a call of the user's share, unless that, or the day's number, is used up."""
        now_s = time.monotonic()
        if now_s > self._calls_until_s:
            self._calls_of.clear()
            self._calls_until_s = now_s + _DAY_S
        if now_s < self._paused_until_s or self._calls_of[user_id, share] >= DAILY_LIMIT // share:
            return False
        self._calls_of[user_id, share] += 1
        with suppress(StorageFullError):
            return await self._count_call() <= DAILY_LIMIT
        return False

    async def ask(
        self,
        instructions: str,
        asked: Mapping[str, Any],
        schema: Mapping[str, Any],
        read: Callable[[Any], T],
        timeout_s: float,
        picture: Path | None = None,
    ) -> T | None:
        """Return what `read` finds in the model's answer; None if it is not as it should be.

        `schema` is that of the answer's properties, `picture` a JPEG that is asked about.
        """

        async def content() -> Any:
            body = await asyncio.to_thread(self._body, instructions, asked, schema, picture)
            return _content_of(await self._post("chat/completions", timeout_s, json=body))

        return await self._answer(content(), read)

    async def transcribe(
        self, recording: Path, read: Callable[[Any], T], timeout_s: float
    ) -> T | None:
        """Return what `read` finds in the words of an OGG file; None as `ask` does."""

        async def words() -> Any:
            file = "voice.ogg", await asyncio.to_thread(recording.read_bytes), "audio/ogg"
            form = {"model": self._model, "response_format": "json"}
            called = "audio/transcriptions", timeout_s
            answer = await self._post(*called, data=form, files={"file": file})
            return answer.content["text"] if answer.is_success else None

        return await self._answer(words(), read)

    async def _answer(self, content: Awaitable[Any], read: Callable[[Any], T]) -> T | None:
        try:
            found = read(await content)
        except _FAILED as error:
            # The text of an error may hold what was sent: only its kind is logged.
            self._pause(type(error).__name__)
            return None
        self._failures = 0
        return found

    def _pause(self, what: str) -> None:
        """Count a failure; after several in a row, leave the model alone for a while."""
        self._failures += 1
        if self._failures >= _FAILURES:
            pause_s = min(_FIRST_PAUSE_S * 2 ** (self._failures - _FAILURES), _LONGEST_PAUSE_S)
            self._paused_until_s = time.monotonic() + pause_s
            events.warning("the %s fails (%s); it is not asked for %d s", self._name, what, pause_s)

    async def _post(self, path: str, timeout_s: float, **body: Any) -> ProviderResponse:
        client = ProviderHttpClient(
            Hosts([self._url], []),
            self._auth,
            deadlines=Timeouts(ask_s=timeout_s, submit_s=timeout_s),
            answer_limit_bytes=_ANSWER_LIMIT_BYTES,
        )
        async with aclosing(client):
            return await client.ask("POST", f"{self._url}/{path}", **body)

    def _body(
        self,
        instructions: str,
        asked: Mapping[str, Any],
        schema: Mapping[str, Any],
        picture: Path | None,
    ) -> dict[str, Any]:
        content: Any = json.dumps(asked, ensure_ascii=False)
        if picture:
            url = f"data:image/jpeg;base64,{base64.b64encode(picture.read_bytes()).decode()}"
            shown = {"type": "image_url", "image_url": {"url": url}}
            content = [{"type": "text", "text": content}, shown]
        json_schema = {"name": "answer", "strict": True, "schema": object_of(**schema)}
        return {
            "model": self._model,
            "messages": [
                {"role": "system", "content": instructions},
                {"role": "user", "content": content},
            ],
            "response_format": {"type": "json_schema", "json_schema": json_schema},
        }


def object_of(**properties: Any) -> dict[str, Any]:
    """Return the JSON schema of an object with just these properties."""
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def _content_of(answer: ProviderResponse) -> Any:
    """Return the JSON of an answer; ValueError or the like for any other answer."""
    content: Any = answer.content if answer.is_success else None
    try:
        return json.loads(content["choices"][0]["message"]["content"])
    except RecursionError as error:
        raise ValueError from error
