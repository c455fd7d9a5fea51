"""`imgbot train`: weights from the program's utterances and the examples kept by the bot."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain

from imgbot.config.settings import variable_of
from imgbot.config.sources import NO_PROVIDERS, PLACEHOLDER_TOKEN, SettingsSource
from imgbot.domain.errors import ConfigError, ImgbotError
from imgbot.domain.intents import ChatFacts, classify
from imgbot.domain.intents.classifier import ORDERS, UNSURE
from imgbot.domain.intents.model import SHIPPED_WEIGHTS, UTTERANCES, digest_of, use
from imgbot.domain.intents.training import AFTER, Utterance, trained, utterances_in
from imgbot.files import anchored, as_owner, replace_file
from imgbot.imaging import encoder
from imgbot.ops.backup.redis_access import open_redis
from imgbot.ops.formatting import say
from imgbot.ops.installation import environ_of_service
from imgbot.ops.state_directory import WEIGHTS
from imgbot.storage.examples import ExampleStore

Shares = Mapping[str, Sequence[float]]
"""Shares of the texts' encodings in the units of the head, by text."""

_NEXT = "the bot uses {} from its next start: sudo systemctl restart imgbot"


async def train(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Learn, and replace the weights; return what was done, in sentences.

    Raises ConfigError, ImgbotError if the weights would be worse, StorageUnavailableError.
    """
    unneeded = {**NO_PROVIDERS, "IMGBOT_TOKEN": PLACEHOLDER_TOKEN}
    settings = SettingsSource(environ_of_service(environ), unneeded).read()
    if settings.learn == "off":
        why = "is off, so no texts are kept: set it to on, and restart the bot"
        raise ConfigError(variable_of("learn"), why)
    async with open_redis(settings, settings.state_dir) as redis:
        stored = await ExampleStore(redis, is_on=True).read(time.time_ns() // 1_000_000)
    with anchored(settings.state_dir) as here:
        if not stored:
            with as_owner(here):
                (here / WEIGHTS).unlink(missing_ok=True)
            return ["no texts are kept to learn from", _NEXT.format("its own weights")]
        utterances = list(chain.from_iterable(map(utterances_in, UTTERANCES)))
        examples = [stored[each].utterance for each in sorted(stored)]
        say(f"learning from {len(utterances)} utterances and {len(examples)} kept texts: a minute")
        weights = trained([*utterances, *examples], digest_of([SHIPPED_WEIGHTS]))
        use(weights)
        strict = [each for each in utterances if each.mark == "strict"]
        shares = _shares_of([each.text for each in (*strict, *examples)])
        if ordered := [each.text for each in strict if _is_ordered(each, shares)]:
            raise ImgbotError(
                f"nothing was changed: with what was learned, {len(ordered)} texts that ask for no "
                f"picture would be ordered, like “{ordered[0]}”; look for wrong answers (/learned)"
            )
        with as_owner(here):
            replace_file(here / WEIGHTS, weights)
    understood = sum(
        _understood(each.text, each.facts, shares)[-1] == each.label for each in examples
    )
    return [
        f"{understood} of {len(examples)} kept texts are understood without a question now",
        _NEXT.format(settings.state_dir / WEIGHTS),
    ]


def _shares_of(texts: Sequence[str]) -> Shares:
    """Return what the sentence encoder makes of the texts, nothing without one."""
    return dict(zip(texts, encoder.shares_of(texts), strict=True)) if encoder.is_installed() else {}


def _is_ordered(utterance: Utterance, shares: Shares) -> bool:
    """Return whether a text would be an order, with or without a picture to change."""
    latest = utterance.facts.latest_prompt
    chats = (replace(AFTER[name], latest_prompt=latest) for name in ("nothing", "picture"))
    return any(not ORDERS.isdisjoint(_understood(utterance.text, chat, shares)) for chat in chats)


def _understood(text: str, facts: ChatFacts, shares: Shares) -> list[str]:
    """Return the intent by words alone, and as well with the sentence encoder if there is one."""
    found = [classify(text, facts, each) for each in ((), shares.get(text)) if each is not None]
    return [each.intent if each.is_sure else UNSURE for each in found]
