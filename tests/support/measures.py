"""Figures of a picture, each for one thing that a change should move."""

from PIL import Image, ImageChops, ImageFilter, ImageStat


def light(image: Image.Image) -> float:
    return ImageStat.Stat(image.convert("L")).mean[0]


def spread(image: Image.Image) -> float:
    return ImageStat.Stat(image.convert("L")).stddev[0]


def warmth(image: Image.Image) -> float:
    red, _, blue = ImageStat.Stat(image).mean
    return red - blue


def colour(image: Image.Image) -> float:
    return ImageStat.Stat(image.convert("HSV")).mean[1]


def detail(image: Image.Image) -> float:
    return ImageStat.Stat(image.convert("L").filter(ImageFilter.FIND_EDGES)).mean[0]


def yellowness(image: Image.Image) -> float:
    red, green, blue = ImageStat.Stat(image).mean
    return (red + green) / 2 - blue


def blueness(image: Image.Image) -> float:
    red, green, blue = ImageStat.Stat(image).mean
    return blue - (red + green) / 2


def corners(image: Image.Image) -> float:
    """How light the corners are against the middle."""
    small = image.convert("L").resize((12, 12), Image.Resampling.BOX)
    around = [small.crop((x, y, x + 1, y + 1)).tobytes()[0] for x in (0, 11) for y in (0, 11)]
    return sum(around) / 4 - ImageStat.Stat(small.crop((4, 4, 8, 8))).mean[0]


def shadows_light(image: Image.Image) -> float:
    """The mean of the dark third."""
    values = sorted(image.convert("L").resize((60, 60), Image.Resampling.BOX).tobytes())
    return sum(values[:1200]) / 1200


def highlights_light(image: Image.Image) -> float:
    values = sorted(image.convert("L").resize((60, 60), Image.Resampling.BOX).tobytes())
    return sum(values[-900:]) / 900


def local_spread(image: Image.Image) -> float:
    grey = image.convert("L")
    around = grey.filter(ImageFilter.BoxBlur(max(image.size) / 24))
    return ImageStat.Stat(ImageChops.difference(grey, around)).mean[0]


def flatness(image: Image.Image) -> float:
    """The share of pixels that are like the one beside them."""
    grey = image.convert("L")
    apart = ImageChops.difference(grey, ImageChops.offset(grey, 1, 0))
    return sum(apart.histogram()[:2]) / (image.width * image.height)


def tones_count(image: Image.Image) -> float:
    return len(image.convert("L").resize((128, 128), Image.Resampling.NEAREST).getcolors() or [])


def difference(one: Image.Image, other: Image.Image) -> float:
    """How far apart two pictures are in the channel where they are farthest."""
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)
