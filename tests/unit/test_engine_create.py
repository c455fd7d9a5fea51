"""Create: deterministic pictures from the prompt; scenes, styles, figures and lettering."""

from collections.abc import Mapping
from itertools import combinations, product
from pathlib import Path
from random import Random
from statistics import correlation

import pytest
from PIL import Image, ImageChops, ImageStat

from imgbot.painter.engine import make_picture
from imgbot.painter.engine.artwork import rasterise, tinted
from imgbot.painter.engine.colours import parse_hex
from imgbot.painter.engine.create import composition_of, draw, picture_size
from imgbot.painter.engine.figures import Placed, SubjectFigure
from imgbot.painter.engine.placing import PLACES, place_figures
from imgbot.painter.engine.scene import PALETTES, Scene
from imgbot.painter.engine.scenes import SCENES
from imgbot.painter.engine.scenes.weather import add_birds, paint_sun
from imgbot.painter.engine.styles import MARGIN_UNITS, STYLES, choose_style
from imgbot.painter.engine.subjects import artwork, has_own_drawing, subject_names, subject_of
from imgbot.painter.engine.tables import table
from imgbot.painter.engine.typography import draw_poster
from tests.fixtures.image_metrics import difference

pytestmark = pytest.mark.slow


def scene_of(size: tuple[int, int], palette: str, seed: int = 3, side: int = 1) -> Scene:
    focus = Image.new("L", size, 0)
    return Scene(size, Random(seed), PALETTES[palette], frozenset(), side, focus)


def test_same_prompt_and_seed_make_the_same_picture() -> None:
    one = draw("Лев с короной на закате", 1)[0].tobytes()
    assert draw("лев  с короной на закате", 1)[0].tobytes() == one
    assert draw("лев с короной на закате", 2)[0].tobytes() != one
    assert draw("лев на закате", 1)[0].tobytes() != one


@pytest.mark.parametrize("scene_name", SCENES)
def test_every_scene_has_many_tones_and_structure(scene_name: str) -> None:
    # Neither flat nor noise: many tones, and correlated neighbours.
    for palette in ("sunset", "night", "pastel"):
        image = SCENES[scene_name](Scene((256, 192), Random(scene_name), PALETTES[palette]))
        assert (image.mode, image.size) == ("RGB", (256, 192))
        assert max(ImageStat.Stat(image).stddev) > 8
        grey = image.convert("L")
        assert correlation(grey.tobytes()[1:], grey.tobytes()[:-1]) > 0.6


def test_named_colour_dominates_the_picture() -> None:
    for words, strongest in (("красные волны", 0), ("green hills", 1), ("синие горы", 2)):
        image, made = draw(words, 3)
        means = ImageStat.Stat(image).mean
        assert made.palette.name == "named"
        assert means.index(max(means)) == strongest


def test_what_must_not_show_is_left_out_even_if_every_such_scene_has_it() -> None:
    for words in ("hills at noon, without: sun, red birds", "холмы в полдень, без солнца и птиц"):
        hints = composition_of(words, 1).hints
        scene = Scene((256, 192), Random(1), PALETTES["noon"], hints)
        sky = Image.new("RGB", scene.size, "skyblue")

        painted = add_birds(scene, paint_sun(scene, sky.copy(), 90), 90)

        assert ImageChops.difference(painted, sky).getbbox() is None, words


def test_result_has_the_planned_size_and_names_what_was_drawn_in_order() -> None:
    image, made = draw("плакат «Осень», лиса в лесу, пиксель-арт", 2, "21:9")
    assert (made.scene, made.palette.name, made.style) == ("forest", "autumn", "pixel")
    assert [figure.subject.name for figure in made.figures()] == ["fox"]
    assert made.request.text == "Осень"
    assert image.size == picture_size("21:9")


def test_words_of_a_card_stand_below_its_picture() -> None:
    card, _ = draw("открытка с лисой «С 8 Марта!»", 2)
    assert card.height > card.width > picture_size("")[0]


def test_text_stays_inside_the_picture() -> None:
    texts = ("Щука", "очень " * 23, "превысокомногорассмотрительствующий", "W" * 140)
    for size, text in product(((1024, 1024), (2048, 680), (680, 2048)), texts):
        scene = scene_of(size, "dawn", 1)
        canvas = Image.new("RGB", size, scene.palette.sky[0])
        lettered = draw_poster(scene, canvas.copy(), text.strip())
        changed = ImageChops.difference(canvas, lettered).convert("L")
        box = changed.point([255 * (value > 90) for value in range(256)]).getbbox()
        assert box is not None
        assert 0 < box[0] < box[2] < size[0]


def test_long_and_odd_prompts_are_accepted(tmp_path: Path) -> None:
    for words in (
        "", "😀😀😀", "\u202eобратно\u202c", "مرحبا بالعالم", "\x00\x01", "кот " * 2000,
        "<b>жирный</b> & *звёзды*", "плакат «" + "очень " * 500 + "»", "poster " + "W" * 2000,
    ):  # fmt: skip
        assert composition_of(words, 1).scene in SCENES
    made = make_picture("create", words, (), str(tmp_path / "made.jpg"), scale=2, seed=1)
    assert (made.width, made.height) == (1024, 1024)
    assert len(made.unrecognised) <= 1


def standing(name: str, place: str = "") -> Placed:
    subject = subject_of(name)
    return Placed(SubjectFigure(subject, 0), place or subject.place, 0.4, 1.0)


@pytest.fixture(scope="module")
def landscape() -> tuple[Scene, Image.Image]:
    scene = scene_of((256, 192), "sunset", 1)
    return scene, place_figures(scene, SCENES["hills"](scene), "hills", [standing("fox")])


def paint(landscape: tuple[Scene, Image.Image], style: str) -> Image.Image:
    scene, canvas = landscape
    again = Scene(scene.size, Random(2), scene.palette, frozenset(), 1, scene.focus)
    return STYLES[style](again, canvas.copy())


@pytest.fixture(scope="module")
def styled(landscape: tuple[Scene, Image.Image]) -> Mapping[str, Image.Image]:
    return {style: paint(landscape, style) for style in STYLES}


def test_every_style_paints_another_picture_and_always_the_same(
    landscape: tuple[Scene, Image.Image], styled: Mapping[str, Image.Image]
) -> None:
    for one, other in combinations(styled.values(), 2):
        assert difference(one, other) > 4
    for style, picture in styled.items():
        assert (picture.mode, picture.size) == ("RGB", (256, 192))
        assert paint(landscape, style).tobytes() == picture.tobytes()


def test_default_style_suits_the_scene_and_paints_the_emoji() -> None:
    chosen = [choose_style({}, "city", Random(seed)) for seed in range(200)]
    assert 70 < chosen.count("plain") < 130
    assert set(chosen) == {"plain", "watercolour", "oil"}
    painted = [choose_style({}, "city", Random(seed), 0.0) for seed in range(200)]
    assert "plain" not in painted
    coloured = [choose_style({}, "city", Random(at), keeps_colours=True) for at in range(200)]
    assert "riso" not in coloured
    assert choose_style({"riso": 1}, "city", Random(1), keeps_colours=True) == "riso"


def test_every_style_keeps_light_and_dark_areas_and_text_legible(
    landscape: tuple[Scene, Image.Image], styled: Mapping[str, Image.Image]
) -> None:
    def small(image: Image.Image) -> bytes:
        return image.convert("L").resize((8, 6), Image.Resampling.BOX).tobytes()

    for style, canvas in styled.items():
        # Neon inverts the tones; all other styles keep them.
        if style != "neon":
            assert correlation(small(canvas), small(landscape[1])) > 0.6, style
        margin = MARGIN_UNITS.get(style, 0) * landscape[0].unit_px
        lettered = draw_poster(landscape[0], canvas.copy(), "Осень", margin)
        inked = ImageChops.difference(canvas, lettered).convert("L").getbbox()
        tones = sorted(lettered.crop(inked).convert("L").tobytes())
        assert tones[-1] - tones[0] > 130, style


def test_smoke_rises_from_the_chimney_of_a_house() -> None:
    painted = []
    for prompt in ("домик с трубой", "домик, из трубы идёт дым"):
        hints = composition_of(prompt, 1).hints & {"smoke"}
        scene = Scene((256, 192), Random(1), PALETTES["noon"], hints, 1, Image.new("L", (256, 192)))
        ground = Image.new("RGB", scene.size, "skyblue")
        painted.append(place_figures(scene, ground, "hills", [standing("house")]))
    changed, house = ImageChops.difference(*painted).getbbox(), scene.in_focus().getbbox()
    assert changed is not None
    assert house is not None
    assert changed[1] < house[1] <= changed[3] < house[3]
    assert house[0] < (changed[0] + changed[2]) / 2 < house[2]


PLACED = [name for name in subject_names() if has_own_drawing(name)] + [
    name for place in sorted(PLACES) for name in subject_names() if subject_of(name).place == place
][::60]


def test_every_own_figure_and_place_is_visible_in_every_kind_of_scene() -> None:
    for name in PLACED:
        subject = subject_of(name)
        for scene_name in (subject.scenes[0], "planet", "room"):
            scene = scene_of((128, 128), "noon")
            ground = Image.new("RGB", scene.size, scene.palette.sky[-1])
            moved = table("create")["moved_places"]
            place = moved.get(scene_name, moved["other"]).get(subject.place, subject.place)
            placement = standing(name, place)
            peopled = place_figures(scene, ground.copy(), scene_name, [placement])
            # Large enough to be recognised, with some background left.
            seen = ImageStat.Stat(scene.in_focus()).mean[0] / 255
            assert 0.008 < seen < 0.65, name
            assert difference(ground, peopled) > 2, name


def test_every_subject_has_a_place_a_name_in_both_languages_and_fitting_scenes() -> None:
    subjects = [subject_of(name) for name in subject_names()]
    assert len(subjects) > 1200
    for subject in subjects:
        assert subject.place in PLACES, subject
        assert subject.english, subject
        assert subject.russian, subject
        assert subject.scenes, subject
        assert set(subject.scenes) <= SCENES.keys(), subject


def test_colour_of_a_figure_is_that_which_is_asked_for() -> None:
    for name, height_px in product(("lion", "tractor", "elephant", "fox", "car"), (120, 451)):
        plain = rasterise(artwork(name), height_px)
        blue = tinted(plain, parse_hex("1f4fd1"))
        before, after = (
            ImageStat.Stat(image.convert("RGB"), image.getchannel("A")).mean
            for image in (plain, blue)
        )
        assert after[2] - sum(after) / 3 > before[2] - sum(before) / 3 + 8, (name, height_px)


def test_seed_varies_the_position_of_a_figure() -> None:
    assert len({composition_of("a fox in the hills", seed).placed[0].x for seed in range(5)}) == 5
