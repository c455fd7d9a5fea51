"""Edit requests: parsing, typo correction and suggestions."""

from pathlib import Path

import pytest

from imgbot.domain.errors import UserError
from imgbot.imaging.engine import run
from imgbot.imaging.engine.edit import QUOTE_MAX, edit_picture
from imgbot.imaging.engine.edit_request import parse_edit_request
from imgbot.imaging.engine.vocabulary import WORDS
from tests.fixtures.photos import load_photo, save_photo


def keys(words: str) -> list[str]:
    return [step.key for step in parse_edit_request(words)[0]]


def test_requests_are_understood_completely() -> None:
    table = {
        "сделай ярче": ["brighter"], "Make it brighter!": ["brighter"],
        "посветлее, пожалуйста": ["brighter"], "затемни": ["darker"], "less bright": ["darker"],
        "больше контраста": ["contrast"], "less contrast": ["flatter"], "теплее": ["warmer"],
        "colder": ["cooler"], "сочные цвета": ["saturate"], "less saturated": ["desaturate"],
        "чёрно-белое": ["black_white"], "black and white": ["black_white"], "чб": ["black_white"],
        "сепия": ["sepia"], "в стиле ретро": ["vintage"], "размой": ["blur"],
        "резче": ["sharpen"], "негатив": ["invert"], "поверни налево": ["rotate_left"],
        "rotate it clockwise": ["rotate_right"], "поверни": ["rotate_right"],
        "переверни вверх ногами": ["upside_down"], "rotate by 45 degrees": ["rotate"],
        "отзеркаль": ["mirror"], "flip": ["mirror"], "flip vertically": ["flip"],
        "обрежь под квадрат": ["square"], "crop to 16:9": ["crop_ratio"],
        "виньетка": ["vignette"], "добавь белую рамку": ["colour_frame"],
        "black frame": ["colour_frame"], "film grain": ["grain"], "пикселизируй": ["pixelate"],
        "posterize": ["posterize"], "контуры": ["outline"], "pencil sketch": ["sketch"],
        "автоуровни": ["auto"], "улучши": ["auto"], "в синих тонах": ["tint"],
        "осветли тени": ["shadows"], "убери шум": ["denoise"],
        "сделай теплее, чуть ярче и добавь рамку": ["warmer", "brighter", "frame"],
        "сделай поярче и убери желтизну": ["brighter", "less_colour"],
        "Сделай её ч/б и добавь виньетку": ["black_white", "vignette"],
        "потеплее плиз": ["warmer"], "чернобелое": ["black_white"], "размой фон": ["blur_edges"],
        "blur the background please": ["blur_edges"], "кадрируй квадратом": ["square"],
        "обрежь 16 на 9": ["crop_ratio"], "сторис": ["crop_ratio"], "обрежь снизу": ["crop_side"],
        "crop a bit": ["crop_edges"], "впиши в квадрат": ["fit_ratio"], "в круг": ["circle"],
        "красная рамка": ["colour_frame"], "добавь рамку": ["frame"],
        "переверни": ["upside_down"], "как карандашом": ["sketch"],
        "зернистость плёнки": ["grain"], "сделай под плёнку": ["film"],
        "как в кино": ["cinematic"], "make it pop": ["pop"], "HDR": ["depth"],
        "brighten it up a bit pls": ["brighter"], "a tad cooler": ["cooler"],
        "crank up saturation": ["saturate"], "turn it 45 degrees": ["rotate"],
        "turn it into a sketch": ["sketch"], "Turn it!": ["rotate_right"],
        "поверни чуть влево": ["rotate"], "remove the yellow tint": ["less_colour"],
        "it's too yellow": ["less_colour"], "больше синего": ["more_colour"],
        "сделай посинее": ["more_colour"], "убери оттенок": ["white_balance"],
        "слишком темно": ["brighter"], "too bright": ["darker"], "less colorful": ["desaturate"],
        "яркость -20%": ["darker"], "brightness -10, contrast +30": ["darker", "contrast"],
        "ночь": ["night"], "золотой час": ["golden_hour"], "акварелью": ["watercolour"],
        "pop art": ["pop_art"], "удали красные глаза": ["red_eye"],
        "убери царапины, убери пыль": ["scratches", "dust"], "уменьши в два раза": ["smaller"],
        "Make it look like an old photo, with grain": ["vintage", "grain"],
        "Rotate left then black & white then blur": ["rotate_left", "black_white", "blur"],
    }  # fmt: skip
    assert {words: keys(words) for words in table} == table
    assert [words for words in table if parse_edit_request(words)[1]] == []


def test_degrees_belong_to_their_change() -> None:
    table = {
        "ярче": [1.0], "чуть ярче": [0.5], "slightly warmer": [0.5], "a little bit darker": [0.5],
        "намного теплее": [1.8], "much warmer, slightly brighter": [1.8, 0.5],
        "ярче намного, резче": [1.8, 1.0], "ярче на 50%": [2.0],
        "brighter and a lot sharper": [1.0, 1.8], "не слишком ярко": [0.5],
        "чуть-чуть размой": [0.5], "очень сильно размой": [1.8], "контраст +50": [2.0],
    }  # fmt: skip
    assert {words: [s.degree for s in parse_edit_request(words)[0]] for words in table} == table


def refused(words: str) -> list[str]:
    """The words that are suggested where nothing was understood."""
    with pytest.raises(UserError, match="edit_words_unknown") as caught:
        edit_picture(load_photo("pendulum"), words)
    assert caught.value.facts["words"] == " ".join(words.split())[:QUOTE_MAX]
    return str(caught.value.facts["nearest"]).split(", ")


def test_unrecognised_words_are_reported() -> None:
    table = {
        "добавь шляпу": ("шляпу",), "remove the hat": ("remove", "hat"),
        "убери рамку": ("убери", "рамку"), "без рамки": ("без", "рамки"),
        "don't blur": ("dont", "blur"), "фиолетовый слон": ("фиолетовый", "слон"),
        "😀 !!! 123": (), "": (),
    }  # fmt: skip
    assert {words: parse_edit_request(words) for words in table} == {
        words: ((), unrecognised) for words, unrecognised in table.items()
    }
    assert all(refused(words) for words in table)


def test_one_typo_is_corrected() -> None:
    table = {
        "ярчее": "brighter", "ячре": "brighter", "контарст": "contrast", "сипия": "sepia",
        "размытее": "blur", "brigther": "brighter", "warmmer": "warmer", "vingette": "vignette",
        "saturtion": "saturate", "виньетака": "vignette",
    }  # fmt: skip
    made = {words: edit_picture(load_photo("pendulum"), words)[1:] for words in table}
    assert made == {words: ((key,), (), ()) for words, key in table.items()}
    others = ("make the sky blue", "арка", "шляпа", "farmer", "hammer")
    assert [keys(words) for words in others] == [[]] * len(others)


def test_every_word_of_the_typo_correction_is_understood() -> None:
    parsed = {word: parse_edit_request(word) for word in WORDS}
    assert [
        word for word, (steps, unrecognised) in parsed.items() if len(steps) != 1 or unrecognised
    ] == []


def test_similar_changes_are_suggested_else_popular_ones() -> None:
    near = {
        "пслетка": "плёнка", "контрасстнаее": "контраст", "warmish": "warmer",
        "горизонт": "поверни на 2 градуса", "background": "blur the background",
        "увеличь": "приблизь",
    }  # fmt: skip
    assert [words for words, one in near.items() if one not in refused(words)[:3]] == []
    english = ["brighter", "warmer", "black and white"]
    popular = {"щщщщ": ["ярче", "теплее", "чёрно-белое"], "qqqq": english, "😀": english}
    assert {words: refused(words) for words in popular} == popular
    for words in ("зелёный слон", "без рамки", "щщщ", "sky", "qqq wxyz", *near):
        suggested = [parse_edit_request(word) for word in refused(words)]
        assert len(suggested) <= 3
        assert all(steps and not unrecognised for steps, unrecognised in suggested)


def test_applied_changes_carry_degree_or_value() -> None:
    table = {
        "чуть теплее и ЧБ": ("warmer|slightly", "black_white"),
        "much brighter, brighter": ("brighter|much", "brighter"), "поверни на 45": ("rotate|45",),
        "поверни на 30 градусов влево": ("rotate|-30",), "поверни немного вправо": ("rotate|5",),
        "16x9": ("crop_ratio|16:9",), "в синих тонах": ("tint|blue",),
        "убери желтизну": ("less_colour|yellow",), "сильно чб": ("black_white",),
        "crop to 0:9": ("unchanged",), "убери красные глаза": ("unchanged",),
    }  # fmt: skip
    assert {words: edit_picture(load_photo("cat"), words).applied for words in table} == table


def test_partly_understood_prompt_is_applied_and_reported(tmp_path: Path) -> None:
    source = save_photo("cat", tmp_path)
    made = run(
        "edit", "сделай теплее и надень шляпу", (source,), str(tmp_path / "o.jpg"), scale=2, seed=1
    )
    assert made.applied == ("warmer",)
    assert made.unrecognised == ("надень", "шляпу")
    assert made.suggestions == ()


def test_very_long_prompts_are_bounded() -> None:
    assert edit_picture(load_photo("pendulum"), "зеркало " * 2000).applied == ("mirror",)
    assert keys("а" * 100_000) == []
    assert keys("чуть " * 5000) == []
    assert len(parse_edit_request("ярче, " * 5000)[0]) <= 200


HOSTILE = [
    "", " ", "\x00" * 50, "😀😀😀", "ярче\x00теплее", "я\u200bрче", "\u202eתמונה בהירה",
    "مرحبا", "a" * 2000, "ярче " * 2000, "<b>ярче</b>", "*_`[](){}", "%s %d {0}", "(((((", "\\d+",
    "99999999:1", "на 999%", "rotate 999", "0:0", "ﷺ" * 1000, "чуть " * 500, ", " * 1000,
]  # fmt: skip


def test_hostile_prompts_are_parsed_or_refused() -> None:
    for words in HOSTILE:
        if parse_edit_request(words)[0]:
            assert edit_picture(load_photo("pendulum"), words).applied
        else:
            assert refused(words)


def test_decomposed_and_invisible_characters_are_normalized() -> None:
    # й as и and a breve, as some phones send it; a zero-width space inside a word.
    assert keys("те\u0308плыи\u0306") == ["warmer"]
    assert keys("я\u200bрче") == ["brighter"]
    assert keys("ЯРЧЕ!!!\x00") == ["brighter"]


# Words that could be mistaken for another change, or for the opposite one.


def changes(words: str) -> list[str]:
    """Requested changes with their values: `warmer`, `rotate|-90`."""
    return [f"{step.key}|{step.value}".strip("|") for step in parse_edit_request(words)[0]]


def understood(words: str) -> list[str]:
    """Requested changes, and unrecognised words behind a question mark."""
    return [*changes(words), *(f"?{word}" for word in parse_edit_request(words)[1])]


def test_colours_are_corrected_or_removed() -> None:
    table = {
        "fix colors": ["white_balance"], "correct the colors": ["white_balance"],
        "исправь цвет": ["white_balance"], "исправь цвета": ["white_balance"],
        "почисти цвета": ["white_balance"], "убери цвета": ["black_white"],
        "remove all colors": ["black_white"], "без цвета": ["black_white"],
        "желтый оттенок убери": ["less_colour|yellow"],
        "желтизну убери": ["less_colour|yellow"], "желтый оттенок": ["tint|yellow"],
    }  # fmt: skip
    assert {words: understood(words) for words in table} == table


def test_less_of_a_change_is_its_opposite() -> None:
    table = {
        "less warm": ["cooler"], "less dark": ["brighter"], "less cold": ["warmer"],
        "менее теплое": ["cooler"], "не такое тёплое": ["cooler"],
        "не такой холодный": ["warmer"], "not so dark": ["brighter"],
        "less sharpness": ["soften"], "уменьши резкость": ["soften"],
        "less bright": ["darker"], "not too dark": ["darker"],
        "make it warmer, not so dark": ["warmer", "brighter"],
        "too much contrast": ["flatter"], "слишком резко": ["soften"],
        "не слишком ярко": ["brighter"],
    }  # fmt: skip
    assert {words: understood(words) for words in table} == table


def test_negated_changes_are_ignored() -> None:
    table = {
        "не надо чб": [], "не нужно теплее": [], "не делай ярче": [],
        "don't make it black and white": [], "убери эффект ретро": [],
        "don't make the photo darker": [], "не надо делать теплее, сделай ярче": ["brighter"],
        "так не надо, сделай ярче": ["brighter"], "так не надо сделай ярче": ["brighter"],
        "no, make it brighter": ["brighter"], "no need to make it warmer": [],
        "less vintage": [], "сделай, чтобы не было размыто": [],
        "I don't like it dark, make it bright": ["brighter"],
    }  # fmt: skip
    assert {words: changes(words) for words in table} == table


def test_neighbouring_words_decide_the_meaning() -> None:
    table = {
        "rotate -90": ["rotate|-90"], "rotate by -5": ["rotate|-5"],
        "поверни на -90": ["rotate|-90"], "поверни на −5 градусов": ["rotate|-5"],
        "flip 180": ["rotate|180"], "переверни на 90 влево": ["rotate|-90"],
        "переверни по горизонтали": ["mirror"], "переверни по вертикали": ["flip"],
        "поверни горизонтально": ["rotate_right"], "разверни горизонтально": ["rotate_right"],
        "поверни в горизонтальное положение": ["rotate_right"],
        "горизонтально": ["crop_ratio|4:3"], "переверни": ["upside_down"],
        "more shadows": ["contrast"], "darken the shadows": ["contrast"],
        "dark shadows": ["contrast"], "less shadows": ["shadows"], "shadows": ["shadows"],
        "уменьши до 500 пикселей": ["smaller|500"], "resize to 500px": ["smaller|500"],
        "пиксели": ["pixelate"], "восстанови старое фото": ["auto"],
        "restore old photo": ["auto"], "улучши старое фото": ["auto"],
        "старое фото": ["vintage"],
    }  # fmt: skip
    assert {words: understood(words) for words in table} == table


def test_unsupported_changes_are_reported_as_a_whole() -> None:
    for words in ("zoom out", "раскрась чб фото", "чб фото раскрась", "colorize this old photo",
                  "сделай старую фотографию цветной"):  # fmt: skip
        assert parse_edit_request(words) == ((), (words,))


def test_size_in_pixels_is_that_of_the_longer_side() -> None:
    photo = load_photo("cat")
    assert max(edit_picture(photo, "уменьши до 200 пикселей").image.size) == 200
    assert edit_picture(photo, "уменьши до 200 пикселей").applied == ("smaller",)
    unchanged = edit_picture(photo, "resize to 9999px")
    assert (unchanged.image.size, unchanged.applied) == (photo.size, ("unchanged",))


def test_description_of_a_photo_is_no_request() -> None:
    table = {
        "фото темное, сделай светлее": ["brighter"],
        "the photo is dark, make it brighter": ["brighter"],
        "сделай четче, фото размытое": ["sharpen"],
        "the picture is blurry, make it sharper": ["sharpen"],
        "фото размытое": ["sharpen"], "photo is blurry": ["sharpen"],
        "it's blurry": ["sharpen"], "зернистое фото": ["denoise"],
        "фото холодное, сделай теплее": ["warmer"], "фото бледное, сделай ярче": ["brighter"],
        "фото тусклое": ["saturate"], "яркое фото, сделай темнее": ["darker"],
        "цвета бледные, сделай сочнее": ["saturate"],
        "осветли тёмную фотографию": ["brighter"], "make the dark photo brighter": ["brighter"],
        "it's too dark, make it brighter": ["brighter"], "too dark, too dark": ["brighter"],
        "photo is dark and blurry": ["brighter", "sharpen"],
        "фото тёмное, добавь рамку": ["brighter", "frame"], "темно": ["brighter"],
        "не так темно": ["brighter"], "the photo came out dark": ["brighter"],
        "фото вышло тёмным": ["brighter"], "она тёмная, сделай светлее": ["brighter"],
        "night photo, make it brighter": ["brighter"],
        "sunset photo, make it warmer": ["warmer"], "old photo, sharpen it": ["sharpen"],
    }  # fmt: skip
    assert {words: understood(words) for words in table} == table


def test_requested_look_of_a_photo_stays_a_request() -> None:
    table = {
        "сделай фото темным": ["darker"], "make the photo dark": ["darker"],
        "make it dark": ["darker"], "сделай темное фото": ["darker"],
        "темное фото сделай": ["darker"], "сделай темно": ["darker"],
        "blur the photo": ["blur"], "blur photo": ["blur"], "размой фото": ["blur"],
        "сделай размытое фото": ["blur"], "яркое фото": ["brighter"],
        "фото с размытым фоном": ["blur_edges"], "night photo": ["night"],
        "like a night photo, darker": ["night", "darker"],
        "black and white photo, brighter": ["black_white", "brighter"],
        "сделай очень темным": ["darker"],
    }  # fmt: skip
    assert {words: understood(words) for words in table} == table


def test_colloquial_requests_are_understood() -> None:
    table = {
        "как из 90-х": ["vintage"], "80-е": ["vintage"], "нечёткое фото": ["sharpen"],
        "картинка темновата": ["brighter"], "убери блюр": ["sharpen"], "deblur": ["sharpen"],
        "много шума": ["denoise"], "шумы убрать": ["denoise"], "clean it up": ["denoise"],
        "зернистое фото почисти": ["denoise"], "царапины убери": ["scratches"],
        "убери шум и желтизну": ["denoise", "less_colour|yellow"],
        "remove dust and scratches": ["dust", "scratches"],
        "поменьше красного": ["less_colour|red"], "too much red": ["less_colour|red"],
        "рамку красную": ["colour_frame|red"], "рамка красного цвета": ["colour_frame|red"],
        "frame in gold": ["colour_frame|gold"], "сделай голубее": ["more_colour|light_blue"],
        "желтее": ["more_colour|yellow"], "bluer": ["more_colour|blue"],
        "в круге": ["circle"],
        "сделай фото: теплее": ["warmer"],
        "сделай: ярче, 16:9": ["brighter", "crop_ratio|16:9"],
    }  # fmt: skip
    assert {words: understood(words) for words in table} == table
