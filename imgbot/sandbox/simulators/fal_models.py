"""Endpoints of the simulated fal, with their inputs."""

from imgbot.sandbox.simulators.fields import (
    Field,
    Model,
    choice,
    file_format,
    flag,
    integer,
    number,
    picture,
    pictures,
    ratio,
    seed,
    words,
)

_RATIOS = (
    *("21:9", "16:9", "3:2", "4:3", "5:4", "1:1", "4:5", "3:4", "2:3", "9:16"),
    *("4:1", "1:4", "8:1", "1:8"),
)
_SIZES = (
    *("square_hd", "square", "portrait_4_3", "portrait_16_9"),
    *("landscape_4_3", "landscape_16_9"),
)


def _size() -> Field:
    return Field("size", "ratio", "landscape_4_3", choices=_SIZES, least=64, most=4096)


_BANANA = {
    "prompt": words(50_000, least=3),
    "num_images": integer(1, 4, role="count", default=1),
    "aspect_ratio": ratio("auto", *_RATIOS, default="auto"),
    "resolution": choice("0.5K", "1K", "2K", "4K", default="1K"),
    "output_format": file_format("jpeg", "png", "webp", default="png"),
    "safety_tolerance": choice("1", "2", "3", "4", "5", "6", default="4"),
    "seed": seed(),
    "limit_generations": flag(default=True),
    "enable_web_search": flag(),
    "thinking_level": choice("minimal", "high"),
    "sync_mode": flag(),
}
_BANANA_USD = {"0.5K": 0.06, "1K": 0.08, "2K": 0.12, "4K": 0.16}

_TABLE = (
    Model(
        "fal-ai/nano-banana-2",
        _BANANA,
        price_usd=0.08,
        operation="create",
        is_list=True,
        prices_usd=_BANANA_USD,
        priced_by="resolution",
    ),
    Model(
        "fal-ai/nano-banana-2/edit",
        _BANANA | {"image_urls": pictures(14, least=1)},
        price_usd=0.08,
        is_list=True,
        prices_usd=_BANANA_USD,
        priced_by="resolution",
    ),
    Model(
        "fal-ai/flux/schnell",
        {
            "prompt": words(),
            "image_size": Field(
                "size", "ratio", "landscape_4_3", choices=_SIZES, least=64, most=4096
            ),
            "num_images": integer(1, 4, role="count", default=1),
            "num_inference_steps": integer(1, 12, default=4),
            "guidance_scale": number(1, 20),
            "seed": seed(),
            "enable_safety_checker": flag(default=True),
            "output_format": file_format("jpeg", "png", default="jpeg"),
            "sync_mode": flag(),
        },
        price_usd=0.003,
        operation="create",
        is_list=True,
        has_black_pictures=True,
    ),
    Model(
        "fal-ai/image-apps-v2/photo-restoration",
        {
            "image_url": picture(),
            "enhance_resolution": flag(default=True),
            "fix_colors": flag(default=True),
            "remove_scratches": flag(default=True),
            "aspect_ratio": choice(*_RATIOS, role="ratio"),
        },
        price_usd=0.04,
        operation="retouch",
        is_list=True,
    ),
    Model(
        "fal-ai/codeformer",
        {
            "image_url": picture(),
            "fidelity": number(0, 1, default=0.5),
            "upscale_factor": number(1, 4, role="scale", default=2),
            "face_upscale": flag(default=True),
            "only_center_face": flag(),
            "aligned": flag(),
            "seed": seed(),
        },
        price_usd=0.002,
        operation="retouch",
    ),
    Model(
        "fal-ai/esrgan",
        {
            "image_url": picture(),
            "scale": number(1, 8, role="scale", default=2),
            "model": choice(
                *("RealESRGAN_x4plus", "RealESRGAN_x2plus", "RealESRGAN_x4plus_anime_6B"),
                *("RealESRGAN_x4_v3", "RealESRGAN_x4_wdn_v3", "RealESRGAN_x4_anime_v3"),
                default="RealESRGAN_x4plus",
            ),
            "face": flag(),
            "tile": integer(0),
            "output_format": file_format("png", "jpeg", default="png"),
        },
        price_usd=0.002,
        operation="upscale",
    ),
    Model(
        "fal-ai/topaz/upscale/image",
        {
            "image_url": picture(),
            "model": choice(
                *("Standard V2", "Low Resolution V2", "CGI", "High Fidelity V2", "Text Refine"),
                default="Standard V2",
            ),
            "upscale_factor": number(1, 4, role="scale", default=2),
            "crop_to_fill": flag(),
            "output_format": file_format("jpeg", "png", default="jpeg"),
            "subject_detection": choice("All", "Foreground", "Background"),
            "face_enhancement": flag(default=True),
            "face_enhancement_strength": number(0, 1),
            "face_enhancement_creativity": number(0, 1),
        },
        price_usd=0.08,
        operation="upscale",
    ),
    Model(
        "fal-ai/seedvr/upscale/image",
        {
            "image_url": picture(),
            "upscale_mode": choice("factor", "target", default="factor"),
            "upscale_factor": number(1, 10, role="scale", default=2),
            "target_resolution": choice("720p", "1080p", "1440p", "2160p"),
            "noise_scale": number(0, 1),
            "output_format": file_format("jpg", "png", "webp", default="jpg"),
            "seed": seed(),
            "sync_mode": flag(),
        },
        price_usd=0.004,
        operation="upscale",
    ),
)

MODELS = {model.name: model for model in _TABLE}


def app_of(endpoint: str) -> str:
    """Owner and alias: the part of an endpoint under which its requests are found."""
    return "/".join(endpoint.split("/")[:2])


APPS = frozenset(app_of(name) for name in MODELS)
