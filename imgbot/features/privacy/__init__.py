"""Privacy: /privacy says what is kept of users, /forget_me deletes it, as does long silence.

What forgetting does with each Redis key is declared with the key, and done by the core's
`imgbot.storage.forgetting`, which also deletes single pictures.
"""

from imgbot.bot.commands import ChatCommand
from imgbot.domain.buttons import FORGET
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.privacy.forgetter import Forgetter
from imgbot.features.privacy.handlers import PrivacyHandlers
from imgbot.features.privacy.settings import PrivacySettings


def _build(core: Core) -> Seams:
    days = core.settings.of(PrivacySettings).forget_after_days
    facts = core.routes.makers, days, core.privacy_notes
    handlers = PrivacyHandlers(*facts, core.forgetting, core.spend, core.messenger)
    forgetter = Forgetter(
        core.forgetting,
        core.now_ms,
        core.spend.today,
        days,
        core.settings.rate_limit_window,
        core.is_clock_sure,
    )
    return Seams(
        commands=[
            ChatCommand("privacy", handlers.show, menu_place=6, is_personal=True, is_open=True),
            ChatCommand("my_data", handlers.send_my_data, is_private=True, is_open=True),
            ChatCommand("forget_me", handlers.ask_to_forget, is_open=True),
        ],
        actions=[(FORGET, handlers.on_forget)],
        answers={"privacy": handlers.answer_privacy, "provider": handlers.answer_provider},
        loops=[forgetter.run],
    )


FEATURE = Feature("privacy", _build, settings=PrivacySettings)
