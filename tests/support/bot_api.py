"""The Bot API as a bot without any library sees it: methods, answers, refusals."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Self

import httpx

from tests.support.sandbox import Control, Person, open_sandbox

Json = dict[str, Any]


class BotApi:
    """Calls methods over real HTTP; values that are not text go as JSON, as everywhere."""

    def __init__(self, url: str, token: str) -> None:
        self._root = url
        self.token = token
        self._http = httpx.AsyncClient(timeout=httpx.Timeout(60.0), trust_env=False, verify=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def raw(
        self, method: str, files: Mapping[str, tuple[str, bytes]] | None = None, **values: Any
    ) -> tuple[int, Json]:
        """The status and the whole answer."""
        form = {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in values.items()
        }
        url = f"{self._root}/bot{self.token}/{method}"
        answer = await self._http.post(url, data=form, files=files or None)
        return answer.status_code, answer.json()

    async def call(
        self, method: str, files: Mapping[str, tuple[str, bytes]] | None = None, **values: Any
    ) -> Any:
        """The result; an AssertionError with Telegram's text where there is none."""
        status, answer = await self.raw(method, files, **values)
        assert answer["ok"], f"{method}: {status} {answer}"
        return answer["result"]

    async def refusal(
        self, method: str, files: Mapping[str, tuple[str, bytes]] | None = None, **values: Any
    ) -> str:
        """`<code> <description>` of a call that must be refused."""
        status, answer = await self.raw(method, files, **values)
        assert not answer["ok"], f"{method} was accepted: {answer}"
        assert answer["error_code"] == status
        return f"{status} {answer['description']}"

    async def download(self, file_path: str) -> tuple[int, bytes]:
        answer = await self._http.get(f"{self._root}/file/bot{self.token}/{file_path}")
        return answer.status_code, answer.content


@asynccontextmanager
async def open_desk(
    *, said: str = "", person: Mapping[str, str] = MappingProxyType({}), **options: Any
) -> AsyncGenerator[tuple[Control, BotApi, Person]]:
    """A sandbox with its control, the Bot API on it, and Anna, who may have `said` something."""
    async with (
        open_sandbox(**{"flood": False} | options) as (sandbox, control),
        BotApi(sandbox.url, sandbox.token) as api,
    ):
        anna = await control.make_user("Anna", **person)
        if said:
            await control.say(anna, said)
        yield control, api, anna


def keyboard(**button: Any) -> dict[str, Any]:
    """An inline keyboard of one button."""
    return {"inline_keyboard": [[button]]}
