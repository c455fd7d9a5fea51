"""Create: the same picture for the same words and seed, steered by the words."""

from pathlib import Path
from random import Random

import pytest
from PIL import Image, ImageChops, ImageStat

from imgbot.imaging.engine import Made, make
from imgbot.imaging.engine.create import create_picture
from imgbot.imaging.engine.motifs import MOTIFS
from imgbot.imaging.engine.palettes import PALETTES
from imgbot.imaging.engine.scene import Scene
from imgbot.imaging.engine.subjects import read_wishes
from imgbot.imaging.engine.typography import words_to_set


def created(words: str, folder: Path, seed: int = 1) -> tuple[Made, Image.Image]:
    made = make("create", words, (), str(folder / "made.jpg"), scale=2, seed=seed)
    with Image.open(made.path) as image:
        image.load()
        return made, image


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
    difference = ImageStat.Stat(ImageChops.difference(one.convert("L"), other.convert("L"))).rms[0]
    return 1 - difference / ImageStat.Stat(one.convert("L")).stddev[0] / 2**0.5


@pytest.mark.parametrize(
    ("words", "motifs"),
    [
        ("зимний лес", {"forest"}),
        ("a forest in the fog", {"forest"}),
        ("горы на рассвете", {"mountains"}),
        ("Dunes of the Sahara", {"dunes"}),
        ("бурное море", {"waves"}),
        ("яхта на закате", {"lake"}),
        ("starry night", {"stars"}),
        ("северное сияние", {"aurora"}),
        ("northern lights", {"aurora", "bokeh"}),
        ("winter forest, snow", {"forest"}),
        ("город под дождём", {"city"}),
        ("Saturn", {"planet"}),
        ("букет цветов для мамы", {"garden"}),
        ("кот", {"city", "stars"}),
        ("a cat", {"city", "stars"}),
        ("осенние листья", {"leaves"}),
        ("акварель", {"watercolour"}),
    ],
)
def test_the_words_choose_the_motif(words: str, motifs: set[str]) -> None:
    for seed in (1, 2):
        assert create_picture(words, seed)[1][0] in motifs


@pytest.mark.parametrize(
    ("words", "strongest"),
    [("красные волны", 0), ("green hills", 1), ("синие горы", 2), ("blue forest", 2)],
)
def test_a_named_colour_rules_the_picture(words: str, strongest: int) -> None:
    image, did = create_picture(words, 3)
    means = ImageStat.Stat(image).mean
    assert did[1] == "named"
    assert means.index(max(means)) == strongest


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("город", (1024, 1024)),
        ("город 16:9", (1576, 888)),
        ("city --ar 9:16", (888, 1576)),
        ("портретный лес", (888, 1184)),
        ("панорама гор", (1776, 888)),
        ("hills 99:1", (2168, 720)),
        ("0:0", (1024, 1024)),
    ],
)
def test_the_asked_shape(words: str, size: tuple[int, int]) -> None:
    width, height = create_picture(words, 1)[0].size
    assert width / height == pytest.approx(size[0] / size[1], rel=0.02)
    assert 0.9 <= width * height / (size[0] * size[1]) <= 1.1
    assert width * height <= 2048 * 1024


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("закат", ""),
        ("плакат «Джаз в парке»", "Джаз в парке"),
        ('poster "Hello, World"', "Hello, World"),
        ("открытка с цветами “С 8 Марта!”", "С 8 Марта!"),
        ("плакат про космос", "космос"),
        ("Happy birthday card for Anna", "Happy birthday for Anna"),
        ("«Привет 👋 мир»", "Привет мир"),
        ("it's a cat's life", ""),
        ("«»", ""),
    ],
)
def test_which_words_are_set(words: str, text: str) -> None:
    assert words_to_set(words) == text


@pytest.mark.parametrize("words", ["плакат «ЩУКА»", "открытка «Щука»", "poster 'Pike'"])
def test_letters_change_the_picture_in_both_alphabets(words: str) -> None:
    image, did = create_picture(words, 1)
    assert did[-1] == "lettering"
    assert image.size == (1024, 1024)


def test_long_and_odd_words_are_taken(tmp_path: Path) -> None:
    for words in (
        "",
        " ",
        "😀😀😀",
        "\u202eобратно\u202c",
        "\x00\x01",
        "<b>жирный</b> & *звёзды*",
        "плакат «" + "очень " * 500 + "»",
        "poster " + "W" * 4000,
        "а" * 10_000,
    ):
        made, image = created(words, tmp_path)
        assert image.size == (1024, 1024)
        assert made.unknown == ()


def test_an_earlier_word_weighs_more() -> None:
    wishes = read_wishes("лес и город")
    assert wishes.motifs["forest"] > wishes.motifs["city"]
    assert read_wishes("").motifs == {}
