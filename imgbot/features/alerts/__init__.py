"""Alerts: administrators are told what is wrong with the bot, and may do what helps.

* `notifier`: judges the facts every few seconds, and sends `notices`; `store`: what was reported.
* `remedies`: the buttons under a notice; `pause`: /pause, /resume.

What is a problem, and what helps, is said in the core, for the status page as well.
"""

from imgbot.bot.commands import admin_command
from imgbot.features.alerts.buttons import FIX
from imgbot.features.alerts.notifier import AlertNotifier
from imgbot.features.alerts.pause import PauseHandlers
from imgbot.features.alerts.remedies import Remedies, RemedyHandlers
from imgbot.features.alerts.store import KEYS, AlertStore
from imgbot.features.feature import Core, Feature, Seams
from imgbot.storage.dead_letters import DeadLetters
from imgbot.storage.pause import Pause
from imgbot.storage.users import UserStore


def _build(core: Core) -> Seams:
    redis = core.redis
    alerts, pause, dead_letters = AlertStore(redis), Pause(redis), DeadLetters(redis, core.queue)
    pausing = PauseHandlers(pause)
    remedies = Remedies(core.spend, core.now_ms, core.pool, core.routes, pause, dead_letters)
    admins, users = sorted(core.policy.admins), UserStore(redis)
    notifier = AlertNotifier(admins, alerts, users, core.messenger, core.measure, core.alarm)
    return Seams(
        commands=[
            # They also work in a group: their answers disclose nothing private.
            admin_command("pause", pausing.begin, is_private=False),
            admin_command("resume", pausing.end, is_private=False),
        ],
        actions=[(FIX, RemedyHandlers(alerts, remedies).on_press)],
        loops=[notifier.run],
    )


FEATURE = Feature("alerts", _build, KEYS)
