"""The nodes that the simulated ComfyUI knows, in the form of its `/object_info`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]
_SAMPLERS = ["euler", "euler_ancestral", "heun", "dpmpp_2m", "dpmpp_2m_sde", "ddim", "uni_pc"]
_SCHEDULERS = ["simple", "sgm_uniform", "karras", "exponential", "normal", "beta"]
CHECKPOINTS = ["sd_xl_base_1.0.safetensors", "v1-5-pruned-emaonly.safetensors"]
UPSCALERS = ["RealESRGAN_x2plus.pth", "RealESRGAN_x4plus.pth", "4x-UltraSharp.pth"]
_SIDE = {"default": 512, "min": 16, "max": 16384, "step": 8}
_IMAGE = ["IMAGE"]

Input = list[Any]
"""A type's name, or a list of choices; then perhaps bounds."""


@dataclass(frozen=True, slots=True)
class Node:
    """What a class of nodes takes and gives."""

    outputs: tuple[str, ...]
    required: Mapping[str, Input]
    optional: Mapping[str, Input] = field(default_factory=dict[str, Input])
    is_output: bool = False
    category: str = "image"

    @property
    def inputs(self) -> dict[str, Input]:
        return {**self.required, **self.optional}


def _number(kind: str, default: float, least: float, most: float) -> Input:
    return [kind, {"default": default, "min": least, "max": most}]


NODES: Mapping[str, Node] = {
    "LoadImage": Node(("IMAGE", "MASK"), {"image": ["UPLOAD", {"image_upload": True}]}),
    "SaveImage": Node(
        (), {"images": _IMAGE, "filename_prefix": ["STRING", {"default": "ComfyUI"}]},
        is_output=True,
    ),
    "PreviewImage": Node((), {"images": _IMAGE}, is_output=True),
    "ImageScaleBy": Node(
        ("IMAGE",),
        {
            "image": _IMAGE,
            "upscale_method": [_METHODS],
            "scale_by": _number("FLOAT", 1.0, 0.01, 8.0),
        },
        category="image/upscaling",
    ),
    "ImageScale": Node(
        ("IMAGE",),
        {
            "image": _IMAGE,
            "upscale_method": [_METHODS],
            "width": _number("INT", 512, 0, 16384),
            "height": _number("INT", 512, 0, 16384),
            "crop": [["disabled", "center"]],
        },
        category="image/upscaling",
    ),
    "UpscaleModelLoader": Node(
        ("UPSCALE_MODEL",), {"model_name": [UPSCALERS]}, category="loaders"
    ),
    "ImageUpscaleWithModel": Node(
        ("IMAGE",),
        {"upscale_model": ["UPSCALE_MODEL"], "image": _IMAGE},
        category="image/upscaling",
    ),
    "ImageBatch": Node(("IMAGE",), {"image1": _IMAGE, "image2": _IMAGE}),
    "ImageStitch": Node(
        ("IMAGE",),
        {
            "image1": _IMAGE,
            "direction": [["right", "down", "left", "up"]],
            "match_image_size": ["BOOLEAN", {"default": True}],
            "spacing_width": _number("INT", 0, 0, 1024),
            "spacing_color": [["white", "black", "red", "green", "blue"]],
        },
        {"image2": _IMAGE},
        category="image/transform",
    ),
    "ImageSharpen": Node(
        ("IMAGE",),
        {
            "image": _IMAGE,
            "sharpen_radius": _number("INT", 1, 1, 31),
            "sigma": _number("FLOAT", 1.0, 0.1, 10.0),
            "alpha": _number("FLOAT", 1.0, 0.0, 5.0),
        },
        category="image/postprocessing",
    ),
    "ImageBlend": Node(
        ("IMAGE",),
        {
            "image1": _IMAGE,
            "image2": _IMAGE,
            "blend_factor": _number("FLOAT", 0.5, 0.0, 1.0),
            "blend_mode": [["normal", "multiply", "screen", "overlay", "soft_light", "difference"]],
        },
        category="image/postprocessing",
    ),
    "CheckpointLoaderSimple": Node(
        ("MODEL", "CLIP", "VAE"), {"ckpt_name": [CHECKPOINTS]}, category="loaders"
    ),
    "CLIPTextEncode": Node(
        ("CONDITIONING",),
        {"text": ["STRING", {"multiline": True}], "clip": ["CLIP"]},
        category="conditioning",
    ),
    "EmptyLatentImage": Node(
        ("LATENT",),
        {
            "width": ["INT", _SIDE],
            "height": ["INT", _SIDE],
            "batch_size": _number("INT", 1, 1, 64),
        },
        category="latent",
    ),
    "KSampler": Node(
        ("LATENT",),
        {
            "model": ["MODEL"],
            "seed": _number("INT", 0, 0, 0xFFFFFFFFFFFFFFFF),
            "steps": _number("INT", 20, 1, 10000),
            "cfg": _number("FLOAT", 8.0, 0.0, 100.0),
            "sampler_name": [_SAMPLERS],
            "scheduler": [_SCHEDULERS],
            "positive": ["CONDITIONING"],
            "negative": ["CONDITIONING"],
            "latent_image": ["LATENT"],
            "denoise": _number("FLOAT", 1.0, 0.0, 1.0),
        },
        category="sampling",
    ),
    "VAEDecode": Node(
        ("IMAGE",), {"samples": ["LATENT"], "vae": ["VAE"]}, category="latent"
    ),
    "VAEEncode": Node(
        ("LATENT",), {"pixels": _IMAGE, "vae": ["VAE"]}, category="latent"
    ),
}  # fmt: skip


def object_info(name: str, uploads: list[str]) -> dict[str, Any]:
    """One entry of `/object_info`."""
    node = NODES[name]
    inputs = {
        kind: {
            each: [uploads, *spec[1:]] if spec[0] == "UPLOAD" else spec
            for each, spec in given.items()
        }
        for kind, given in (("required", node.required), ("optional", node.optional))
        if given
    }
    return {
        "input": inputs,
        "input_order": {kind: list(given) for kind, given in inputs.items()},
        "output": list(node.outputs),
        "output_is_list": [False] * len(node.outputs),
        "output_name": list(node.outputs),
        "name": name,
        "display_name": name,
        "description": "",
        "python_module": "nodes",
        "category": node.category,
        "output_node": node.is_output,
    }
