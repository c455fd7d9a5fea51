"""Connected components of a mask, with their bounding boxes."""

from dataclasses import dataclass

from PIL import Image


@dataclass(frozen=True, slots=True)
class Component:
    """Connected component; its box in pixels as Pillow counts it (right and bottom exclusive)."""

    left: int
    top: int
    right: int
    bottom: int
    area: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def box(self) -> tuple[int, int, int, int]:
        return (self.left, self.top, self.right, self.bottom)

    def padded(self, by_px: int, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Box with a margin, clipped to a picture of `size`."""
        return (
            max(0, self.left - by_px),
            max(0, self.top - by_px),
            min(size[0], self.right + by_px),
            min(size[1], self.bottom + by_px),
        )


def find_components(mask: Image.Image, *, share_max: float) -> list[Component]:
    """Components (8-connected) of the pixels that are 255 in a mask (L).

    None if more than `share_max` of the pixels are set: that bounds the work, and so full a mask
    shows a subject instead of flaws.
    """
    width, height = mask.width + 2, mask.height + 2
    if mask.histogram()[255] > share_max * mask.width * mask.height:
        return []
    # A frame of unset pixels makes bounds checks unnecessary.
    framed = Image.new("L", (width, height), 0)
    framed.paste(mask, (1, 1))
    pixels = bytearray(framed.tobytes())
    spots: list[Component] = []
    start = pixels.find(255)
    while start >= 0:
        spots.append(_take_component(pixels, start, width))
        start = pixels.find(255, start)
    return spots


def _take_component(pixels: bytearray, start: int, width: int) -> Component:
    """Component around `start`, removed from the pixels."""
    around = (-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1)
    pixels[start] = 0
    found = [start]
    for place in found:
        for step in around:
            if pixels[place + step] == 255:
                pixels[place + step] = 0
                found.append(place + step)
    columns = [place % width for place in found]
    return Component(
        left=min(columns) - 1,
        top=start // width - 1,
        right=max(columns),
        bottom=max(found) // width,
        area=len(found),
    )
