"""Clips: a picture is made to move for five seconds, at a price that is asked about each time.

Where no provider has a model for that, whoever asks is told that pictures stand still.

* `words`: what asks for it.
* `handlers`: the question with its price, and the order.
"""

from imgbot.bot.commands import ChatCommand
from imgbot.domain.operations import Operation
from imgbot.domain.result_buttons import ResultButton
from imgbot.features.clips.handlers import ANIMATE, CLIP, ClipHandlers, offer_again
from imgbot.features.clips.words import ROW, TOPIC
from imgbot.features.feature import Core, Feature, Seams
from imgbot.jobs.hooks import Hooks
from imgbot.storage.users import UserStore


def _build(core: Core) -> Seams:
    is_on = core.routes.is_offered(Operation.ANIMATE)
    clips = ClipHandlers(core.requests, core.pictures, UserStore(core.redis), is_on=is_on)
    topic = "pictures" if is_on else ""
    return Seams(
        word_readers=[ROW],
        answers={TOPIC: clips.handle},
        commands=[ChatCommand("animate", clips.handle, menu_place=int(is_on), help_topic=topic)],
        actions=[(ANIMATE, clips.on_start), (CLIP, clips.on_agreed)],
        photo_buttons=[ANIMATE] if is_on else [],
        result_buttons=[ResultButton(ANIMATE, lambda _operation, _prompt: is_on)],
        hooks=Hooks(offers=(offer_again,)),
    )


FEATURE = Feature("clips", _build)
