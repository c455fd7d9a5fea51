"""Settings of privacy."""

from typing import Annotated

from pydantic import Field

from imgbot.config.settings import FeatureSettings


class PrivacySettings(FeatureSettings):
    """Silence after which a user is forgotten."""

    forget_after_days: Annotated[int, Field(ge=0, le=36_500)] = 365


SETTINGS = PrivacySettings
