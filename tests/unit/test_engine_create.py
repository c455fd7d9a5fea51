"""Create: deterministic pictures, controlled by the prompt."""

from itertools import product
from pathlib import Path
from random import Random

import pytest
from PIL import Image, ImageChops, ImageStat

from imgbot.imaging.engine import EngineResult, run
from imgbot.imaging.engine.create import create_picture, picture_size, plan_picture
from imgbot.imaging.engine.prompt_features import extract_features
from imgbot.imaging.engine.scene import PALETTES, Scene
from imgbot.imaging.engine.scenes import SCENES
from imgbot.imaging.engine.typography import draw_text, text_to_draw

pytestmark = pytest.mark.slow


def created(words: str, folder: Path, seed: int = 1) -> tuple[EngineResult, Image.Image]:
    made = run("create", words, (), str(folder / "made.jpg"), scale=2, seed=seed)
    with Image.open(made.path) as image:
        image.load()
        return made, image


def test_same_prompt_and_seed_make_the_same_picture(tmp_path: Path) -> None:
    one = created("Закат над озером", tmp_path)[1].tobytes()
    assert created("закат  над озером", tmp_path)[1].tobytes() == one
    assert created("закат над озером", tmp_path, seed=2)[1].tobytes() != one
    assert created("закат над лесом", tmp_path)[1].tobytes() != one


@pytest.mark.parametrize("scene_name", SCENES)
def test_every_scene_has_many_tones_and_structure(scene_name: str) -> None:
    # Neither flat nor noise: many tones, and correlated neighbours.
    for palette in ("sunset", "night", "pastel"):
        image = SCENES[scene_name](Scene((512, 384), Random(scene_name), PALETTES[palette]))
        assert (image.mode, image.size) == ("RGB", (512, 384))
        assert max(ImageStat.Stat(image).stddev) > 8
        assert _likeness(image.crop((0, 0, 500, 380)), image.crop((1, 0, 501, 380))) > 0.55


def _likeness(one: Image.Image, other: Image.Image) -> float:
    """How much alike two pictures are against the spread of one of them; 1 is the same."""
    apart = ImageStat.Stat(ImageChops.difference(one.convert("L"), other.convert("L"))).rms[0]
    return 1 - apart / ImageStat.Stat(one.convert("L")).stddev[0] / 2**0.5


def test_prompt_chooses_the_scene_and_its_palette() -> None:
    scenes = {
        "зимний лес": "forest", "a forest in the fog": "forest", "горы на рассвете": "mountains",
        "Dunes of the Sahara": "dunes", "бурное море": "waves", "спокойное море": "lake",
        "яхта на закате": "lake", "starry night": "stars", "северное сияние": "aurora",
        "northern lights": "aurora bokeh", "город под дождём": "city", "Saturn": "planet",
        "букет цветов для мамы": "garden", "осенние листья": "leaves",
        "a fox in the mountains": "mountains", "лиса в пустыне": "dunes",
    }  # fmt: skip
    for words, names in scenes.items():
        chosen = {plan_picture(words, seed).scene_name for seed in range(5)}
        assert (words, chosen - {*names.split()}) == (words, set())
    palettes = {
        "calm sea at sunset": "sunset", "спокойное море на закате": "sunset",
        "рассвет в горах": "dawn", "ночной лес": "night", "foggy hills": "mist",
        "озеро в тумане": "mist", "осенний пейзаж": "autumn", "winter hills": "winter",
        "весенний сад": "spring blossom", "storm over the field": "storm",
        "сумерки в городе": "twilight", "золото": "gold", "серебряный": "silver", "jade": "jade",
        "мрамор": "silver rose", "огненный": "ember", "грустный пейзаж": "twilight mist mono",
        "винтажный узор": "vintage",
    }  # fmt: skip
    for words, names in palettes.items():
        chosen = {plan_picture(words, seed).palette.name for seed in range(12)}
        assert (words, chosen - {*names.split()}) == (words, set())


@pytest.mark.parametrize(
    ("words", "strongest"),
    [("красные волны", 0), ("green hills", 1), ("синие горы", 2), ("blue forest", 2)],
)
def test_named_colour_dominates_the_picture(words: str, strongest: int) -> None:
    image, applied = create_picture(words, 3)
    means = ImageStat.Stat(image).mean
    assert applied[1] == "named"
    assert means.index(max(means)) == strongest


def test_requested_ratio_sets_the_size() -> None:
    table = {
        (1024, 1024): (
            "город", ("панорама", "1:1"), "квадратная открытка", "a square sea",
            "a girl reading a story", "a love story", "illustration for a story",
            "вертикальные полосы", "портретный мастер", "horizontal lines", "a wide river",
            ("hills", "0:5"), "0:0",
        ),
        (1824, 1024): (
            "город 16:9", ("city --ar 9:16", "16:9"), "обои на рабочий стол", "a widescreen sea",
        ),
        (1024, 1824): (
            "city --ar 9:16", "сторис про весну", "hills, story", "spring for instagram stories",
        ),
        (1024, 1368): (
            "портретный лес", "лес, вертикально", "лес вертикально",
            "вертикальная картинка с лесом", "фото вертикальное, лес",
            "портрет лисы в вертикальном формате", "a forest, vertical", "portrait of a fox",
        ),
        (2048, 1024): (
            "панорама гор",
        ),
        (1368, 1024): (
            "a horizontal picture of hills", "альбомная ориентация, лес",
        ),
        (2048, 680): (
            "hills 99:1",
        ),
    }  # fmt: skip
    for size, requests in table.items():
        for request in requests:
            words, ratio = request if isinstance(request, tuple) else (request, "")
            assert (request, picture_size(words, ratio)) == (request, size)


def test_extreme_ratios_are_limited() -> None:
    for across in range(1, 100, 7):
        for up in range(1, 100, 7):
            width, height = picture_size("", f"{across}:{up}")
            asked = min(3.0, max(1 / 3, across / up))
            assert width / height == pytest.approx(asked, rel=0.02)
            assert max(width, height) <= 2048
            assert min(width, height) == 1024 or max(width, height) == 2048


def test_picture_has_the_planned_size() -> None:
    assert create_picture("лес", 1, "21:9")[0].size == picture_size("", "21:9")


def test_result_names_scene_palette_style_and_sprites_in_order() -> None:
    image, applied = create_picture("плакат «Осень», лиса в лесу, пиксель-арт", 2)
    assert applied == ("forest", "autumn", "pixel", "fox", "lettering")
    assert image.size == (1024, 1024)


def test_text_to_draw_is_found_in_the_prompt() -> None:
    table = {
        "закат": "", "плакат «Джаз в парке»": "Джаз в парке",
        'poster "Hello, World"': "Hello, World", "открытка с цветами “С 8 Марта!”": "С 8 Марта!",
        "плакат про космос": "космос", "плакат про космос, пиксель-арт 16:9": "космос",
        "poster coffee time, neon --ar 2:3": "coffee time",
        "открытка с днём рождения, лиса": "с днём рождения",
        "happy birthday card with a cake": "happy birthday", "открытка с лисой": "",
        "Happy birthday card for Anna": "Happy birthday for Anna", "«Привет 👋 мир»": "Привет мир",
        "it's a cat's life": "", "нарисуй кота с надписью Привет": "Привет",
        "надпись Привет на заборе": "Привет", "надпись на заборе: Привет": "Привет",
        "надпись на заборе Привет": "Привет", "надпись В добрый путь на заборе": "В добрый путь",
        "кот с надписью Доброе утро, акварель": "Доброе утро", "кот с надписью": "",
        "кот с текстом Привет": "Привет", "кот с надписью Привет! Акварель": "Привет!",
        "кот с надписью Привет. Ночь": "Привет",
        "открытка со словами С Новым годом": "С Новым годом",
        "a cat with the caption Good Morning, watercolor": "Good Morning",
        "a cat saying The End on the wall": "The End",
        "поздравительная открытка с Новым годом": "с Новым годом",
        "красивая открытка с днём рождения": "с днём рождения", "postcard from Paris": "",
        "Happy birthday card from Anna": "Happy birthday", "card game on the table": "",
        "закат без надписей": "", "poster without text": "", "«»": "",
    }  # fmt: skip
    assert {words: text_to_draw(words) for words in table} == table


@pytest.mark.parametrize("words", ["плакат", "открытка"])
def test_text_stays_inside_the_picture(words: str) -> None:
    texts = ("Щука", "Pike", "очень " * 23, "превысокомногорассмотрительствующий", "W" * 140)
    for size, text in product(((1024, 1024), (2048, 680), (680, 2048)), texts):
        scene = Scene(size, Random(1), PALETTES["dawn"])
        canvas = Image.new("RGB", size, scene.palette.sky[0])
        lettered = draw_text(scene, canvas.copy(), text.strip(), words)
        changed = ImageChops.difference(canvas, lettered).convert("L")
        box = changed.point([255 * (value > 90) for value in range(256)]).getbbox()
        assert box is not None
        assert box[0] > 0
        assert box[2] < size[0]


def test_long_and_odd_prompts_are_accepted(tmp_path: Path) -> None:
    for words in (
        "", "😀😀😀", "\u202eобратно\u202c", "مرحبا بالعالم", "\x00\x01",
        "<b>жирный</b> & *звёзды*", "плакат «" + "очень " * 500 + "»", "poster " + "W" * 2000,
        "кот " * 2000,
    ):  # fmt: skip
        made, image = created(words, tmp_path)
        assert image.size == (1024, 1024)
        assert len(made.unrecognised) <= 1


def test_earlier_words_weigh_more() -> None:
    features = extract_features("лес и город")
    assert features.scenes["forest"] > features.scenes["city"]
    assert extract_features("").scenes == {}
