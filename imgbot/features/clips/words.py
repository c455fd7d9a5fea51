"""Words that ask for a picture to move, and nothing else."""

import re

from imgbot.domain.intents import Intent
from imgbot.domain.words.reading import Example, Talk, WordReader, says_only

TOPIC = "clips"

_THIS = r"(?: (?:it|this|that|them|her|him|the|my))?(?: (?:picture|photo|image|drawing))?"
_THIS_RU = (
    r"(?: (?:эт[уаои]|эт(?:ого|ой)|её|ее|его|их|мо[юеё]))?(?: (?:картинк\w|рисун\w+|фото\w*))?"
)
_CLIP = r"(?:(?:an?|\d+|short|little|second|sec|s)[ -]){0,4}(?:video|clip|gif|animation|movie)"
_CLIP_RU = (
    r"(?:(?:коротк\w+|\d+|секундн\w+)[ -]){0,3}(?:видео|видос\w*|клип|ролик|гифк?\w|анимаци\w)"
)
_MOVES = r"(?:двига\w+с[ья]|движется|шевел\w+с[ья]|ожив\w+)"
_ASKS = re.compile(
    rf"animate{_THIS}|make{_THIS} (?:move|come alive)|(?:turn|make){_THIS} into {_CLIP}"
    rf"|make (?:me )?{_CLIP}(?: (?:of|from|out of){_THIS})?"
    rf"|(?:оживи|анимируй)(?:те)?{_THIS_RU}|(?:сделай|преврати)(?:те)?{_THIS_RU}(?: в)? {_CLIP_RU}"
    rf"|сделай(?:те)? {_CLIP_RU}(?: из{_THIS_RU})?"
    rf"|(?:сделай(?:те)?,? )?(?:пусть|чтобы?)(?: он[аио]?| вс[её]| это)? {_MOVES}",
    re.IGNORECASE,
)


ROW = WordReader(
    TOPIC,
    "a picture that is to move",
    lambda sentence, _: Talk(Intent.COMMAND, TOPIC) if says_only(_ASKS, sentence.text) else None,
    (Example("make it move"), Example("оживи картинку")),
    is_of_captions=True,
)
