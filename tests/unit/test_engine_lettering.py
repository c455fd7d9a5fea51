"""Lettering: words found in a prompt, and drawn on any picture where they can be read."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from imgbot.domain import lettering
from imgbot.domain.errors import UserError
from imgbot.domain.lettering import CUES, Cue, Lettering, Look, PlacedText, read_lettering
from imgbot.painter.engine.edit import edit_picture
from imgbot.painter.engine.lettering import CHARACTERS_MAX, letter
from imgbot.painter.engine.merge import merge_pictures
from tests.fixtures.flat_pictures import sheets
from tests.fixtures.photos import load_photo

REQUESTS: dict[str, list[str]] = tomllib.loads(
    (Path(__file__).parents[1] / "fixtures" / "engine_requests.toml").read_text()
)["lettering"]
GREY = Image.new("RGB", (600, 400), "grey")
NOTHING = Image.new("L", (1, 1), 0)


def caption(text: str, place: str = "", form: str = "caption") -> Lettering:
    return Lettering((PlacedText(place, text),), form, "", is_exact=True)


def understood(prompt: str) -> str:
    """Form, words with their places, `exact` if a provider's picture gets them, and the rest."""
    found = read_lettering(prompt)
    if found is None:
        return ""
    words = " / ".join(f"{part.place} {part.text}".strip() for part in found.parts)
    exact = " exact" if found.is_exact else ""
    return f"{found.form}{exact}: {words}" + (f" | {found.rest}" if found.rest else "")


def test_words_for_a_picture_are_found_in_a_prompt() -> None:
    expected = {words: meaning for meaning, texts in REQUESTS.items() for words in texts}
    assert {words: understood(words) for words in expected} == expected


@pytest.mark.parametrize("cue", CUES, ids=lambda cue: cue.name)
def test_each_cue_says_whether_quoted_words_are_asked_for(
    cue: Cue, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read_lettering(cue.example)
    assert found is not None
    assert (found.is_asked, found.is_exact) == (True, cue.is_exact)
    monkeypatch.setattr(lettering, "CUES", tuple(each for each in CUES if each is not cue))
    read_lettering.cache_clear()
    without = read_lettering(cue.example)
    read_lettering.cache_clear()
    assert without is not None
    assert (without.is_asked, without.is_exact) != (True, cue.is_exact)


def test_a_picture_model_is_told_what_to_draw_without_the_words() -> None:
    for prompt, scene in (
        ('a cat with the text "HELLO"', "a cat"),
        ("открытка с розами и надписью «С днём рождения, Лена!»", "открытка с розами"),
        ('draw a meme: a cat on a sofa, top "A", bottom "B"', "draw: a cat on a sofa"),
    ):
        found = read_lettering(prompt)
        assert found is not None
        assert (found.scene, found.is_exact) == (scene, True)


def test_hostile_prompts_are_read_at_once() -> None:
    for signs in ("-" * 1900, "— -" * 600, ", " * 900, "and " * 450, '"' * 1900, "top " * 450):
        for words in (f'text "a" {signs}x', f"напиши {signs}x", signs):
            read_lettering(words)


def drawn(before: Image.Image, after: Image.Image) -> tuple[int, int, int, int]:
    """The box of what was drawn over a picture."""
    box = ImageChops.difference(before, after).getbbox()
    assert box is not None
    return box


@pytest.mark.parametrize("ground", ["white", "black", "grey", "red", "yellow"])
def test_words_can_be_read_on_any_ground(ground: str) -> None:
    plain = Image.new("RGB", (600, 400), ground)
    for form in ("caption", "meme", "script"):
        after = letter(plain, caption("Привет, Hello", form=form), focus=NOTHING).image
        left, top, right, bottom = drawn(plain, after)
        low, high = after.crop((left, top, right, bottom)).convert("L").getextrema()
        assert (low, high) == (0, 255)
        assert right - left > 150
        assert bottom > 300


def test_words_do_not_hide_a_face_or_the_main_thing() -> None:
    photo = load_photo("astronaut")
    parts = (PlacedText("top", "Over her head"), PlacedText("bottom", "Below"))
    after = letter(photo, Lettering(parts, "meme", "", is_exact=True)).image
    shown = after.crop((0, after.height - photo.height, *after.size))
    assert after.height > photo.height + 40
    assert drawn(photo, shown)[1] > photo.height * 0.7
    # A main thing that fills the lower end.
    focus = Image.new("L", (10, 10), 255)
    focus.paste(0, (0, 0, 10, 4))
    assert drawn(GREY, letter(GREY, caption("Hello"), focus=focus).image)[3] < 200


def rows(before: Image.Image, after: Image.Image) -> int:
    """Height of the dark letters below a picture."""
    below = after.crop((20, before.height, after.width - 20, after.height - 20)).convert("L")
    box = below.point([255 * (value < 100) for value in range(256)]).getbbox()
    assert box is not None
    return box[3] - box[1]


def test_both_texts_of_a_meme_have_letters_of_one_size() -> None:
    everywhere = Image.new("L", (1, 1), 255)
    texts = (PlacedText("top", "WHEN"), PlacedText("bottom", "WHEN"))
    made = letter(GREY, Lettering(texts, "meme", "", is_exact=True), focus=everywhere).image
    upper = (made.height - GREY.height) / 2
    assert made.getpixel((5, round(upper) - 2)) == (255, 255, 255)
    assert made.getpixel((5, round(upper) + 2)) == GREY.getpixel((0, 0))


def test_bigger_letters_of_a_card_are_bigger_though_they_take_more_lines() -> None:
    usual = caption("Happy Birthday Mum and Dad!", form="card")
    large = replace(usual, look=Look("large"))
    heights = [rows(GREY, letter(GREY, each).image) for each in (usual, large)]
    assert heights[1] > 2.2 * heights[0]


def test_every_shape_of_picture_and_length_of_text_has_room() -> None:
    for size in ((1, 1), (8000, 200), (16, 900), (3000, 1), (300, 200)):
        for text in ("Hello", "Слово и ещё одно слово. " * 20):
            after = letter(Image.new("RGB", size, "grey"), caption(text), focus=NOTHING).image
            assert max(after.size) >= 512
            assert after.width * after.height <= 9_000_000
            assert ImageStat.Stat(after.convert("L")).extrema[0][1] == 255


def test_signs_without_letters_and_an_end_that_is_too_long_are_left_out() -> None:
    made = letter(GREY, caption("Ура 🎉 שלום"), focus=NOTHING)
    assert made.left_out == ("🎉", "ש", "ל", "ו", "ם")
    assert made.image.tobytes() == letter(GREY, caption("Ура"), focus=NOTHING).image.tobytes()
    long = "x" * CHARACTERS_MAX
    assert letter(GREY, caption(f"{long} the end"), focus=NOTHING).left_out == (" the end",)
    for words in ("שלום", "🎉🎉", "مرحبا", "…"):
        with pytest.raises(UserError, match="letters_unknown"):
            letter(GREY, caption(words))


def test_every_operation_with_words_puts_them_on_its_picture() -> None:
    photo = load_photo("pendulum")
    made = edit_picture(photo, 'сделай чб и подпиши: "Лето"')
    assert made.applied == ("black_white", "lettering")
    assert made.unrecognised == ()
    assert edit_picture(photo, 'make it "brighter"').applied == ("brighter",)
    card = edit_picture(photo, 'make a birthday card out of this, "Happy 40th Dad"')
    assert (card.applied, card.unrecognised) == (("lettering",), ())
    assert ImageStat.Stat(card.image.crop((0, 0, 3, 3))).mean[0] > 240
    plain = merge_pictures(sheets(2), "side by side").image
    merged = merge_pictures(sheets(2), 'side by side, caption "Us"')
    assert merged.applied == ("beside", "lettering")
    assert merged.image.height > plain.height
    assert merged.image.width == plain.width
