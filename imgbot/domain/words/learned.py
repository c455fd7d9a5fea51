"""Learned reader: the model of the intents reads what no other reader knows. Pure."""

from imgbot.domain.intents import ChatFacts, Classification, Intent, classify
from imgbot.domain.words.chat import ChatState
from imgbot.domain.words.reading import Ask, Example, Order, Reading, Sentence, Talk, WordReader

_ORDERS = frozenset({Intent.CREATE, Intent.CHANGE, Intent.OPERATION, Intent.AGAIN})


def facts_of(chat: ChatState) -> ChatFacts:
    """Return the chat as the model sees it."""
    this = chat.this
    return ChatFacts(
        has_picture=this is not None,
        picture_age_s=this.age_s if this else 0,
        is_reply_to_picture=bool(chat.replied),
        pending=chat.pending,
        latest_prompt=this.words[-1] if this and this.words and this.is_there else "",
        remembered=chat.remembered,
    )


def read_learned(sentence: Sentence, chat: ChatState) -> Reading:
    return reading_of(classify(sentence.text, facts_of(chat)), sentence.text)


def reading_of(found: Classification, text: str) -> Reading:
    """Return what the model found as a reading."""
    if found.intent not in _ORDERS:
        return Talk(found.intent, found.topic)
    order = Order(found.intent, found.prompt or text, operation=found.operation, scale=found.scale)
    return order if found.is_sure else Ask(order)


ROWS = (
    WordReader(
        "learned",
        "all else, by the words of examples",
        read_learned,
        (Example("a fox under the stars", "nothing"), Example("warmer colours")),
    ),
)
