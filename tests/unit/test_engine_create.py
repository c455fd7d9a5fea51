"""Create: the same picture for the same words and seed, steered by the words."""

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from random import Random

import pytest
from PIL import Image, ImageChops, ImageStat

from imgbot.imaging.engine import Made, make
from imgbot.imaging.engine.colours import lightness
from imgbot.imaging.engine.create import create_picture, picture_size, plan_picture
from imgbot.imaging.engine.motifs import MOTIFS
from imgbot.imaging.engine.motifs.figures import FIGURES
from imgbot.imaging.engine.motifs.figures.drawing import parse_drawing
from imgbot.imaging.engine.motifs.figures.stage import add_figures
from imgbot.imaging.engine.motifs.figures.words import FIGURE_HOMES, FIGURE_WORDS
from imgbot.imaging.engine.palettes import PALETTES
from imgbot.imaging.engine.scene import Scene
from imgbot.imaging.engine.styles import MARGIN_UNITS, STYLES, choose_style
from imgbot.imaging.engine.styles.words import STYLE_WORDS
from imgbot.imaging.engine.subjects import read_wishes
from imgbot.imaging.engine.typography import set_words, words_to_set

FIGURE_NAMES = {
    "fox": ("рыжая лисичка", "a fox"),
    "cat": ("котёнка", "two cats"),
    "dog": ("щенков", "my dog"),
    "wolf": ("волчица", "wolves"),
    "deer": ("с оленем", "a deer"),
    "horse": ("лошадью", "horses"),
    "rabbit": ("зайчонок", "bunny"),
    "bear": ("медведице", "a bear"),
    "hedgehog": ("ёжика", "hedgehogs"),
    "owl": ("совёнок", "an owl"),
    "bird": ("птичке", "a bird"),
    "swan": ("лебедей", "swans"),
    "whale": ("китов", "whales"),
    "fish": ("рыбки", "a fish"),
    "butterfly": ("бабочек", "butterflies"),
    "penguin": ("пингвинами", "penguin"),
    "lighthouse": ("у маяка", "lighthouses"),
    "house": ("в домике", "a cottage"),
    "castle": ("замков", "the castle"),
    "windmill": ("мельницы", "windmill"),
    "tent": ("в палатке", "a tent"),
    "snowman": ("снеговика", "a snowman"),
    "sailboat": ("парусники", "sailing"),
    "ship": ("кораблей", "pirates"),
    "balloon": ("воздушный шар", "balloons"),
    "car": ("машину", "cars"),
    "train": ("поезда", "a train"),
    "bicycle": ("велосипеде", "a bike"),
    "rocket": ("ракеты", "rockets"),
    "robot": ("роботом", "robots"),
    "tree": ("одинокое дерево", "an oak"),
    "palm": ("пальмами", "palm"),
    "mushroom": ("мухоморы", "mushrooms"),
    "flower": ("розу", "a rose"),
    "sunflower": ("подсолнухов", "sunflowers"),
    "person": ("девушку", "a woman"),
    "umbrella": ("под зонтом", "umbrellas"),
    "cup": ("чашку", "cup of tea"),
    "heart": ("сердечко", "hearts"),
    "firtree": ("ёлочки", "a christmas card"),
    "cake": ("торта", "cupcakes"),
}
STYLE_NAMES = {
    "watercolour": ("акварелью", "watercolor"),
    "oil": ("картина маслом", "in oils"),
    "ink": ("тушью", "engraving"),
    "pencil": ("карандашом", "pencil sketch"),
    "lowpoly": ("лоу-поли", "low-poly"),
    "pixel": ("пиксель-арт", "pixel art"),
    "glass": ("витражом", "stained glass"),
    "mosaic": ("мозаикой", "mosaic"),
    "paper": ("из бумаги", "papercut"),
    "riso": ("ризография", "risograph"),
    "linocut": ("линогравюра", "linocut"),
    "chalk": ("мелом", "chalk"),
    "neon": ("неоновый", "neon"),
    "dots": ("пуантилизм", "pointillism"),
    "stitch": ("вышивка", "cross-stitch"),
}


def created(words: str, folder: Path, seed: int = 1) -> tuple[Made, Image.Image]:
    made = make("create", words, (), str(folder / "made.jpg"), scale=2, seed=seed)
    with Image.open(made.path) as image:
        image.load()
        return made, image


def small_scene(palette: str = "noon", *hints: str) -> Scene:
    size = (256, 256)
    return Scene(size, Random(3), PALETTES[palette], frozenset(hints), 1, Image.new("L", size, 0))


def difference(one: Image.Image, other: Image.Image) -> float:
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


def test_the_same_words_and_seed_make_the_same_picture(tmp_path: Path) -> None:
    one = created("Закат над озером", tmp_path)[1].tobytes()
    assert created("закат  над озером", tmp_path)[1].tobytes() == one
    assert created("закат над озером", tmp_path, seed=2)[1].tobytes() != one
    assert created("закат над лесом", tmp_path)[1].tobytes() != one


@pytest.mark.parametrize("motif", MOTIFS)
def test_every_motif_paints_something_worth_a_look(motif: str) -> None:
    # Not flat, not noise: many tones, and neighbours that know each other.
    for palette in ("sunset", "night", "pastel"):
        image = MOTIFS[motif](Scene((512, 384), Random(motif), PALETTES[palette]))
        assert (image.mode, image.size) == ("RGB", (512, 384))
        assert max(ImageStat.Stat(image).stddev) > 8
        assert _likeness(image.crop((0, 0, 500, 380)), image.crop((1, 0, 501, 380))) > 0.55


def _likeness(one: Image.Image, other: Image.Image) -> float:
    """How much alike two pictures are against the spread of one of them; 1 is the same."""
    apart = ImageStat.Stat(ImageChops.difference(one.convert("L"), other.convert("L"))).rms[0]
    return 1 - apart / ImageStat.Stat(one.convert("L")).stddev[0] / 2**0.5


@pytest.mark.parametrize(
    ("words", "motifs"),
    [
        ("зимний лес", {"forest"}),
        ("a forest in the fog", {"forest"}),
        ("горы на рассвете", {"mountains"}),
        ("Dunes of the Sahara", {"dunes"}),
        ("бурное море", {"waves"}),
        ("спокойное море", {"lake"}),
        ("яхта на закате", {"lake"}),
        ("starry night", {"stars"}),
        ("северное сияние", {"aurora"}),
        ("northern lights", {"aurora", "bokeh"}),
        ("город под дождём", {"city"}),
        ("Saturn", {"planet"}),
        ("букет цветов для мамы", {"garden"}),
        ("осенние листья", {"leaves"}),
        ("a fox in the mountains", {"mountains"}),
        ("лиса в пустыне", {"dunes"}),
    ],
)
def test_the_words_choose_the_motif(words: str, motifs: set[str]) -> None:
    assert all(plan_picture(words, seed).motif in motifs for seed in range(5))


@pytest.mark.parametrize(
    ("words", "palettes"),
    [
        ("calm sea at sunset", {"sunset"}),
        ("спокойное море на закате", {"sunset"}),
        ("рассвет в горах", {"dawn"}),
        ("ночной лес", {"night"}),
        ("foggy hills", {"mist"}),
        ("озеро в тумане", {"mist"}),
        ("осенний пейзаж", {"autumn"}),
        ("winter hills", {"winter"}),
        ("весенний сад", {"spring", "blossom"}),
        ("storm over the field", {"storm"}),
        ("сумерки в городе", {"twilight"}),
        ("золото", {"gold"}),
        ("серебряный", {"silver"}),
        ("jade", {"jade"}),
        ("мрамор", {"silver", "rose"}),
        ("огненный", {"ember"}),
        ("грустный пейзаж", {"twilight", "mist", "mono"}),
        ("винтажный узор", {"vintage"}),
    ],
)
def test_times_weather_moods_and_materials_choose_the_palette(
    words: str, palettes: set[str]
) -> None:
    assert {plan_picture(words, seed).palette.name for seed in range(12)} <= palettes


@pytest.mark.parametrize(
    ("words", "strongest"),
    [("красные волны", 0), ("green hills", 1), ("синие горы", 2), ("blue forest", 2)],
)
def test_a_named_colour_rules_the_picture(words: str, strongest: int) -> None:
    image, did = create_picture(words, 3)
    means = ImageStat.Stat(image).mean
    assert did[1] == "named"
    assert means.index(max(means)) == strongest


def test_a_colour_before_a_figure_is_the_figure_s_own() -> None:
    wishes = read_wishes("белый кот под красным зонтом на синем море")
    assert lightness(wishes.coats["cat"]) > 0.9
    assert wishes.coats["umbrella"][0] > 200
    assert len(wishes.colours) == 1
    assert read_wishes("золотая рыбка").palettes.keys().isdisjoint({"gold"})


@pytest.mark.parametrize(
    ("words", "ratio", "size"),
    [
        ("город", "", (1024, 1024)),
        ("город 16:9", "", (1824, 1024)),
        ("city --ar 9:16", "", (1024, 1824)),
        ("city --ar 9:16", "16:9", (1824, 1024)),
        ("панорама", "1:1", (1024, 1024)),
        ("портретный лес", "", (1024, 1368)),
        ("панорама гор", "", (2048, 1024)),
        ("обои на рабочий стол", "", (1824, 1024)),
        ("сторис про весну", "", (1024, 1824)),
        ("квадратная открытка", "", (1024, 1024)),
        ("a widescreen sea", "", (1824, 1024)),
        ("a square sea", "", (1024, 1024)),
        ("hills 99:1", "", (2048, 680)),
        ("hills", "0:5", (1024, 1024)),
        ("0:0", "", (1024, 1024)),
    ],
)
def test_the_asked_shape(words: str, ratio: str, size: tuple[int, int]) -> None:
    assert picture_size(words, ratio) == size


def test_every_ratio_is_kept_within_the_bounds() -> None:
    for across in range(1, 100, 7):
        for up in range(1, 100, 7):
            width, height = picture_size("", f"{across}:{up}")
            asked = min(3.0, max(1 / 3, across / up))
            assert width / height == pytest.approx(asked, rel=0.02)
            assert max(width, height) <= 2048
            assert min(width, height) == 1024 or max(width, height) == 2048


def test_a_picture_has_the_size_that_was_worked_out() -> None:
    assert create_picture("лес", 1, "21:9")[0].size == picture_size("", "21:9")


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_is_named_in_both_languages(figure: str) -> None:
    for words in FIGURE_NAMES[figure]:
        assert figure in read_wishes(words).figures
    assert set(FIGURE_HOMES[figure]) <= MOTIFS.keys()
    assert FIGURE_WORDS.keys() == FIGURES.keys()


@pytest.mark.parametrize("figure", FIGURES)
def test_every_figure_is_seen_in_every_kind_of_scene(figure: str) -> None:
    for motif in (FIGURE_HOMES[figure][0], "planet", "geometric"):
        scene = small_scene()
        ground = Image.new("RGB", scene.size, scene.palette.sky[-1])
        peopled = add_figures(scene, ground.copy(), motif, (figure,), {})
        # Enough of it to be recognised, and some sky left.
        seen = ImageStat.Stat(scene.in_focus()).mean[0] / 255
        assert 0.008 < seen < 0.5
        assert difference(ground, peopled) > 2


def test_figures_stand_apart_whole_and_as_many_as_the_words_say() -> None:
    assert read_wishes("три кота").figures == ("cat", "cat", "cat")
    assert read_wishes("a couple of foxes and an owl").figures == ("fox", "owl")
    assert read_wishes("two foxes and an owl").figures == ("fox", "fox", "owl")
    assert plan_picture("два кота, кит, лиса и сова на холме", 1).figures == ("cat", "cat", "whale")


def test_the_seed_varies_where_a_figure_stands() -> None:
    def standing(seed: int) -> tuple[int, int, int, int] | None:
        scene = Scene((256, 256), Random(seed), PALETTES["noon"], frozenset(), (-1, 1)[seed % 2],
                      Image.new("L", (256, 256), 0))  # fmt: skip
        add_figures(scene, Image.new("RGB", scene.size), "hills", ("fox",), {})
        return scene.in_focus().getbbox()

    assert len({standing(seed) for seed in range(5)}) == 5


@pytest.mark.parametrize("style", STYLE_WORDS)
def test_every_style_is_asked_for_in_both_languages(style: str) -> None:
    for words in STYLE_NAMES[style]:
        wished = read_wishes(f"{words}").styles
        assert choose_style(wished, "hills", Random(1)) == style


@pytest.fixture(scope="module")
def landscape() -> tuple[Scene, Image.Image]:
    size = (256, 192)
    scene = Scene(size, Random(1), PALETTES["sunset"], frozenset(), 1, Image.new("L", size, 0))
    return scene, add_figures(scene, MOTIFS["hills"](scene), "hills", ("fox",), {})


def paint(landscape: tuple[Scene, Image.Image], style: str) -> Image.Image:
    scene, canvas = landscape
    again = Scene(scene.size, Random(2), scene.palette, frozenset(), 1, scene.focus)
    return STYLES[style](again, canvas.copy())


@pytest.fixture(scope="module")
def styled(landscape: tuple[Scene, Image.Image]) -> Mapping[str, Image.Image]:
    return {style: paint(landscape, style) for style in STYLES}


def test_every_style_paints_another_picture(styled: Mapping[str, Image.Image]) -> None:
    for one, other in combinations(styled.values(), 2):
        assert difference(one, other) > 4
    for picture in styled.values():
        assert (picture.mode, picture.size) == ("RGB", (256, 192))


def test_every_style_keeps_light_and_dark_where_they_were(
    landscape: tuple[Scene, Image.Image], styled: Mapping[str, Image.Image]
) -> None:
    grey = landscape[1].convert("L").resize((8, 6), Image.Resampling.BOX)
    for style, picture in styled.items():
        small = picture.convert("L").resize((8, 6), Image.Resampling.BOX)
        # A drawing of light on a black wall turns the tones; all others keep them.
        if style != "neon":
            assert _correlation(grey.tobytes(), small.tobytes()) > 0.6


def _correlation(one: bytes, other: bytes) -> float:
    mean, mean_other = sum(one) / len(one), sum(other) / len(other)
    both = sum((a - mean) * (b - mean_other) for a, b in zip(one, other, strict=True))
    spread = sum((a - mean) ** 2 for a in one) * sum((b - mean_other) ** 2 for b in other)
    return both / spread**0.5


def test_every_style_makes_the_same_of_the_same(
    landscape: tuple[Scene, Image.Image], styled: Mapping[str, Image.Image]
) -> None:
    for style, picture in styled.items():
        assert paint(landscape, style).tobytes() == picture.tobytes()


def test_an_unasked_style_is_plain_as_a_rule_and_else_suits_the_motif() -> None:
    chosen = [choose_style({}, "city", Random(seed)) for seed in range(200)]
    assert 90 < chosen.count("plain") < 150
    assert len(set(chosen)) > 3
    assert {choose_style({}, "marble", Random(seed)) for seed in range(20)} == {"plain"}


def test_what_was_made_is_told_in_order() -> None:
    image, did = create_picture("плакат «Осень», лиса в лесу, пиксель-арт", 2)
    assert did == ("forest", "autumn", "pixel", "fox", "lettering")
    assert image.size == (1024, 1024)


def test_a_drawing_reads_as_its_parts() -> None:
    text = """
        coat s 0,0! 10,0
            10,10 0,10!
        dark ml 2>1 1,1 5,5
        glow g 3,4 7
    """
    parts = parse_drawing(text)
    assert [part.tone for part in parts] == ["coat", "dark", "dark", "glow"]
    assert {(0, 0), (10, 0), (10, 10), (0, 10)} <= set(parts[0].outline)
    assert parts[1].outline[0][0] == -parts[2].outline[0][0]
    assert (parts[3].outline, parts[3].glow_reach) == (((3, 4),), 7)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("закат", ""),
        ("плакат «Джаз в парке»", "Джаз в парке"),
        ('poster "Hello, World"', "Hello, World"),
        ("открытка с цветами “С 8 Марта!”", "С 8 Марта!"),
        ("плакат про космос", "космос"),
        ("плакат про космос, пиксель-арт 16:9", "космос"),
        ("poster coffee time, neon --ar 2:3", "coffee time"),
        ("открытка с днём рождения, лиса", "с днём рождения"),
        ("happy birthday card with a cake", "happy birthday"),
        ("открытка с лисой", ""),
        ("Happy birthday card for Anna", "Happy birthday for Anna"),
        ("«Привет 👋 мир»", "Привет мир"),
        ("it's a cat's life", ""),
        ("«»", ""),
    ],
)
def test_which_words_are_set(words: str, text: str) -> None:
    assert words_to_set(words) == text


@pytest.mark.parametrize("words", ["плакат", "открытка"])
@pytest.mark.parametrize(
    "text", ["Щука", "Pike", "очень " * 23, "превысокомногорассмотрительствующий", "W" * 140]
)
def test_letters_stay_inside_the_picture(words: str, text: str) -> None:
    for size in ((1024, 1024), (2048, 680), (680, 2048)):
        scene = Scene(size, Random(1), PALETTES["dawn"])
        canvas = Image.new("RGB", size, scene.palette.sky[0])
        lettered = set_words(scene, canvas.copy(), text.strip(), words)
        changed = ImageChops.difference(canvas, lettered).convert("L")
        box = changed.point([255 * (value > 90) for value in range(256)]).getbbox()
        assert box is not None
        assert box[0] > 0
        assert box[2] < size[0]


def test_letters_can_be_read_on_every_style(
    landscape: tuple[Scene, Image.Image], styled: Mapping[str, Image.Image]
) -> None:
    scene, _ = landscape
    for style, canvas in styled.items():
        margin = MARGIN_UNITS.get(style, 0) * scene.unit_px
        lettered = set_words(scene, canvas.copy(), "Осень", "плакат", margin)
        inked = ImageChops.difference(canvas, lettered).convert("L").getbbox()
        assert inked is not None
        tones = lettered.crop(inked).convert("L").getextrema()
        assert isinstance(tones[0], int | float)
        assert isinstance(tones[1], int | float)
        assert tones[1] - tones[0] > 130


@pytest.mark.parametrize(
    "words",
    [
        "",
        "😀😀😀",
        "\u202eобратно\u202c",
        "مرحبا بالعالم",
        "\x00\x01",
        "<b>жирный</b> & *звёзды*",
        "плакат «" + "очень " * 500 + "»",
        "poster " + "W" * 2000,
        "кот " * 2000,
    ],
)
def test_long_and_odd_words_are_taken(words: str, tmp_path: Path) -> None:
    made, image = created(words, tmp_path)
    assert image.size == (1024, 1024)
    assert made.unknown == ()


def test_an_earlier_word_weighs_more() -> None:
    wishes = read_wishes("лес и город")
    assert wishes.motifs["forest"] > wishes.motifs["city"]
    assert read_wishes("").motifs == {}
