"""Sprites by name, and the words and scenes that belong to them."""

from collections.abc import Mapping

from imgbot.imaging.engine.sprites.animals import ANIMALS
from imgbot.imaging.engine.sprites.birds import BIRDS
from imgbot.imaging.engine.sprites.buildings import BUILDINGS
from imgbot.imaging.engine.sprites.sprite import Sprite
from imgbot.imaging.engine.sprites.things import THINGS
from imgbot.imaging.engine.sprites.vehicles import VEHICLES

SPRITES: Mapping[str, Sprite] = {
    sprite.name: sprite for sprite in (*ANIMALS, *BIRDS, *BUILDINGS, *VEHICLES, *THINGS)
}

# A stem matches every word that begins with it, or that word alone if it ends in `$`; written with
# е for ё. After the @ are scenes that suit the sprite if the prompt names none, the best first.
_STEMS = """
fox: лис$ лиса$ лисы$ лису$ лисе$ лисой$ лисиц лисич лисен лисят fox @ forest hills
cat: кот$ кота$ коту$ коты$ котов$ котом$ коте$ котик котен котят котэ кошк кошеч cat$ cats$
    kitten kitty @ city garden hills
dog: собак собач пес$ пса$ псу$ псы$ псом$ песик щенок щенк щенят dog$ dogs$ doggy puppy
    puppies @ hills garden
wolf: волк волчиц волчон волчат wolf wolves @ forest mountains stars
deer: олен косул лось$ лося$ лоси$ лосем$ deer stag$ stags$ elk$ moose reindeer @ forest
    mountains hills
horse: конь$ коня$ кони$ коней$ конем$ лошад жереб пони$ horse pony$ ponies stallion @ hills
    mountains
rabbit: заяц зайц зайч зайк зайчо кролик крольч rabbit bunny bunnies hare$ hares$ @ hills
    garden forest
bear: медвед медвеж мишк bear$ bears$ teddy @ forest mountains
hedgehog: еж$ ежа$ ежи$ ежу$ ежом$ ежей$ ежик ежон ежат hedgehog @ forest hills
owl: сова$ совы$ сову$ совой$ сове$ сов$ совен совят совуш филин owl @ forest stars
bird: птица$ птицу$ птицей$ птице$ птичк птаха птенец птенц снегир синица$ синичк воробе
    bird$ birdie robin$ robins$ bullfinch sparrow @ forest hills
swan: лебед swan @ lake
whale: кит$ кита$ киты$ китов$ китом$ киту$ косатк whale orca @ waves lake
fish: рыба$ рыбу$ рыбы$ рыбой$ рыбе$ рыб$ рыбк рыбин fish$ fishes goldfish @ waves lake
butterfly: бабоч мотыл butterfl moth$ moths$ @ garden hills
penguin: пингвин penguin @ mountains lake
lighthouse: маяк маяч lighthouse @ lake
house: дом$ дома$ доме$ дому$ домом$ домик домиш избуш изба$ избы$ избе$ избу$ коттедж хижин
    дача$ даче$ дачу$ сарай амбар
    barn$ barns$ house$ houses$ cottage hut$ huts$ cabin @ hills mountains forest
castle: замок замк дворец дворц крепост castle palace fortress @ mountains hills
windmill: мельниц windmill @ hills
tent: палатк кемпинг tent$ tents$ camping @ mountains stars forest
snowman: снеговик снежная-баба snowman snowmen @ forest hills
sailboat: парус лодк лодоч яхт катер boat boats$ sail$ sails$ sailing sailboat yacht @ lake
ship: корабл кораб фрегат бригантин каравелл пират ship$ ships$ frigate galleon pirate @
    lake
balloon: шар$ шары$ шара$ шаром$ шаров$ шарик аэростат монгольф balloon @ hills mountains
car: машин автомоб авто$ тачк car$ cars$ automobile cabrio @ city hills
train: поезд паровоз локомотив train$ trains$ locomotive @ hills mountains
bicycle: велосипед велик$ bicycle bike$ bikes$ @ hills city lake
rocket: ракет звездолет rocket spaceship @ planet stars
robot: робот андроид robot android @ city planet
tree: дерево$ дерева$ дереву$ деревом$ дуб$ дуба$ дубом$ яблон клен$ клена$ tree$ oak$
    maple$ @ hills
palm: пальм palm$ palms$ @ lake dunes
mushroom: гриб мухомор mushroom toadstool @ forest
flower: цветок$ цветка$ цветку$ цветком$ цветочек$ роза$ розу$ розой$ розе$ пион мак$
    тюльпан$ flower$ rose$ peony poppy$ tulip$ @ garden
sunflower: подсолн sunflower @ garden hills
person: человек человеч девушк девочк мальчик мужчин женщин путник путниц странник
    путешествен турист person$ man$ woman girl$ boy$ travel hiker wanderer @ hills mountains
    city
umbrella: зонт umbrella @ city bokeh
cup: кофе$ кофей чашк кружк чай$ чая$ чаю$ чаем$ капучино латте какао cup$ cups$ mug$ coffee
    tea$ cocoa cappuccino latte @ bokeh hills
heart: сердц сердеч валентин heart valentine @ bokeh washes
firtree: елка$ елку$ елки$ елкой$ елке$ елочк новогодн christmas xmas @ forest stars
cake: торт пирожн cake cupcake @ bokeh
"""


def _read_names() -> Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Stems and scenes by sprite; an indented line continues the one before."""
    found: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {}
    for line in _STEMS.replace("\n    ", " ").strip().splitlines():
        name, _, rest = line.partition(": ")
        stems, _, motifs = rest.partition(" @ ")
        found[name] = (tuple(stems.split()), tuple(motifs.split()))
    return found


SPRITE_WORDS: Mapping[str, tuple[str, ...]] = {
    name: stems for name, (stems, _) in _read_names().items()
}
SPRITE_SCENES: Mapping[str, tuple[str, ...]] = {
    name: motifs for name, (_, motifs) in _read_names().items()
}
