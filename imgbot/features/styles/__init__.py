"""Photo styles: a menu of paintings in whose style the built-in engine paints a photo.

Its networks are `imgbot.painter.engine.photo_styles`, of the extra `paint`.
"""

from imgbot.bot.commands import ChatCommand
from imgbot.domain.buttons import ButtonAction
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.styles.handlers import StyleMenu


def _build(core: Core) -> Seams:
    is_on = core.app.policy.has_photo_styles
    menu = StyleMenu(is_on=is_on)
    return Seams(
        commands=[ChatCommand("styles", menu.show)],
        actions=[(ButtonAction("style"), menu.on_press)],
        photo_buttons=["style"] if is_on else [],
    )


FEATURE = Feature("styles", _build)
