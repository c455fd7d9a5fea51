"""Ratios of a picture's sides, written as `16:9`. Pure."""

import math
import re
from collections.abc import Iterable


def value_of(ratio: str, most: float = 3.0) -> float | None:
    """Return width divided by height, clamped to what can be drawn; None for an invalid ratio."""
    found = re.fullmatch(r"(\d{1,4}):(\d{1,4})", ratio)
    if not found or not int(found[1]) or not int(found[2]):
        return None
    return min(max(int(found[1]) / int(found[2]), 1 / most), most)


def fitted(ratio: str, area_px: int, multiple_px: int) -> tuple[int, int] | None:
    """Return sides of about this area, divisible by `multiple_px`; None for an invalid ratio."""
    value = value_of(ratio)
    if value is None:
        return None
    height_px = math.sqrt(area_px / value)
    width, height = (
        max(round(side_px / multiple_px), 1) * multiple_px
        for side_px in (height_px * value, height_px)
    )
    return width, height


def nearest(ratio: str, offered: Iterable[str]) -> str:
    """Return the nearest of the offered ratios; empty if there is nothing to compare."""
    wanted = value_of(ratio)
    known = {each: value for each in offered if (value := value_of(each)) is not None}
    if wanted is None or not known:
        return ""
    return min(known, key=lambda each: abs(math.log(known[each] / wanted)))
