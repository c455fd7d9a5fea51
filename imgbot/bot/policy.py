"""Access policy: the operator's rules of access."""

from collections.abc import Callable
from dataclasses import dataclass

from imgbot.bot.context import RequestContext
from imgbot.domain.errors import UserError
from imgbot.domain.operations import OFFERED, Operation

_SMALLEST_SCALE = 2


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """Access rules of the operator: admitted users and groups by id, and the engine."""

    allowed: frozenset[int]
    admins: frozenset[int]
    has_builtin_engine: bool
    """True if it makes all pictures."""
    has_builtin_edits: bool
    """True if it makes the edits: it changes less than words can ask for."""
    price_of: Callable[[Operation, int, str], int]
    """Price of a picture at a scale by a model, in micro-dollars; empty is the usual model."""
    prompt_language: str = ""
    """Language of prompts that the provider of new pictures understands best; empty if any."""
    has_photo_styles: bool = False
    """True if it makes the edits, and the extra `paint` is installed."""

    @property
    def least_price_micro(self) -> int:
        """Price of the cheapest picture that is not free, in micro-dollars; 0 if all are free."""
        prices = (self.price_of(operation, _SMALLEST_SCALE, "") for operation in OFFERED)
        return min(filter(None, prices), default=0)

    def admits(self, *ids: int) -> bool:
        """Return true if this user, or the chat they write in, is admitted."""
        return not self.allowed or not (self.allowed | self.admins).isdisjoint(ids)

    def is_admin(self, user_id: int) -> bool:
        return user_id in self.admins

    def check(self, context: RequestContext) -> None:
        """Raise UserError for a user who is not admitted, or not at present."""
        profile = context.profile
        if profile.is_banned and not self.is_admin(context.user_id):
            raise UserError("banned")
        # That account has an id, but no user who could be admitted.
        if context.is_anonymous:
            raise UserError("anonymous")
        if not (profile.is_allowed or self.admits(context.user_id, context.chat_id)):
            raise UserError("not_allowed", user_id=context.user_id)
