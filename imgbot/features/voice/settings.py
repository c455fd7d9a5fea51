"""Settings of voice messages: the speech model."""

from urllib.parse import urlsplit

from imgbot.config.setting_types import ChatParts, ChatServer, Secret
from imgbot.config.settings import FeatureSettings


class SpeechSettings(FeatureSettings):
    """Speech server of the operator, with its key."""

    speech: ChatParts = ChatServer("", "")
    speech_key: Secret | None = None

    @property
    def host(self) -> str:
        return urlsplit(self.speech.url).hostname or ""


SETTINGS = SpeechSettings
