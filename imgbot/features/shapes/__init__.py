"""Shapes: where a shape would cut off what a photo shows, the user chooses to crop or to extend.

The engine finds that, and makes nothing; the question costs nothing. Who asks for more around a
photo, as "wider", "zoom out" or "16:9 without cropping", gets it on a larger canvas.
"""

from functools import partial

from aiogram.types import CallbackQuery

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.pictures import Pictures
from imgbot.bot.requests import Requests
from imgbot.domain.buttons import ButtonAction, one_of
from imgbot.domain.job import Job, with_changes
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.shapes.canvases import grow, put_on_canvas, with_mask
from imgbot.features.shapes.words import ROW
from imgbot.jobs.hooks import EndOffer, Hooks

_CUTS = "shape_cuts"
_WAYS = ("crop", "fit")
SHAPE = ButtonAction("shape", (one_of(*_WAYS), str))


def _offer(_: object, job: Job) -> EndOffer | None:
    if job.progress.reason != _CUTS:
        return None
    language = job.request.language
    return EndOffer([[SHAPE.button(language, way, job.id, key=f"shape_{way}") for way in _WAYS]])


async def _on_choice(
    requests: Requests,
    pictures: Pictures,
    callback: CallbackQuery,
    way: str,
    job_id: str,
    dialogue: Dialogue,
) -> str:
    """Order the shape in words that leave nothing to ask, in reply to what asked for it."""
    wanted, by_asked = await pictures.failed_request(callback, job_id, dialogue)
    shape = str(wanted.progress.facts.get("shape", ""))
    prompt = dialogue.t(f"shape_{way}_prompt", shape=shape)
    again = with_changes(wanted, prompt=prompt)
    is_new = await requests.repeat_failed(by_asked, again, is_counted=True)
    await dialogue.remove_panel()
    return "accepted_short" if is_new else "tapped_already"


def _build(core: Core) -> Seams:
    return Seams(
        actions=[(SHAPE, partial(_on_choice, core.requests, core.pictures))],
        word_readers=[ROW],
        hooks=Hooks(
            before_choice=(put_on_canvas,),
            source=(grow,),
            before_submit=(with_mask,),
            offers=(_offer,),
        ),
    )


FEATURE = Feature("shapes", _build)
