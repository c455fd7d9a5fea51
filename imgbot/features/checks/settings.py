"""Settings of checked pictures."""

import re
from typing import Annotated

from pydantic import BeforeValidator

from imgbot.config.settings import FeatureSettings


def parse_check(value: object) -> int:
    """Free redos of a user and day; 0 without checks."""
    text = str(value).strip().lower()
    text = {"off": "0", "on": "1"}.get(text, text)
    if not re.fullmatch(r"\d{1,2}", text, re.ASCII):
        raise ValueError
    return int(text)


class CheckSettings(FeatureSettings):
    """Whether pictures are checked."""

    check: Annotated[int, BeforeValidator(parse_check)] = 0


SETTINGS = CheckSettings
