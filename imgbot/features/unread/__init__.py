"""Unread texts: links, and other languages. Each gets one sentence in answer, and orders nothing.

Thanks, greetings and prices are known in more languages to the reader of words itself.
"""

from aiogram.types import Message

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.messages import prompt_of
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.unread.words import LANGUAGE, LINK, ROWS, unread_in


async def _answer_language(message: Message, dialogue: Dialogue) -> None:
    await dialogue.say(unread_in(prompt_of(message)) or dialogue.t(LANGUAGE))


async def _answer_link(_: Message, dialogue: Dialogue) -> None:
    await dialogue.say(dialogue.t(LINK))


def _build(_: Core) -> Seams:
    return Seams(word_readers=ROWS, answers={LANGUAGE: _answer_language, LINK: _answer_link})


FEATURE = Feature("unread", _build)
