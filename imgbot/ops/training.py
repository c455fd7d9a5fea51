"""`imgbot train`: weights from the program's utterances and the examples kept by the bot."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, product

from imgbot.config.settings import variable_of
from imgbot.config.sources import NO_PROVIDERS, PLACEHOLDER_TOKEN, SettingsSource
from imgbot.domain.errors import ConfigError, ImgbotError
from imgbot.domain.intents import ChatFacts, classify
from imgbot.domain.intents.classifier import ORDERS
from imgbot.domain.intents.model import UTTERANCES, digest_of, use
from imgbot.domain.intents.training import AFTER, Utterance, trained, utterances_in
from imgbot.files import anchored, as_owner, replace_file
from imgbot.ops.backup.redis_access import open_redis
from imgbot.ops.formatting import say
from imgbot.ops.installation import environ_of_service
from imgbot.ops.state_directory import WEIGHTS
from imgbot.storage.examples import ExampleStore

_NEXT = "the bot uses {} from its next start: sudo systemctl restart imgbot"
_NAMED = 3


async def train(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Learn, and replace the weights; return what was done, in sentences.

    Raises ConfigError, ImgbotError if the weights would be worse, StorageUnavailableError.
    """
    unneeded = {**NO_PROVIDERS, "IMGBOT_TOKEN": PLACEHOLDER_TOKEN}
    settings = SettingsSource(environ_of_service(environ), unneeded).read()
    if not settings.is_learning:
        raise ConfigError(
            variable_of("learn"), "is off, so no texts are kept: set it to on, and restart the bot"
        )
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
        weights = trained([*utterances, *examples], digest_of(UTTERANCES))
        use(weights)
        _check(utterances)
        with as_owner(here):
            replace_file(here / WEIGHTS, weights)
    understood = sum(_is_understood(each) for each in examples)
    return [
        f"{understood} of {len(examples)} kept texts are understood without a question now",
        _NEXT.format(settings.state_dir / WEIGHTS),
    ]


def _check(utterances: Iterable[Utterance]) -> None:
    """Raise ImgbotError if texts that must never be an order are one by the weights in use."""
    if found := list(_wrongly_ordered(utterances)):
        named = ", ".join(f"“{each}”" for each in found[:_NAMED])
        raise ImgbotError(
            f"nothing was changed: with what was learned, {len(found)} texts that ask for no "
            f"picture would be ordered ({named}); look for wrong answers with /learned"
        )


def _wrongly_ordered(utterances: Iterable[Utterance]) -> Iterator[str]:
    strict = [each for each in utterances if each.mark == "strict"]
    for each, context in product(strict, ("nothing", "picture")):
        facts = replace(AFTER[context], latest_prompt=each.facts.latest_prompt)
        if _is_order(each.text, facts):
            yield each.text


def _is_order(text: str, facts: ChatFacts) -> bool:
    found = classify(text, facts)
    return found.is_sure and found.intent in ORDERS


def _is_understood(each: Utterance) -> bool:
    found = classify(each.text, each.facts)
    return found.is_sure and found.intent == each.label
