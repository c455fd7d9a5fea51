"""Which words ask for which style; stems as those of the figures."""

from collections.abc import Mapping

_NAMES = """
watercolour: акварел watercolo aquarelle
oil: масло$ маслом$ масла$ маслян импасто импрессион мазк живопис гог$ гога$ oil$ oils$ impasto
    impressionis painterly gogh
ink: тушь$ тушью$ туши$ чернил гравюр офорт штрих ink$ inks$ engrav etching hatch
pencil: карандаш эскиз скетч набросок наброск pencil sketch
lowpoly: лоуполи лоу-поли полигон low-poly lowpoly polygon
pixel: пиксел восьмибит pixel eight-bit
glass: витраж stained stained-glass
mosaic: мозаи mosaic
paper: бумаг бумаж аппликац вырезан paper papercut paper-cut origami
riso: ризо шелкограф трафарет принт riso$ risograph screenprint screen-print silkscreen halftone
linocut: лино линогравюр линорез ксилограф linocut woodcut woodblock lino$
chalk: мел$ мела$ мелом$ мелк пастель$ пастелью$ пастели$ chalk crayon pastels$
neon: неон светящ neon glowing
dots: пуантил точечн точками$ pointillis stippl dots$ seurat
stitch: вышив вышит крестик embroider stitch cross-stitch
"""

STYLE_WORDS: Mapping[str, tuple[str, ...]] = {
    style: tuple(stems.split())
    for style, _, stems in (
        line.partition(": ") for line in _NAMES.replace("\n    ", " ").strip().splitlines()
    )
}
