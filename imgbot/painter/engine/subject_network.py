"""Main subject of a picture by a neural network, u2netp, with the extra `cutout`."""

from typing import NamedTuple

from PIL import Image

from imgbot.painter.networks import Network, picture, pixels

NETWORK = Network("imgbot.painter.engine", "networks/u2netp.onnx", room_bytes=260 << 20)


class SubjectMask(NamedTuple):
    """Mask (L) of the main subject, and the confidence in it: 0 to 1, 0 if the mask is empty."""

    mask: Image.Image
    confidence: float


def salience(image: Image.Image) -> SubjectMask | None:
    """Return the share of the subject in each pixel (RGB picture); None without the network."""
    if not NETWORK.is_installed:
        return None
    reduced = pixels(image.resize((320, 320), Image.Resampling.LANCZOS))
    # Of the pixels in ImageNet.
    mean, deviation = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    scaled = ((reduced / max(1 / 255, reduced.max()) - mean) / deviation).astype("float32")
    found = NETWORK.run(scaled.transpose(2, 0, 1)[None])
    if found is None:
        return None
    shares = picture(found[0, 0])
    counts = shares.histogram()
    # Levels at which a pixel certainly is the subject's, and from which it may be.
    confidence = sum(counts[240:]) / max(1, sum(counts[15:]))
    return SubjectMask(shares.resize(image.size, Image.Resampling.BICUBIC), confidence)
