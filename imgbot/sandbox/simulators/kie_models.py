"""Models of the simulated kie.ai, with their inputs; a credit is half a cent."""

from imgbot.sandbox.simulators.fields import (
    Field,
    Model,
    choice,
    file_format,
    flag,
    picture,
    pictures,
    ratio,
    words,
)

CREDIT_USD = 0.005

_RATIOS = ("1:1", "9:16", "16:9", "3:4", "4:3", "3:2", "2:3", "5:4", "4:5", "21:9")
_WIDE_RATIOS = ("auto", *_RATIOS, "1:4", "4:1", "1:8", "8:1")


def _prompt() -> Field:
    return words(5000, least=1)


def _credits(amount: float) -> float:
    return amount * CREDIT_USD


_TABLE = (
    Model(
        "nano-banana-2",
        {
            "prompt": words(20_000, least=1),
            "image_input": pictures(14),
            "aspect_ratio": ratio(*_WIDE_RATIOS, default="auto"),
            "resolution": choice("1K", "2K", "4K", default="1K"),
            "output_format": file_format("png", "jpg", default="png"),
            "google_search": flag(),
        },
        price_usd=_credits(8),
        prices_usd={"1K": _credits(8), "2K": _credits(12), "4K": _credits(18)},
        priced_by="resolution",
    ),
    Model(
        "google/nano-banana",
        {
            "prompt": _prompt(),
            "output_format": file_format("png", "jpeg", default="png"),
            "image_size": ratio(*_RATIOS, "auto", default="1:1"),
        },
        price_usd=_credits(4),
        operation="create",
    ),
    Model(
        "google/nano-banana-edit",
        {
            "prompt": _prompt(),
            "image_urls": pictures(10, least=1),
            "output_format": file_format("png", "jpeg", default="png"),
            "image_size": ratio(*_RATIOS, "auto", default="auto"),
        },
        price_usd=_credits(4),
    ),
    Model(
        "z-image",
        {
            "prompt": words(1000, least=1),
            "aspect_ratio": choice(
                *("1:1", "4:3", "3:4", "16:9", "9:16"), role="ratio", default="1:1"
            ),
        },
        price_usd=_credits(0.8),
        operation="create",
    ),
    Model(
        "topaz/image-upscale",
        {
            "image_url": picture(),
            "upscale_factor": choice("1", "2", "4", "8", role="scale", default="2"),
        },
        price_usd=_credits(10),
        operation="upscale",
        prices_usd={"4": _credits(20), "8": _credits(40)},
        priced_by="upscale_factor",
    ),
    Model(
        "recraft/crisp-upscale",
        {"image": picture()},
        price_usd=_credits(0.5),
        operation="upscale",
        scale=4.0,
    ),
)

MODELS = {model.name: model for model in _TABLE}
