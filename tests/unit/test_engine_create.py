"""Create: deterministic pictures from the prompt; scenes, styles, sprites and lettering."""

from collections.abc import Mapping
from itertools import combinations, product
from pathlib import Path
from random import Random
from statistics import correlation

import pytest
from PIL import Image, ImageChops, ImageStat

from imgbot.engine import run
from imgbot.engine.create import create_picture, picture_size, plan_picture
from imgbot.engine.scene import PALETTES, Scene
from imgbot.engine.scenes import SCENES
from imgbot.engine.scenes.outdoors import add_birds, paint_sun
from imgbot.engine.sprites import SPRITES
from imgbot.engine.sprites.composition import add_sprites
from imgbot.engine.sprites.sprite import parse_outlines
from imgbot.engine.styles import MARGIN_UNITS, STYLES, choose_style
from imgbot.engine.typography import draw_text
from tests.fixtures.image_metrics import difference

pytestmark = pytest.mark.slow


def scene_of(size: tuple[int, int], palette: str, seed: int = 3, side: int = 1) -> Scene:
    focus = Image.new("L", size, 0)
    return Scene(size, Random(seed), PALETTES[palette], frozenset(), side, focus)


def test_same_prompt_and_seed_make_the_same_picture() -> None:
    one = create_picture("Закат над озером", 1)[0].tobytes()
    assert create_picture("закат  над озером", 1)[0].tobytes() == one
    assert create_picture("закат над озером", 2)[0].tobytes() != one
    assert create_picture("закат над лесом", 1)[0].tobytes() != one


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
        image, applied = create_picture(words, 3)
        means = ImageStat.Stat(image).mean
        assert applied[1] == "named"
        assert means.index(max(means)) == strongest


def test_what_must_not_show_is_left_out_even_if_every_such_scene_has_it() -> None:
    for words in ("hills at noon, without: sun, red birds", "холмы в полдень, без солнца и птиц"):
        plan = plan_picture(words, 1)
        scene = Scene((256, 192), plan.rng, PALETTES["noon"], plan.hints)
        sky = Image.new("RGB", scene.size, "skyblue")

        painted = add_birds(scene, paint_sun(scene, sky.copy(), 90), 90)

        assert ImageChops.difference(painted, sky).getbbox() is None, words


def test_result_has_the_planned_size_and_names_what_was_drawn_in_order() -> None:
    image, applied = create_picture("плакат «Осень», лиса в лесу, пиксель-арт", 2, "21:9")
    assert applied == ("forest", "autumn", "pixel", "fox", "lettering")
    assert image.size == picture_size("21:9")


@pytest.mark.parametrize("words", ["плакат", "открытка"])
def test_text_stays_inside_the_picture(words: str) -> None:
    texts = ("Щука", "очень " * 23, "превысокомногорассмотрительствующий", "W" * 140)
    for size, text in product(((1024, 1024), (2048, 680), (680, 2048)), texts):
        scene = scene_of(size, "dawn", 1)
        canvas = Image.new("RGB", size, scene.palette.sky[0])
        lettered = draw_text(scene, canvas.copy(), text.strip(), words)
        changed = ImageChops.difference(canvas, lettered).convert("L")
        box = changed.point([255 * (value > 90) for value in range(256)]).getbbox()
        assert box is not None
        assert 0 < box[0] < box[2] < size[0]


def test_long_and_odd_prompts_are_accepted(tmp_path: Path) -> None:
    for words in (
        "", "😀😀😀", "\u202eобратно\u202c", "مرحبا بالعالم", "\x00\x01", "кот " * 2000,
        "<b>жирный</b> & *звёзды*", "плакат «" + "очень " * 500 + "»", "poster " + "W" * 2000,
    ):  # fmt: skip
        assert plan_picture(words, 1).scene_name in SCENES
    made = run("create", words, (), str(tmp_path / "made.jpg"), scale=2, seed=1)
    assert (made.width, made.height) == (1024, 1024)
    assert len(made.unrecognised) <= 1


@pytest.fixture(scope="module")
def landscape() -> tuple[Scene, Image.Image]:
    scene = scene_of((256, 192), "sunset", 1)
    return scene, add_sprites(scene, SCENES["hills"](scene), "hills", ("fox",), {})


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


def test_default_style_is_plain_or_suits_the_scene() -> None:
    chosen = [choose_style({}, "city", Random(seed)) for seed in range(200)]
    assert 90 < chosen.count("plain") < 150
    assert len(set(chosen)) > 3
    assert {choose_style({}, "marble", Random(seed)) for seed in range(20)} == {"plain"}


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
        lettered = draw_text(landscape[0], canvas.copy(), "Осень", "плакат", margin)
        inked = ImageChops.difference(canvas, lettered).convert("L").getbbox()
        tones = sorted(lettered.crop(inked).convert("L").tobytes())
        assert tones[-1] - tones[0] > 130, style


def test_every_sprite_is_visible_in_every_kind_of_scene() -> None:
    for name, sprite in SPRITES.items():
        for scene_name in (sprite.scenes[0], "planet", "geometric"):
            scene = scene_of((128, 128), "noon")
            ground = Image.new("RGB", scene.size, scene.palette.sky[-1])
            peopled = add_sprites(scene, ground.copy(), scene_name, (name,), {})
            # Large enough to be recognised, with some sky left.
            seen = ImageStat.Stat(scene.in_focus()).mean[0] / 255
            assert 0.008 < seen < 0.5, name
            assert difference(ground, peopled) > 2, name


def test_seed_varies_the_position_of_a_sprite() -> None:
    def standing(seed: int) -> tuple[int, int, int, int] | None:
        scene = scene_of((256, 256), "noon", seed, (-1, 1)[seed % 2])
        add_sprites(scene, Image.new("RGB", scene.size), "hills", ("fox",), {})
        return scene.in_focus().getbbox()

    assert len({standing(seed) for seed in range(5)}) == 5


def test_outlines_are_parsed_into_parts() -> None:
    text = """
        coat s 0,0! 10,0
            10,10 0,10!
        dark ml 2>1 1,1 5,5
        glow g 3,4 7
    """
    parts = parse_outlines(text.splitlines())
    assert [part.tone for part in parts] == ["coat", "dark", "dark", "glow"]
    assert {(0, 0), (10, 0), (10, 10), (0, 10)} <= set(parts[0].outline)
    assert parts[1].outline[0][0] == -parts[2].outline[0][0]
    assert (parts[3].outline, parts[3].glow_reach) == (((3, 4),), 7)
