"""Figures by name: what stands before a motif when the words name it."""

from collections.abc import Mapping

from imgbot.imaging.engine.motifs.figures.animals import ANIMALS
from imgbot.imaging.engine.motifs.figures.birds import BIRDS
from imgbot.imaging.engine.motifs.figures.buildings import BUILDINGS
from imgbot.imaging.engine.motifs.figures.figure import Figure
from imgbot.imaging.engine.motifs.figures.things import THINGS
from imgbot.imaging.engine.motifs.figures.vehicles import VEHICLES

FIGURES: Mapping[str, Figure] = {
    figure.name: figure for figure in (*ANIMALS, *BIRDS, *BUILDINGS, *VEHICLES, *THINGS)
}
