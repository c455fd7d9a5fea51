"""Figures: named in both languages, counted, and seen in every kind of scene."""

from random import Random

import pytest
from PIL import Image, ImageStat

from imgbot.imaging.engine.colours import lightness
from imgbot.imaging.engine.create import plan_picture
from imgbot.imaging.engine.palettes import PALETTES
from imgbot.imaging.engine.prompt_features import read_wishes
from imgbot.imaging.engine.scene import Scene
from imgbot.imaging.engine.scenes import MOTIFS
from imgbot.imaging.engine.sprites import FIGURE_HOMES, FIGURE_WORDS, FIGURES
from imgbot.imaging.engine.sprites.composition import add_figures
from imgbot.imaging.engine.sprites.outlines import parse_drawing
from tests.support.measures import difference

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


def small_scene(palette: str = "noon", *hints: str) -> Scene:
    size = (256, 256)
    return Scene(size, Random(3), PALETTES[palette], frozenset(hints), 1, Image.new("L", size, 0))


def test_a_colour_before_a_figure_is_the_figure_s_own() -> None:
    wishes = read_wishes("белый кот под красным зонтом на синем море")
    assert lightness(wishes.coats["cat"]) > 0.9
    assert wishes.coats["umbrella"][0] > 200
    assert len(wishes.colours) == 1
    assert read_wishes("золотая рыбка").palettes.keys().isdisjoint({"gold"})


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
