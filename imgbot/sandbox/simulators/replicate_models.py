"""Models of the simulated Replicate, with their inputs."""

from typing import Any

from imgbot.sandbox.simulators.fields import (
    TYPE_NAMES,
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

_RATIOS = ("1:1", "16:9", "21:9", "3:2", "2:3", "4:5", "5:4", "3:4", "4:3", "9:16", "9:21")
_LIKE_INPUT = "match_input_image"


_TABLE = (
    Model(
        "google/nano-banana-2",
        {
            "prompt": words(),
            "image_input": pictures(14),
            "aspect_ratio": ratio(_LIKE_INPUT, *_RATIOS, default=_LIKE_INPUT),
            "resolution": choice("1K", "2K", "4K", default="1K"),
            "output_format": file_format("jpg", "png", default="jpg"),
        },
        price_usd=0.08,
    ),
    Model(
        "bytedance/seedream-4.5",
        {
            "prompt": words(4000),
            "image_input": pictures(14),
            "size": choice("2K", "4K", "custom", default="2K"),
            "aspect_ratio": ratio(_LIKE_INPUT, *_RATIOS, default=_LIKE_INPUT),
            "width": integer(1024, 4096),
            "height": integer(1024, 4096),
            "sequential_image_generation": choice("disabled", "auto", default="disabled"),
            "max_images": integer(1, 15),
        },
        price_usd=0.04,
        is_list=True,
    ),
    Model(
        "black-forest-labs/flux-schnell",
        {
            "prompt": words(),
            "aspect_ratio": ratio(*_RATIOS, default="1:1"),
            "num_outputs": integer(1, 4, role="count", default=1),
            "num_inference_steps": integer(1, 4),
            "output_format": file_format("webp", "jpg", "png", default="webp"),
            "output_quality": integer(0, 100),
            "seed": seed(),
            "disable_safety_checker": flag(),
            "go_fast": flag(default=True),
            "megapixels": choice("1", "0.25", default="1"),
        },
        price_usd=0.003,
        operation="create",
        is_list=True,
    ),
    Model(
        "black-forest-labs/flux-kontext-pro",
        {
            "prompt": words(),
            "input_image": picture(),
            "aspect_ratio": ratio(_LIKE_INPUT, *_RATIOS, default=_LIKE_INPUT),
            "output_format": file_format("jpg", "png", default="png"),
            "safety_tolerance": integer(0, 6),
            "prompt_upsampling": flag(),
            "seed": seed(),
        },
        price_usd=0.04,
        operation="edit",
    ),
    Model(
        "flux-kontext-apps/restore-image",
        {
            "input_image": picture(),
            "output_format": file_format("jpg", "png", default="png"),
            "safety_tolerance": integer(0, 2),
            "seed": seed(),
        },
        price_usd=0.04,
        operation="retouch",
    ),
    Model(
        "topazlabs/image-upscale",
        {
            "image": picture(),
            "enhance_model": choice(
                "Standard V2", "Low Resolution V2", "CGI", "High Fidelity V2", "Text Refine"
            ),
            "upscale_factor": choice("None", "2x", "4x", "6x", role="scale", default="None"),
            "output_format": file_format("jpg", "png", default="jpg"),
            "subject_detection": choice("None", "All", "Foreground", "Background"),
            "face_enhancement": flag(),
            "face_enhancement_strength": number(0, 1),
            "face_enhancement_creativity": number(0, 1),
        },
        price_usd=0.05,
        operation="upscale",
    ),
    Model(
        "nightmareai/real-esrgan",
        {
            "image": picture(),
            "scale": number(0, 10, role="scale", default=4),
            "face_enhance": flag(),
        },
        price_usd=0.002,
        operation="upscale",
        version="42fed1c4974146d4d2414e2be2c5277c7fcf05fcc3a73abf41610695738c1d7b",
    ),
    Model(
        "sczhou/codeformer",
        {
            "image": picture(),
            "codeformer_fidelity": number(0, 1),
            "background_enhance": flag(default=True),
            "face_upsample": flag(default=True),
            "upscale": integer(1, 4, role="scale", default=2),
        },
        price_usd=0.004,
        operation="retouch",
        version="cc4956dd26fa5a7185d5660cc9100fab1b8070a1d1654a8bb5eb6d443b020bb2",
    ),
)

MODELS = {model.name: model for model in _TABLE}


def describe(model: Model) -> dict[str, Any]:
    """The model as the API shows it."""
    owner, _, name = model.name.partition("/")
    return {
        "url": f"https://replicate.com/{model.name}",
        "owner": owner,
        "name": name,
        "description": "simulated",
        "visibility": "public",
        "github_url": None,
        "paper_url": None,
        "license_url": None,
        "run_count": 1,
        "cover_image_url": None,
        "default_example": None,
        "latest_version": describe_version(model),
    }


def describe_version(model: Model) -> dict[str, Any]:
    """The version with the JSON Schema of its input and output."""
    output: dict[str, Any] = {"title": "Output", "type": "string", "format": "uri"}
    if model.is_list:
        output = {"title": "Output", "type": "array", "items": {"type": "string", "format": "uri"}}
    fields = model.fields.items()
    schema = {
        "title": "Input",
        "type": "object",
        "required": [name for name, field in fields if field.is_required],
        "properties": {name: _property(field) for name, field in fields},
    }
    return {
        "id": model.version or "hidden",
        "created_at": "2026-01-01T00:00:00.000Z",
        "cog_version": "0.16.0",
        "openapi_schema": {"components": {"schemas": {"Input": schema, "Output": output}}},
    }


def _property(field: Field) -> dict[str, Any]:
    described: dict[str, Any] = {"type": TYPE_NAMES[field.kind]}
    if field.kind == "picture":
        described["format"] = "uri"
    if field.kind == "pictures":
        described["items"] = {"type": "string", "format": "uri"}
    if field.choices:
        described["enum"] = list(field.choices)
    if field.kind in {"integer", "number"}:
        bounds = {"minimum": field.least, "maximum": field.most}
        described |= {name: bound for name, bound in bounds.items() if bound is not None}
    return described if field.default is None else described | {"default": field.default}
