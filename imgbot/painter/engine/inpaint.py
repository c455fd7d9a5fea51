"""Inpaint: removes, recolours or changes the part of a photo that a mask marks."""

import re

from PIL import Image, ImageFilter

from imgbot.domain.errors import UserError
from imgbot.domain.spelling import fold
from imgbot.painter.engine.colours import NAMED_COLOURS, colour_key
from imgbot.painter.engine.edit import QUOTE_MAX, EditResult, edit_picture
from imgbot.painter.engine.edit_request import parse_edit_request
from imgbot.painter.engine.filling import fill_hole
from imgbot.painter.engine.recolouring import recolour
from imgbot.painter.engine.tables import table

_COLOUR = "|".join(pattern for _, pattern in table("colours").values())
_REMOVE = re.compile(
    r"(?<!\w)(?:remove|erase|delete|get rid|take (?:out|away|off)|wipe|clear|clean|hide"
    r"|убер\w*|убрать|убираем|удал\w*|сотр\w*|стер\w+|избав\w*|замаж\w*|спряч\w*|скр(?:ой|ыть)\w*"
    r"|снять|сними\w*)(?!\w)"
)
_RECOLOUR = re.compile(
    r"(?:^|(?<!\w)(?:make|paint|repaint|colou?r|recolou?r|turn|dye|change|сделай\w*|сделать"
    r"|(?:по|пере|за|рас|о)?крас\w+|пусть) (?:.{0,60} )?)(?:(?:in|into|to|в|цвет) )?"
    rf"({_COLOUR})(?: colou?r| цвет\w*)?(?: please| pls| пожалуйста| плиз| пж)?[ .!]*$"
)
_COLOURS = frozenset({"tint", "more_colour", "less_colour", "recolour"})
# Changes of a picture's place or edge; others may also change its size.
_WHOLE = frozenset(
    {"upside_down", "mirror", "flip", "zoom", "frame", "colour_frame", "round_corners", "circle"}
    | {"polaroid", "backdrop", "scenery", "blur_background", "vignette", "blur_edges", "miniature"}
)

APPLIED_KEYS = ("removed", "recoloured")


def inpaint(image: Image.Image, mask: Image.Image, prompt: str) -> EditResult:
    """Do to the marked part of the picture (RGB) what the prompt asks for.

    UserError area_words_unknown (words), if that is more than removing or recolouring it, or
    than the changes of an edit that keep its size.
    """
    text = " ".join(fold(prompt).split())
    mask = mask.resize(image.size, Image.Resampling.NEAREST)
    soft = mask.filter(ImageFilter.GaussianBlur(max(image.size) * 0.004))
    keys = {step.key for step in parse_edit_request(prompt)[0]}
    if keys - _COLOURS:
        outcome = edit_picture(image, prompt)
        if keys & _WHOLE or outcome.image.size != image.size:
            raise _unknown(prompt)
        return outcome._replace(image=Image.composite(outcome.image, image, soft))
    if _REMOVE.search(text):
        return EditResult(fill_hole(image, mask), ("removed",))
    found = _RECOLOUR.search(text)
    colour = colour_key(found[1]) if found else None
    if colour is None:
        raise _unknown(prompt)
    painted = recolour(image, soft, NAMED_COLOURS[colour])
    return EditResult(painted, (f"recoloured|{colour}",))


def _unknown(prompt: str) -> UserError:
    return UserError("area_words_unknown", words=" ".join(prompt.split())[:QUOTE_MAX])
