"""Clips: a picture is made to move for five seconds, at a price that is asked about each time.

Where no provider has a model for that, users are told that pictures stand still. `handlers` has the
question with its price, and the order.
"""

import re

from imgbot.bot.commands import ChatCommand
from imgbot.domain.operations import Operation
from imgbot.domain.result_buttons import ResultButton
from imgbot.domain.words.reading import Example, command_row
from imgbot.features.clips.handlers import (
    ANIMATE,
    CLIP,
    TOPIC,
    ClipHandlers,
    is_made,
    offer_again,
)
from imgbot.features.feature import Core, Feature, Seams
from imgbot.jobs.hooks import AfterShown, Hooks
from imgbot.storage.users import UserStore

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
ROW = command_row(
    TOPIC, "a picture that is to move", _ASKS, (Example("make it move"), Example("оживи картинку"))
)


def _build(core: Core) -> Seams:
    is_on = core.routes.is_offered(Operation.ANIMATE)
    clips = ClipHandlers(core, UserStore(core.redis), is_on=is_on)
    topic = "pictures" if is_on else ""
    return Seams(
        word_readers=[ROW],
        answers={TOPIC: clips.handle},
        commands=[ChatCommand("animate", clips.handle, menu_place=int(is_on), help_topic=topic)],
        actions=[(ANIMATE, clips.on_start), (CLIP, clips.on_agreed)],
        photo_buttons=[ANIMATE] if is_on else [],
        result_buttons=[ResultButton(ANIMATE, lambda _operation, _prompt: is_on)],
        message_routes=[clips.route] if is_on else [],
        hooks=Hooks(offers=(offer_again,), after_shown=(AfterShown(is_made, clips.note),)),
    )


FEATURE = Feature("clips", _build)
