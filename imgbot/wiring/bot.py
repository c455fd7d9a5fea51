"""Builds the side that talks to users."""

from typing import cast

from imgbot.bot.conversation import Conversation
from imgbot.bot.dialogue import Dialogues
from imgbot.bot.handlers.results import ResultHandlers
from imgbot.bot.policy import Visits
from imgbot.bot.router import Router, UpdateHandler
from imgbot.bot.text_orders import TextOrders
from imgbot.bot.text_reader import TextReader
from imgbot.features.feature import Core, Seams
from imgbot.painter.originals import OriginalStore
from imgbot.storage.results import ResultStore
from imgbot.storage.stats import QueueStats
from imgbot.storage.update_ledger import UpdateLedger
from imgbot.storage.users import UserStore
from imgbot.telegram.session import BotSession
from imgbot.telegram.update_poller import UpdatePoller
from imgbot.wiring.connections import Connections


def build_conversation(core: Core, seams: Seams, originals: OriginalStore) -> Conversation:
    """Build the conversation, and list the commands and actions of all handlers."""
    stored, parts = ResultStore(core.redis), (core.requests, core.pictures, core.operations)
    own = stored, originals.find, core.forgetting
    others = ResultHandlers(*parts, core.account, *own), core.account, core.general
    users = UserStore(core.redis)
    reader = TextReader(core.pictures, users, core.operations.has_photo_styles)
    conversation = Conversation(reader, TextOrders(*parts), *parts, *others, stored, users)
    core.text_handlers.append(conversation.handle_text)
    for each in (core.operations, *others, conversation):
        each.add_to(core.general.table)
    core.general.table.add(*seams.commands, *seams.actions)
    return conversation


def build_update_poller(
    connections: Connections,
    core: Core,
    seams: Seams,
    conversation: Conversation,
    dialogues: Dialogues,
) -> UpdatePoller:
    """Build the poller, and the handler of its updates."""
    redis, policy, general = core.redis, core.policy, core.general
    router = Router(core.identity, policy, general, conversation, seams.message_routes)
    users, stats, results = UserStore(redis), QueueStats(redis), ResultStore(redis)
    visits = Visits(policy, core.queue, users, results, stats)
    parts = router, visits, core.requests, users, dialogues, core.bot
    handler = UpdateHandler(*parts, seams.updates, seams.kept_handlers, seams.words_of)
    handler.add_to(general.table)
    ledger = UpdateLedger(redis, core.queue.persistence.persist)
    expired = None
    if lease := connections.lease:
        expired, cast("BotSession", core.bot.session).check_lease = lease.expired, lease.check
    return UpdatePoller(core.bot, handler.handle, ledger, expired)
