"""Sprites: named in both languages, counted, and visible in every kind of scene."""

from random import Random

from PIL import Image, ImageStat

from imgbot.imaging.engine.colours import lightness
from imgbot.imaging.engine.create import plan_picture
from imgbot.imaging.engine.prompt_features import extract_features
from imgbot.imaging.engine.scene import PALETTES, Scene
from imgbot.imaging.engine.scenes import SCENES
from imgbot.imaging.engine.sprites import SPRITES
from imgbot.imaging.engine.sprites.composition import add_sprites
from imgbot.imaging.engine.sprites.sprite import parse_outlines
from tests.fixtures.image_metrics import difference

SPRITE_NAMES = {
    "fox": ("рыжая лисичка", "a fox"), "cat": ("котёнка", "two cats"), "dog": ("щенков", "my dog"),
    "wolf": ("волчица", "wolves"), "deer": ("с оленем", "a deer"), "horse": ("лошадью", "horses"),
    "rabbit": ("зайчонок", "bunny"), "bear": ("медведице", "a bear"),
    "hedgehog": ("ёжика", "hedgehogs"), "owl": ("совёнок", "an owl"), "bird": ("птичке", "a bird"),
    "swan": ("лебедей", "swans"), "whale": ("китов", "whales"), "fish": ("рыбки", "a fish"),
    "butterfly": ("бабочек", "butterflies"), "penguin": ("пингвинами", "penguin"),
    "lighthouse": ("у маяка", "lighthouses"), "house": ("в домике", "a cottage"),
    "castle": ("замков", "the castle"), "windmill": ("мельницы", "windmill"),
    "tent": ("в палатке", "a tent"), "snowman": ("снеговика", "a snowman"),
    "sailboat": ("парусники", "sailing"), "ship": ("кораблей", "pirates"),
    "balloon": ("воздушный шар", "balloons"), "car": ("машину", "cars"),
    "train": ("поезда", "a train"), "bicycle": ("велосипеде", "a bike"),
    "rocket": ("ракеты", "rockets"), "robot": ("роботом", "robots"),
    "tree": ("одинокое дерево", "an oak"), "palm": ("пальмами", "palm"),
    "mushroom": ("мухоморы", "mushrooms"), "flower": ("розу", "a rose"),
    "sunflower": ("подсолнухов", "sunflowers"), "person": ("девушку", "a woman"),
    "umbrella": ("под зонтом", "umbrellas"), "cup": ("чашку", "cup of tea"),
    "heart": ("сердечко", "hearts"), "firtree": ("ёлочки", "a christmas card"),
    "cake": ("торта", "cupcakes"),
}  # fmt: skip


def small_scene(palette: str = "noon", *hints: str) -> Scene:
    size = (256, 256)
    return Scene(size, Random(3), PALETTES[palette], frozenset(hints), 1, Image.new("L", size, 0))


def test_colour_before_a_sprite_applies_to_it_alone() -> None:
    features = extract_features("белый кот под красным зонтом на синем море")
    assert lightness(features.sprite_colours["cat"]) > 0.9
    assert features.sprite_colours["umbrella"][0] > 200
    assert len(features.colours) == 1
    assert extract_features("золотая рыбка").palettes.keys().isdisjoint({"gold"})


def test_every_sprite_is_named_in_both_languages() -> None:
    assert SPRITES.keys() == SPRITE_NAMES.keys()
    for sprite, names in SPRITE_NAMES.items():
        found = [sprite in extract_features(words).sprites for words in names]
        assert (sprite, found) == (sprite, [True, True])
        assert set(SPRITES[sprite].scenes) <= SCENES.keys()


def test_every_sprite_is_visible_in_every_kind_of_scene() -> None:
    scenes = [(name, scene) for name, sprite in SPRITES.items()
              for scene in (sprite.scenes[0], "planet", "geometric")]  # fmt: skip
    for sprite, scene_name in scenes:
        scene = small_scene()
        ground = Image.new("RGB", scene.size, scene.palette.sky[-1])
        peopled = add_sprites(scene, ground.copy(), scene_name, (sprite,), {})
        # Large enough to be recognised, with some sky left.
        seen = ImageStat.Stat(scene.in_focus()).mean[0] / 255
        assert 0.008 < seen < 0.5, sprite
        assert difference(ground, peopled) > 2


def test_sprites_are_counted() -> None:
    assert extract_features("три кота").sprites == ("cat", "cat", "cat")
    assert extract_features("a couple of foxes and an owl").sprites == ("fox", "owl")
    assert extract_features("two foxes and an owl").sprites == ("fox", "fox", "owl")
    assert plan_picture("два кота, кит, лиса и сова на холме", 1).sprites == ("cat", "cat", "whale")


def test_seed_varies_the_position_of_a_sprite() -> None:
    def standing(seed: int) -> tuple[int, int, int, int] | None:
        scene = Scene((256, 256), Random(seed), PALETTES["noon"], frozenset(), (-1, 1)[seed % 2],
                      Image.new("L", (256, 256), 0))  # fmt: skip
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
