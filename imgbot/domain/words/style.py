"""Style: words that ask for a photo in the style of this picture, or for something else. Pure."""

from imgbot.domain.intents import Intent
from imgbot.domain.this_style import asks_for_this_style
from imgbot.domain.words import order_in
from imgbot.domain.words.chat import ABOUT_PHOTO, ChatState
from imgbot.domain.words.reading import Example, Sentence, Talk, WordReader


def asks_for_other_wish(caption: str) -> bool:
    """Return true if the photo that is to get a style comes with a wish of its own."""
    is_wish = bool(caption) and order_in(caption, ABOUT_PHOTO) is not None
    return is_wish and not asks_for_this_style(caption)


def _style_of(sentence: Sentence, chat: ChatState) -> Talk | None:
    is_free = chat.this is not None and not chat.pending
    is_asked = is_free and asks_for_this_style(sentence.text)
    return Talk(Intent.COMMAND, "style of this") if is_asked else None


STYLE_OF_THIS = WordReader(
    "style of this",
    "a photo that is to be painted like this picture",
    _style_of,
    (Example("paint my photo in this style"), Example("фото в этом же стиле")),
)
"""Row of the reader of words, where this can be done."""
