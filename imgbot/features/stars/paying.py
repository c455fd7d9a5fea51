"""Paying with Stars: for pictures, by what jobs hold, and for what other features sell."""

from collections.abc import Callable
from dataclasses import dataclass

from imgbot.bot.dialogue import Dialogue, Payment
from imgbot.domain.errors import UserError
from imgbot.domain.holds import Hold, amount_spent
from imgbot.domain.job import Job, is_paid
from imgbot.domain.operations import OFFERED, OPERATIONS, Operation
from imgbot.domain.texts import counted, t
from imgbot.features.stars.ledger import StarLedger, star_holds
from imgbot.features.stars.prices import COIN, offer_of, price_in_stars
from imgbot.features.stars.settings import StarPrices


@dataclass(frozen=True, slots=True)
class StarTerms:
    """Terms on which users pay; administrators do not."""

    prices: StarPrices
    ledger: StarLedger
    is_admin: Callable[[int], bool]

    @property
    def payment(self) -> Payment:
        return Payment(price_of=self._shown, receipt=_receipt, take=self._take, terms=self._terms)

    def price_of(self, user_id: int, operation: Operation, price_micro: int) -> int:
        """Return the price of an order to its user."""
        if self.is_admin(user_id) or operation not in OFFERED:
            return 0
        return price_in_stars(self.prices, price_micro)

    def holds(self, job: Job) -> list[Hold]:
        """Return what a job holds of its user's Stars."""
        price = self.price_of(job.user_id, job.request.operation, job.charge.price_micro)
        # The free ones are pictures: the price of a clip was shown, and agreed to.
        is_clip = OPERATIONS[job.request.operation].makes_clip
        return star_holds(price, 0 if is_clip else self.prices.free_daily, job)

    def _shown(self, user_id: int, operation: Operation, price_micro: int) -> str:
        stars = self.price_of(user_id, operation, price_micro)
        return f"{stars} {COIN}" if stars else ""

    def _terms(self, dialogue: Dialogue) -> str:
        if dialogue.is_by_admin:
            return ""
        prices, language = self.prices, dialogue.language
        packs = sorted(prices.packs, key=lambda each: (each.is_monthly, each.price))
        offer, free = offer_of(language, prices, packs[0]), prices.free_daily
        key = "stars_terms_free" if free else "stars_terms"
        return t(language, key, offer=offer, free=counted(language, "pictures", free))

    async def _take(self, dialogue: Dialogue, thing: str, stars: int) -> None:
        if dialogue.is_by_admin:
            return
        item = f"{thing}.{dialogue.context.request}"
        balance = await self.ledger.take(dialogue.user_id, stars, item)
        if balance is not None:
            raise UserError("stars_used_up", amount=stars, count=balance)


def _receipt(stars: int, language: str) -> str:
    return t(language, "receipt_stars", stars=stars)


def failure_note(job: Job) -> str:
    """Return the sentence on the Stars that a job without a picture held; empty for none."""
    held = job.charge.holds
    key, stars = "stars_spent", amount_spent(held)
    if not is_paid(job):
        key, stars = "stars_given_back", amount_spent(each._replace(back=0) for each in held)
    return t(job.request.language, key, stars=stars) if stars else ""
