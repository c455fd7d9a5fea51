"""Figures by name: what stands before a motif when the words name it."""

from collections.abc import Mapping

from imgbot.imaging.engine.sprites.animals import ANIMALS
from imgbot.imaging.engine.sprites.birds import BIRDS
from imgbot.imaging.engine.sprites.buildings import BUILDINGS
from imgbot.imaging.engine.sprites.sprite import Figure
from imgbot.imaging.engine.sprites.things import THINGS
from imgbot.imaging.engine.sprites.vehicles import VEHICLES

FIGURES: Mapping[str, Figure] = {
    figure.name: figure for figure in (*ANIMALS, *BIRDS, *BUILDINGS, *VEHICLES, *THINGS)
}
