"""People: what administrators see of users and their pictures, and whom they let in.

* `cards`: /user, /jobs; `reports`: /stats, /stuck, /spend.
* `admission`: /ban, /unban, /allow, /forget; `invitations`: /invite, and its links.
* `access`: who is banned, allowed or invited, in Redis.

The core refuses who is banned or not allowed.
"""

from imgbot.bot.commands import ChatCommand, admin_command
from imgbot.bot.people import UserFinder
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.people.access import KEYS, Access
from imgbot.features.people.admission import ALLOW, BAN, AdmissionHandlers
from imgbot.features.people.cards import USER, CardHandlers
from imgbot.features.people.invitations import INVITED, InvitationHandlers
from imgbot.features.people.reports import STUCK, ReportHandlers
from imgbot.storage.dead_letters import DeadLetters
from imgbot.storage.results import ResultStore
from imgbot.storage.stats import QueueStats
from imgbot.storage.users import UserStore


def _build(core: Core) -> Seams:
    access, users, stats = Access(core.redis), UserStore(core.redis), QueueStats(core.redis)
    dead_letters = DeadLetters(core.redis, core.queue)
    reports = ReportHandlers(users, core.spend, stats, dead_letters, core.pool, core.routes)
    finder = UserFinder(users, ResultStore(core.redis), core.identity)
    admission = AdmissionHandlers(access, finder, core.policy, users, core.queue)
    greet = core.general.handle_start
    invitations = InvitationHandlers(access, core.policy, core.identity, greet)
    cards = CardHandlers(admission, core.spend, core.requests.limit, stats, core.about_user)
    return Seams(
        updates={"migrate_to_chat_id": admission.follow},
        commands=[
            admin_command("stats", reports.show_stats),
            admin_command("stuck", reports.list_stuck),
            admin_command("spend", reports.show_spend),
            # Those that also work in a group disclose nothing private by their answers.
            admin_command("ban", admission.ban, is_private=False),
            admin_command("unban", admission.unban, is_private=False),
            admin_command("allow", admission.allow, is_private=False),
            admin_command("forget", admission.ask_to_forget),
            admin_command("user", cards.show),
            admin_command("jobs", cards.list_jobs),
            admin_command("invite", invitations.invite),
            ChatCommand("start", invitations.accept, payload=INVITED, is_open=True),
        ],
        actions=[
            (STUCK, reports.on_stuck),
            (BAN, admission.on_ban),
            (ALLOW, admission.on_allow),
            (USER, cards.on_press),
        ],
    )


FEATURE = Feature("people", _build, KEYS)
