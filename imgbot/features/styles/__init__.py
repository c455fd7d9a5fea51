"""Photo styles: a menu of paintings in whose style the built-in engine paints a photo.

Its networks are `imgbot.painter.engine.photo_styles`, of the extra `paint`.
"""

from imgbot.bot.commands import ChatCommand
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.styles.handlers import STYLE, StyleMenu


def _build(core: Core) -> Seams:
    is_on = core.policy.has_photo_styles
    menu = StyleMenu(core.requests, core.pictures, is_on=is_on)
    return Seams(
        commands=[ChatCommand("styles", menu.show)],
        actions=[(STYLE, menu.on_press)],
        photo_buttons=[STYLE] if is_on else [],
    )


FEATURE = Feature("styles", _build)
