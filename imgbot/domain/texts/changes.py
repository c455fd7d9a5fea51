"""Names of the changes made to a picture, and the vocabulary of edits, in both languages.

A change is a key, with a value after a bar if it has one: `warmer`, `blur|slightly`,
`rotate|45`, `tint|blue`. Unknown keys are left out: an operator's provider may send anything.
"""

from collections.abc import Mapping, Sequence

_VALUE_CHARACTERS_MAX = 20

# Form of a degree beside a name: in Russian by part of speech and gender.
_DEGREES: Mapping[str, Mapping[str, str]] = {
    "than": {"slightly": "чуть", "much": "намного"},
    "she": {"slightly": "лёгкая", "much": "сильная"},
    "it": {"slightly": "лёгкое", "much": "сильное"},
    "they": {"slightly": "лёгкие", "much": "сильные"},
    "more": {"slightly": "slightly", "much": "much"},
    "a": {"slightly": "light", "much": "strong"},
}

_RUSSIAN: Mapping[str, tuple[str, str]] = {
    # light
    "brighter": ("ярче", "than"), "darker": ("темнее", "than"), "contrast": ("контрастнее", "than"),
    "flatter": ("мягче по контрасту", "than"), "shadows": ("светлее в тенях", "than"),
    "highlights": ("спокойнее в светах", "than"), "glow": ("сияние", "it"),
    "vignette": ("виньетка", "she"), "dehaze": ("без дымки", ""), "night": ("как ночью", ""),
    "golden_hour": ("закатный свет", ""),
    # colour
    "warmer": ("теплее", "than"), "cooler": ("холоднее", "than"), "saturate": ("сочнее", "than"),
    "desaturate": ("бледнее", "than"), "black_white": ("чёрно-белое", ""), "sepia": ("сепия", ""),
    "duotone": ("в два цвета", ""), "invert": ("негатив", ""),
    "pop": ("выразительнее", "than"), "depth": ("объёмнее", "than"),
    "white_balance": ("выровнен баланс белого", ""),
    # looks
    "vintage": ("ретро", ""), "film": ("под плёнку", ""), "faded": ("выцветшее", ""),
    "cinematic": ("как в кино", ""), "noir": ("нуар", ""), "grain": ("зерно", "it"),
    "pixelate": ("пиксели", ""), "posterize": ("под плакат", ""), "solarize": ("соляризация", ""),
    "outline": ("контуры", ""), "sketch": ("карандашом", ""), "emboss": ("рельеф", ""),
    "cartoon": ("как мультфильм", ""), "oil": ("маслом", ""), "watercolour": ("акварелью", ""),
    "halftone": ("как в газете", ""), "pop_art": ("поп-арт", ""), "glitch": ("помехи", "they"),
    "miniature": ("как миниатюра", ""), "blur": ("размытие", "it"),
    "blur_edges": ("размытие вокруг середины", "it"), "soften": ("мягче", "than"),
    # shape
    "rotate_left": ("поворот влево", ""), "rotate_right": ("поворот вправо", ""),
    "upside_down": ("перевёрнуто", ""), "mirror": ("зеркально", ""),
    "flip": ("отражено сверху вниз", ""), "square": ("квадрат", ""), "zoom": ("крупнее", "than"),
    "crop_edges": ("обрезано по краям", ""), "smaller": ("размер поменьше", ""),
    "frame": ("рамка", ""), "polaroid": ("полароид", ""), "round_corners": ("скруглённые углы", ""),
    "circle": ("в круге", ""),
    # retouching
    "auto": ("улучшено", ""), "sharpen": ("резче", "than"), "denoise": ("меньше шума", ""),
    "exposure": ("исправлен свет", ""), "local_contrast": ("больше глубины", ""),
    "detail": ("чётче детали", ""), "red_eye": ("без красных глаз", ""),
    "scratches": ("без царапин", ""), "dust": ("без пылинок", ""),
    "deblock": ("без следов сжатия", ""), "unchanged": ("исправлять ничего не пришлось", ""),
    # merge
    "collage": ("коллаж", ""), "beside": ("рядом", ""), "below": ("друг под другом", ""),
    "before_after": ("до и после", ""), "blend": ("наложение", ""),
    "screen": ("двойная экспозиция", ""), "panorama": ("панорама", ""),
    "contact_sheet": ("сетка с номерами", ""), "cut_out": ("вырезано и вставлено", ""),
    "inset": ("вставлено целиком (фон отделить не удалось)", ""),
    # upscale
    "x2": ("вдвое больше", ""), "x4": ("вчетверо больше", ""),
    "waifu2x": ("детали дорисованы нейросетью", ""), "lanczos": ("", ""),
}  # fmt: skip

_ENGLISH: Mapping[str, tuple[str, str]] = {
    # light
    "brighter": ("brighter", "more"), "darker": ("darker", "more"),
    "contrast": ("more contrast", "more"), "flatter": ("less contrast", "more"),
    "shadows": ("lighter shadows", "more"), "highlights": ("softer highlights", "more"),
    "glow": ("glow", "a"), "vignette": ("vignette", "a"), "dehaze": ("haze removed", ""),
    "night": ("night look", ""), "golden_hour": ("sunset light", ""),
    # colour
    "warmer": ("warmer", "more"), "cooler": ("cooler", "more"),
    "saturate": ("richer colours", "more"), "desaturate": ("paler", "more"),
    "black_white": ("black and white", ""), "sepia": ("sepia", ""),
    "duotone": ("two colours", ""), "invert": ("negative", ""), "pop": ("punchier", "more"),
    "depth": ("more depth", "more"), "white_balance": ("white balance corrected", ""),
    # looks
    "vintage": ("vintage", ""), "film": ("film look", ""), "faded": ("faded", ""),
    "cinematic": ("cinematic", ""), "noir": ("noir", ""), "grain": ("grain", "a"),
    "pixelate": ("pixels", ""), "posterize": ("poster", ""), "solarize": ("solarized", ""),
    "outline": ("outlines", ""), "sketch": ("pencil sketch", ""), "emboss": ("relief", ""),
    "cartoon": ("cartoon", ""), "oil": ("oil painting", ""), "watercolour": ("watercolour", ""),
    "halftone": ("newspaper print", ""), "pop_art": ("pop art", ""), "glitch": ("glitch", "a"),
    "miniature": ("miniature", ""), "blur": ("blur", "a"),
    "blur_edges": ("blur around the middle", "a"), "soften": ("softer", "more"),
    # shape
    "rotate_left": ("turned left", ""), "rotate_right": ("turned right", ""),
    "upside_down": ("upside down", ""), "mirror": ("mirrored", ""),
    "flip": ("flipped top to bottom", ""), "square": ("square", ""), "zoom": ("closer", "more"),
    "crop_edges": ("edges cropped", ""), "smaller": ("smaller size", ""), "frame": ("frame", ""),
    "polaroid": ("polaroid", ""), "round_corners": ("rounded corners", ""),
    "circle": ("in a circle", ""),
    # retouching
    "auto": ("enhanced", ""), "sharpen": ("sharper", "more"), "denoise": ("less noise", ""),
    "exposure": ("light corrected", ""), "local_contrast": ("more depth", ""),
    "detail": ("crisper detail", ""), "red_eye": ("red eyes removed", ""),
    "scratches": ("scratches removed", ""), "dust": ("dust removed", ""),
    "deblock": ("compression artefacts removed", ""), "unchanged": ("nothing needed fixing", ""),
    # merge
    "collage": ("collage", ""), "beside": ("side by side", ""),
    "below": ("one below the other", ""), "before_after": ("before and after", ""),
    "blend": ("blend", ""), "screen": ("double exposure", ""), "panorama": ("panorama", ""),
    "contact_sheet": ("numbered grid", ""), "cut_out": ("cut out and set in", ""),
    "inset": ("placed whole (the background could not be removed)", ""),
    # upscale
    "x2": ("twice as large", ""), "x4": ("four times as large", ""),
    "waifu2x": ("detail redrawn by a neural network", ""), "lanczos": ("", ""),
}  # fmt: skip

_NAMES = {"ru": _RUSSIAN, "en": _ENGLISH}

# Names with a value.
_VALUED: Mapping[str, Mapping[str, str]] = {
    "ru": {
        "rotate": "поворот на {}", "crop_ratio": "кадр {}", "fit_ratio": "целиком в {}",
        "crop_side": "обрезано {}", "tint": "в {} тонах", "more_colour": "больше {}",
        "less_colour": "меньше {}", "colour_frame": "{} рамка", "left_out": "без фото {}",
    },
    "en": {
        "rotate": "rotated by {}", "crop_ratio": "cropped to {}", "fit_ratio": "fitted into {}",
        "crop_side": "cropped at the {}", "tint": "{} tones", "more_colour": "more {}",
        "less_colour": "less {}", "colour_frame": "{} frame", "left_out": "without {}",
    },
}  # fmt: skip

# In Russian a colour has three forms: of tones, of an amount, of a frame.
_RUSSIAN_COLOURS: Mapping[str, tuple[str, str, str]] = {
    "red": ("красных", "красного", "красная"), "orange": ("оранжевых", "оранжевого", "оранжевая"),
    "yellow": ("жёлтых", "жёлтого", "жёлтая"), "green": ("зелёных", "зелёного", "зелёная"),
    "turquoise": ("бирюзовых", "бирюзового", "бирюзовая"),
    "light_blue": ("голубых", "голубого", "голубая"), "blue": ("синих", "синего", "синяя"),
    "purple": ("фиолетовых", "фиолетового", "фиолетовая"),
    "pink": ("розовых", "розового", "розовая"),
    "brown": ("коричневых", "коричневого", "коричневая"),
    "gold": ("золотых", "золотого", "золотая"), "grey": ("серых", "серого", "серая"),
    "white": ("белых", "белого", "белая"), "black": ("чёрных", "чёрного", "чёрная"),
    "emerald": ("изумрудных", "изумрудного", "изумрудная"),
    "burgundy": ("бордовых", "бордового", "бордовая"),
}  # fmt: skip
_RUSSIAN_FORM = {"tint": 0, "more_colour": 1, "less_colour": 1, "colour_frame": 2}
_SIDES = {"ru": {"top": "сверху", "bottom": "снизу", "left": "слева", "right": "справа"},
          "en": {"top": "top", "bottom": "bottom", "left": "left", "right": "right"}}  # fmt: skip

_VOCABULARY = {
    "ru": (
        "Свет: ярче, темнее, контраст, меньше контраста, осветли тени, убери пересветы, "
        "убери дымку, сияние, виньетка, ночь, золотой час\n"
        "Цвет: теплее, холоднее, насыщеннее, бледнее, чёрно-белое, сепия, негатив, дуотон, "
        "в синих тонах, больше красного, убери желтизну, баланс белого, выразительнее, объёмнее\n"
        "Стиль: ретро, плёнка, выцветшее, как в кино, нуар, зерно, карандашом, маслом, акварель, "
        "мультик, комикс, поп-арт, плакат, газета, контуры, рельеф, соляризация, пиксели, глитч, "
        "миниатюра, размой, размой фон, мягче\n"
        "Форма: обрежь до 16:9, квадрат, обрежь снизу, приблизь, поверни на 45°, поверни налево, "
        "переверни, зеркально, рамка, красная рамка, полароид, скругли углы, в круг, "
        "впиши в 9:16, уменьши\n"
        "Починить: улучши, резче, убери шум, убери красные глаза, убери царапины, убери пыль"
    ),
    "en": (
        "Light: brighter, darker, contrast, less contrast, lift the shadows, recover highlights, "
        "dehaze, glow, vignette, night, golden hour\n"
        "Colour: warmer, cooler, saturated, muted, black and white, sepia, negative, duotone, "
        "blue tint, more red, less yellow, white balance, make it pop, more depth\n"
        "Style: vintage, film, faded, cinematic, noir, grain, pencil sketch, oil painting, "
        "watercolour, cartoon, pop art, poster, newspaper, outline, emboss, solarize, pixelate, "
        "glitch, miniature, blur, blur the background, softer\n"
        "Shape: crop to 16:9, square, crop the bottom, zoom in, rotate 45°, turn left, "
        "upside down, mirror, frame, red frame, polaroid, rounded corners, circle, "
        "fit into 9:16, smaller\n"
        "Fix: enhance, sharper, remove noise, remove red eyes, remove scratches, remove dust"
    ),
}


def edit_names(language: str, did: Sequence[str]) -> str:
    """Changes as a caption names them: `чуть теплее, поворот на 45°`; "" if none is known."""
    names = (_name(language, *entry.partition("|")[::2]) for entry in did)
    return ", ".join(dict.fromkeys(name for name in names if name))


def vocabulary(language: str) -> str:
    """Edits that can be requested, in a few lines: each word may be sent as it is."""
    return _VOCABULARY[language]


def _name(language: str, key: str, value: str) -> str:
    if template := _VALUED[language].get(key):
        said = _say_value(language, key, value[:_VALUE_CHARACTERS_MAX]) if value else ""
        return template.format(said) if said else ""
    name, kind = _NAMES[language].get(key, ("", ""))
    if kind and value in _DEGREES[kind]:
        return f"{_DEGREES[kind][value]} {name}"
    return name


def _say_value(language: str, key: str, value: str) -> str:
    if key in _RUSSIAN_FORM:
        colour = _RUSSIAN_COLOURS.get(value)
        if colour is None:
            return ""
        return colour[_RUSSIAN_FORM[key]] if language == "ru" else value.replace("_", " ")
    if key == "crop_side":
        return _SIDES[language].get(value, "")
    if key == "rotate":
        # Clockwise is the default and is not named.
        turned = {"ru": "{}° влево", "en": "{}° to the left"}[language]
        return turned.format(value[1:]) if value.startswith("-") else f"{value}°"
    if key == "left_out":
        return _say_photos(language, value.split(","))
    return value


def _say_photos(language: str, numbers: Sequence[str]) -> str:
    """Return the numbers of photos as `3, 4 и 5`, in English with the noun before them."""
    conjunction = {"ru": " и ", "en": " and "}[language]
    listed = conjunction.join([", ".join(numbers[:-1]), numbers[-1]] if numbers[1:] else numbers)
    return {"ru": "", "en": "photos " if numbers[1:] else "photo "}[language] + listed
