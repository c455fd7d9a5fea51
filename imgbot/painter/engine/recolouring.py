"""Recolouring: a part of a photo in another colour; its light, shade and texture stay."""

from PIL import Image, ImageChops, ImageFilter

from imgbot.painter.engine.background import cut_subject
from imgbot.painter.engine.colours import NAMED_COLOURS, Colour, colour_key
from imgbot.painter.engine.drawing import curve, hsv_of, percentile, share_of, times
from imgbot.painter.engine.tables import phrase_lists

# Saturation up to which a colour counts as grey.
_PALE_MAX = 60
# Brightness of black, grey and white.
_GREYS = ((0, 75), (76, 195), (196, 255))
# Share of a colour, or of a subject, that makes them belong together.
_SHARED_MIN = 0.3


def recolour(image: Image.Image, mask: Image.Image, colour: Colour) -> Image.Image:
    """Picture (RGB) with what `mask` (L) marks in the colour, as bright as its light makes it."""
    grey = image.convert("L")
    usual = max(24, percentile(grey.histogram(mask), 0.6))
    # In what is nearly black, the steps of light are magnified too much.
    bend = min(1.0, 0.45 + usual / 160)
    bands = [_band(grey, part, usual, bend) for part in colour]
    return Image.composite(Image.merge("RGB", bands), image, mask)


def _band(grey: Image.Image, part: int, usual: int, bend: float) -> Image.Image:
    top, base = part / 255, usual / 255

    def lit(value: float) -> float:
        if value <= base:
            return top * (value / base) ** bend
        shine = (value - base) / max(1e-6, 1 - base)
        return top + (1 - top) * 0.75 * shine**1.6

    return curve(grey, lit)


def find_thing(image: Image.Image, words: str) -> Image.Image | None:
    """Mask of what the words name: by its colour, else if it can be the main thing; else None."""
    colours = filter(None, map(colour_key, words.split()))
    if colour := next(colours, None):
        return find_coloured(image, colour)
    return None if phrase_lists("edit")["not_main"].search(words) else find_main(image)


def find_coloured(image: Image.Image, name: str) -> Image.Image | None:
    """Mask of what has a named colour, in the subject alone if most of it is there."""
    found = _like(image, NAMED_COLOURS[name])
    if share_of(found) < 0.01:
        return None
    if hsv_of(NAMED_COLOURS[name])[1] > _PALE_MAX:
        found = _like(image, _usual_colour(image, found))
    cut, is_clear = cut_subject(image)
    subject = times(found, cut.getchannel("A"))
    if is_clear and share_of(subject) > _SHARED_MIN * share_of(found):
        found = subject
    return found


def find_main(image: Image.Image) -> Image.Image | None:
    """Mask of the main thing, without its parts in other colours; None if nothing stands out."""
    cut, is_clear = cut_subject(image)
    if not is_clear:
        return None
    whole = cut.getchannel("A")
    vivid = times(whole, image.convert("HSV").getchannel("S"))
    own = times(_like(image, _usual_colour(image, vivid)), whole)
    return own if share_of(own) > _SHARED_MIN * share_of(whole) else whole


def _usual_colour(image: Image.Image, mask: Image.Image) -> Colour:
    red, green, blue = (percentile(band.histogram(mask), 0.5) for band in image.split())
    return red, green, blue


def _like(image: Image.Image, colour: Colour) -> Image.Image:
    """Soft mask of the pixels of about this colour: of its hue, or as pale and as light."""
    hue, saturation, value = hsv_of(colour)
    hues, saturations, values = image.convert("HSV").split()
    if saturation > _PALE_MAX:
        # Hues up to 26 degrees apart count as one colour.
        reach = 26 * 256 / 360
        apart = [min(abs(each - hue), 256 - abs(each - hue)) for each in range(256)]
        near = hues.point([_ramp(reach + 4 - each, 8) for each in apart])
        least = max(_PALE_MAX, saturation * 0.65) - 20
        strong = saturations.point([_ramp(each - least, 40) for each in range(256)])
        bright = values.point([_ramp(each - 30, 30) for each in range(256)])
        found = ImageChops.darker(ImageChops.darker(near, strong), bright)
    else:
        low, high = next(limits for limits in _GREYS if value <= limits[1])
        light = values.point([_ramp(min(each - low, high - each) + 12, 12) for each in range(256)])
        pale = saturations.point([_ramp(_PALE_MAX + 20 - each, 20) for each in range(256)])
        found = light if high < _GREYS[1][0] else ImageChops.darker(light, pale)
    return times(found, _without_specks(found)).filter(ImageFilter.GaussianBlur(1))


def _without_specks(mask: Image.Image) -> Image.Image:
    """Mask of the larger pieces and what is close around them."""
    small = mask.copy()
    small.thumbnail((480, 480), Image.Resampling.BOX)
    solid = small.filter(ImageFilter.MinFilter(5)).filter(ImageFilter.MaxFilter(9))
    return solid.resize(mask.size, Image.Resampling.BILINEAR)


def _ramp(value: float, width: float) -> int:
    return round(255 * min(1.0, max(0.0, value / width)))
