"""Setting of the notice of newer releases."""

from imgbot.config.setting_types import HttpUrl
from imgbot.config.settings import FeatureSettings


class ReleaseSettings(FeatureSettings):
    """Address that is asked for the latest release; without one nobody is asked."""

    releases: HttpUrl = ""


SETTINGS = ReleaseSettings
