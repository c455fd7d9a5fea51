"""Edit requests whose words could be mistaken for another change, or for the opposite one."""

import pytest

from imgbot.imaging.engine.edit import edit_picture
from imgbot.imaging.engine.edit_request import parse_edit_request
from tests.fixtures.photos import load_photo


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


@pytest.mark.parametrize(
    "words",
    [
        "zoom out",
        "раскрась чб фото",
        "чб фото раскрась",
        "colorize this old photo",
        "сделай старую фотографию цветной",
    ],
)
def test_unsupported_changes_are_reported_as_a_whole(words: str) -> None:
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
