"""Telegram Stars: users buy them, and pay for pictures with them.

* `handlers`: /balance, /buy, /paysupport, payments; `refunds`: /refund for administrators.
* `ledger`: what users have paid, hold and have spent, in Redis.
* `words`: words about buying, and about money back.
* `paying`: prices as they are shown, and what jobs hold until their end.
* `support`: words to the administrators and back, and the terms of sale.
* `payments`: the Bot API calls; `reconciler`: refunds, and the ledger held against Telegram's list.
"""

from functools import partial

from imgbot.bot.commands import ChatCommand, admin_command
from imgbot.bot.people import UserFinder
from imgbot.features.feature import Core, Feature, PrivacyNote, Seams
from imgbot.features.stars.handlers import BUY, KINDS, PAYBACK, StarHandlers, buy_row
from imgbot.features.stars.ledger import KEYS, StarLedger
from imgbot.features.stars.paying import StarTerms, failure_note
from imgbot.features.stars.payments import StarPayments
from imgbot.features.stars.reconciler import StarReconciler
from imgbot.features.stars.refunds import REFUND, RefundHandlers
from imgbot.features.stars.settings import StarSettings
from imgbot.features.stars.support import SUPPORT, Support, terms_of_sale
from imgbot.features.stars.words import ROWS
from imgbot.jobs.hooks import Hooks
from imgbot.storage.results import ResultStore
from imgbot.storage.users import UserStore


def _build(core: Core) -> Seams:
    """Build it; where nothing is sold, what was paid is still seen, returned and refunded."""
    prices, users = core.settings.of(StarSettings).stars, UserStore(core.redis)
    ledger, payments = StarLedger(core.redis), StarPayments(core.bot)
    is_sold = prices is not None
    reconciler = StarReconciler(
        ledger, payments, core.queue.persistence, core.now_ms, core.spend.today, is_on=is_sold
    )
    terms = StarTerms(prices, ledger, core.policy.is_admin) if prices else None
    finder = UserFinder(users, ResultStore(core.redis), core.identity)
    parts = core.messenger, core.policy, users, core.account, core.spend, core.now_ms
    support = Support(core.messenger, core.policy, users, finder)
    makers = [name for name, _ in core.routes.makers]
    sale = core.settings.of(StarSettings).terms, makers, core.privacy_notes
    rest = ledger, payments, prices, reconciler.refund_due, support
    refunds = RefundHandlers(finder, ledger, core.now_ms, reconciler.refund_due)
    handlers = StarHandlers(*parts, *rest, partial(terms_of_sale, *sale))
    return Seams(
        updates=dict.fromkeys(KINDS, handlers.handle),
        commands=[
            *_commands(handlers, is_sold=is_sold),
            admin_command("refund", refunds.list_payments, is_listed=is_sold),
        ],
        actions=[
            (BUY, handlers.on_buy),
            (PAYBACK, handlers.on_payback),
            (REFUND, refunds.on_refund),
            (SUPPORT, refunds.on_support),
        ],
        message_routes=[support.route] if is_sold else [],
        word_readers=ROWS,
        answers={
            "buy": handlers.offer_packs,
            "refund": handlers.answer_money_back,
            **({"price": handlers.answer_price} if is_sold else {}),
        },
        on_admitted=[handlers.announce_first_paid] if is_sold else [],
        refusal_rows={"stars_used_up": lambda dialogue, *_: buy_row(dialogue.language)},
        payment=terms.payment if terms else None,
        about_user=[handlers.about_user] if is_sold else [],
        holds=[terms.holds] if terms else [],
        hooks=Hooks(failure_notes=(failure_note,)),
        privacy_notes=_NOTES if is_sold else [],
        loops=[reconciler.run],
    )


def _commands(handlers: StarHandlers, *, is_sold: bool) -> list[ChatCommand]:
    """Return the commands of users; without prices, those about what was paid once."""
    place = 4 if is_sold else 0
    # Where nothing is sold, a command in a group may be for another bot.
    common = {"is_open": True, "is_private": not is_sold, "is_uncounted": True}
    found = [
        ChatCommand("balance", handlers.show_balance, place, is_personal=True, **common, **_HELP),
        ChatCommand("paysupport", handlers.ask_support, is_part=True, **common),
    ]
    if is_sold:
        found.append(ChatCommand("terms", handlers.show_terms, 7, **common, **_HELP))
        found.append(ChatCommand("buy", handlers.offer_packs, place, is_personal=True, **_HELP))
    return found


_NOTES = [PrivacyNote(f"privacy_{name}", is_kept=True) for name in ("stars", "support")]
_HELP = {"help_topic": "account"}

FEATURE = Feature("stars", _build, KEYS, settings=StarSettings)
