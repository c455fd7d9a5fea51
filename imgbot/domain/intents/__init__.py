"""Intents: what a text asks for, learned from utterances of users.

`words` reads a text, `features` turns it and the facts of its chat into numbers, `model` weighs
them, `classifier` decides, and `beginnings` finds the prompt. Who wants a text understood otherwise
adds examples to `tests/fixtures/utterances_*.toml`, and runs `make train-intents`.
"""

from imgbot.domain.intents.classifier import classify, scale_in, wording_key
from imgbot.domain.intents.facts import ChatFacts, Classification, Intent, PendingQuestion

__all__ = (
    "ChatFacts",
    "Classification",
    "Intent",
    "PendingQuestion",
    "classify",
    "scale_in",
    "wording_key",
)
