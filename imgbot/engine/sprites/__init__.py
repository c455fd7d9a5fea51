"""Sprites by name, and the words and scenes that belong to them, read from sprites.txt."""

import re
from collections.abc import Mapping
from importlib import resources

from imgbot.engine.sprites.sprite import Sprite, parse_sprite


def _load() -> dict[str, Sprite]:
    text = (resources.files(__name__) / "sprites.txt").read_text(encoding="utf-8")
    plain = re.sub(r"(?m)^#.*\n", "", text)
    found = map(parse_sprite, re.split(r"\n(?=\S)", plain.strip()))
    return {sprite.name: sprite for sprite in found}


SPRITES: Mapping[str, Sprite] = _load()
SPRITE_WORDS: Mapping[str, tuple[str, ...]] = {
    name: sprite.stems for name, sprite in SPRITES.items()
}
