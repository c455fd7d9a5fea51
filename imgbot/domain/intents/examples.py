"""Examples: texts that the bot asked about, each with what a button answered, to be learned from.

Of the chat no more is kept than what the features of the text are made of.
"""

import json
from contextlib import suppress
from dataclasses import astuple, dataclass, replace

from imgbot.domain.intents.facts import ChatFacts
from imgbot.domain.intents.training import AFTER, Utterance
from imgbot.domain.intents.words import read, stems_of

TEXT_LIMIT = 300
_LABELS = ("create", "change")
_NONE = "_"


@dataclass(frozen=True, slots=True)
class Example:
    """A text, its label, and the chat in which it was said."""

    label: str
    """Intent: `create` or `change`."""
    context: str
    """As in the utterances."""
    shared: str
    """Words of the text that the prompt of the picture has, too; `_` for none of them."""
    text: str

    def dump(self) -> str:
        return json.dumps(astuple(self), ensure_ascii=False)

    @property
    def utterance(self) -> Utterance:
        """The example as the training takes it."""
        facts = replace(AFTER[self.context], latest_prompt=self.shared)
        return Utterance(self.text, facts, self.label)


def load_example(content: str) -> Example | None:
    """Return a stored example; None for one that cannot be read."""
    with suppress(ValueError, TypeError, RecursionError):
        example = Example(*json.loads(content))
        is_text = all(isinstance(each, str) for each in astuple(example))
        if is_text and example.label in _LABELS and example.context in AFTER:
            return example
    return None


def shared_words(text: str, facts: ChatFacts) -> str:
    """Return the words that the text shares with the prompt of the picture; `_` for none."""
    stems = stems_of(facts.latest_prompt)
    shared = " ".join(each.text for each in read(text).tokens if each.stem in stems)
    return shared or (_NONE if stems else "")
