"""Settings of the guard."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator

from imgbot.config.setting_types import Pairs, pairs_of
from imgbot.config.settings import FeatureSettings
from imgbot.domain.job import Request


def parse_guard(value: object) -> Pairs:
    """Mode of the guard by chat; the one without a name is for all others."""
    pairs = tuple((name, mode.lower()) for name, mode in pairs_of(value))
    chats = all(re.fullmatch(r"-\d+", name) for name, _ in pairs if name)
    if not chats or any(mode not in {"off", "blur", "refuse"} for _, mode in pairs):
        raise ValueError
    return pairs


class GuardSettings(FeatureSettings):
    """Modes of the guard."""

    guard: Annotated[Pairs, BeforeValidator(parse_guard)] = ()

    @property
    def strictest(self) -> str:
        modes = (mode for _, mode in self.guard)
        return max(modes, key=("off", "blur", "refuse").index, default="off")

    @property
    def extras(self) -> Mapping[str, str]:
        return {} if self.strictest == "off" else {"IMGBOT_GUARD": "guard"}

    def mode_for(self, request: Request) -> str:
        """Return what the guard does with a request: off, blur or refuse."""
        if request.inline_id:
            # Its chat is not known.
            return self.strictest
        modes = dict(self.guard)
        return modes.get(str(request.chat_id), modes.get("", "off"))


SETTINGS = GuardSettings
