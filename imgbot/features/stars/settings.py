"""Settings of Stars: the price list."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field

from imgbot.config.setting_types import entries
from imgbot.config.settings import FeatureSettings

_PACK = re.compile(r"([1-9]\d{0,4})(?::([1-9]\d{0,5}))?", re.ASCII)
_COUNT = re.compile(r"0|[1-9]\d{0,5}", re.ASCII)
_PACKS_MAX = 8
_STARS_MAX = 10_000
"""Telegram's limit for the price of a subscription."""


@dataclass(frozen=True, slots=True)
class StarPack:
    """Offer: so many Stars are paid, and credited; a monthly one is paid again by itself."""

    price: int
    credit: int
    is_monthly: bool = False


@dataclass(frozen=True, slots=True)
class StarPrices:
    """Price list of the operator, in Telegram Stars."""

    picture: int
    """Least price of a picture."""
    packs: tuple[StarPack, ...]
    free_daily: int = 0
    """Pictures of a user that cost nothing, per day."""
    per_usd: int = 0
    """Price of a picture that costs the operator a dollar; 0 if all cost the same."""


def parse_stars(value: object) -> object:
    """Price list in Telegram Stars: `picture=5, pack=50, pack=250:300, month=300:400, free=3`."""
    packs, counts = list[StarPack](), dict[str, int]()
    for name, text in entries(value):
        if name in {"pack", "month"}:
            packs.append(_pack(name, text))
        elif name in counts or name not in {"picture", "free", "usd"} or not _COUNT.fullmatch(text):
            raise ValueError
        else:
            counts[name] = int(text)
    months = sum(pack.is_monthly for pack in packs)
    is_usable = 0 < len(set(packs)) == len(packs) <= _PACKS_MAX and months <= 1
    if not (is_usable and counts.get("picture")):
        raise ValueError
    return StarPrices(counts["picture"], tuple(packs), counts.get("free", 0), counts.get("usd", 0))


def _pack(name: str, text: str) -> StarPack:
    found = _PACK.fullmatch(text)
    if not found or int(found[1]) > _STARS_MAX:
        raise ValueError
    return StarPack(int(found[1]), int(found[2] or found[1]), is_monthly=name == "month")


class StarSettings(FeatureSettings):
    """Price list in Telegram Stars, and the terms of sale."""

    stars: Annotated[StarPrices, BeforeValidator(parse_stars)] | None = None
    terms: Annotated[str, Field(max_length=3000)] = ""


SETTINGS = StarSettings
