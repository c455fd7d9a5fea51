"""Settings of the chat model."""

from typing import Annotated, NamedTuple

from pydantic import BeforeValidator

from imgbot.config.setting_types import HttpUrl, Secret
from imgbot.config.settings import FeatureSettings


class ChatServer(NamedTuple):
    """Address and name of a chat model; both empty without one."""

    url: HttpUrl
    model: str


ChatParts = Annotated[ChatServer, BeforeValidator(lambda value: str(value).split())]


class PromptHelpSettings(FeatureSettings):
    """The chat model, and its key."""

    chat: ChatParts = ChatServer("", "")
    chat_key: Secret | None = None


SETTINGS = PromptHelpSettings
