"""A sandbox without a bot, one user in it, and their window on the chat page."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Locator

from tests.support.bot_api import BotApi
from tests.support.browser import ChatPage, open_page
from tests.support.sandbox import Control, Person, open_sandbox, picture


@dataclass(frozen=True, slots=True)
class ChatDesk:
    """`anna` has said hello; the test itself is the bot, through `api`."""

    control: Control
    api: BotApi
    anna: Person
    browser: Browser

    def window(
        self, chat_id: int | None = None, **device: Any
    ) -> AbstractAsyncContextManager[ChatPage]:
        """Anna's window on a chat, the one with the bot if no other is named."""
        query = f"?user={self.anna.id}&chat={chat_id or self.anna.id}"
        return open_page(self.browser, self.control.url, query, **device)

    async def photo(self, **values: Any) -> dict[str, Any]:
        """A photo from the bot to Anna."""
        files = {"photo": ("a.jpg", picture())}
        return await self.api.call("sendPhoto", files, chat_id=self.anna.id, **values)


def row(chat: ChatPage, message_id: int) -> Locator:
    """The place of one message on the page."""
    return chat.page.locator(f'[data-message-id="{message_id}"]')


@asynccontextmanager
async def open_desk(browser: Browser) -> AsyncGenerator[ChatDesk]:
    async with (
        open_sandbox(flood=False) as (sandbox, control),
        BotApi(sandbox.url, sandbox.token) as api,
    ):
        anna = await control.make_user("Anna", username="anna")
        await control.say(anna, "hello")
        yield ChatDesk(control, api, anna, browser)
