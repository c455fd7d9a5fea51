"""Settings of checked pictures."""

import re
from typing import Annotated

from pydantic import BeforeValidator

from imgbot.config.settings import FeatureSettings


def parse_check(value: object) -> int:
    """Return the number of free redos of a user and day; 0 without checks."""
    text = str(value).strip().lower()
    text = {"off": "0", "on": "1"}.get(text, text)
    if not re.fullmatch(r"\d{1,2}", text, re.ASCII):
        raise ValueError
    return int(text)


class CheckSettings(FeatureSettings):
    """Setting of checked pictures: the free redos of a user and day."""

    check: Annotated[int, BeforeValidator(parse_check)] = 0


SETTINGS = CheckSettings
