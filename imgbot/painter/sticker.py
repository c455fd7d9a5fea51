"""Stickers: a cut-out with a white rim, as Telegram takes it: WebP, one side of 512 px."""

from PIL import Image, ImageFilter

from imgbot.painter.decoding import size_bytes
from imgbot.painter.pictures import decode_result, save

SIDE_PX = 512
_RIM_PX = 12


def make_sticker(source: str, target: str) -> None:
    """Write the picture at `source`, cut out or whole, to `target` as a sticker.

    UserError: result_not_a_picture.
    """
    image = decode_result(source).convert("RGBA")
    seen = image.getchannel("A").point([255 * (value >= 24) for value in range(256)])
    cut = image.crop(seen.getbbox())
    share = (SIDE_PX - 2 * _RIM_PX) / max(cut.size)
    size = (max(1, round(cut.width * share)), max(1, round(cut.height * share)))
    cut = cut.resize(size, Image.Resampling.LANCZOS)
    canvas = Image.new("RGBA", (size[0] + 2 * _RIM_PX, size[1] + 2 * _RIM_PX), (255, 255, 255, 0))
    canvas.paste(cut, (_RIM_PX, _RIM_PX))
    # Blurred and steepened, it grows by less than the rim, with round corners.
    spread = canvas.getchannel("A").filter(ImageFilter.GaussianBlur(_RIM_PX / 2))
    rim = Image.new("RGBA", canvas.size, "white")
    rim.putalpha(spread.point([min(255, max(0, value - 2) * 14) for value in range(256)]))
    rim.alpha_composite(canvas)
    for quality in (90, 75, 50, 25):
        save(rim, target, "WEBP", quality=quality)
        if size_bytes(target) <= 512_000:
            return
