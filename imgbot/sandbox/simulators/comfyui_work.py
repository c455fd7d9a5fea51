"""The work of the simulated ComfyUI's nodes: from inputs to sheets."""

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from PIL import Image, ImageChops, ImageFilter, ImageOps

from imgbot.sandbox import provider_pictures
from imgbot.sandbox.provider_tasks import SubmittedTask
from imgbot.sandbox.simulators.comfyui_engine import Darkroom, ExecutionError, Run, Sheet, Worker

_MOST_PICTURES = 128
_RESAMPLING = {
    "nearest-exact": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_BLENDS: Mapping[str, Callable[[Image.Image, Image.Image], Image.Image]] = {
    "normal": lambda _first, second: second,
    "multiply": ImageChops.multiply,
    "screen": ImageChops.screen,
    "overlay": ImageChops.overlay,
    "soft_light": ImageChops.soft_light,
    "difference": ImageChops.difference,
}


def load_image(run: Run, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    content = run.load(inputs["image"])

    def make(_room: Darkroom) -> Image.Image:
        with Image.open(io.BytesIO(content)) as picture:
            return ImageOps.exif_transpose(picture).convert("RGB")

    try:
        with Image.open(io.BytesIO(content)) as picture:
            width, height = picture.size
            if picture.getexif().get(0x0112, 1) in {5, 6, 7, 8}:
                width, height = height, width
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        kind = "PIL.UnidentifiedImageError"
        raise ExecutionError(kind, "cannot identify image file") from error
    return [run.sheet(width, height, make)], None


def scale_by(run: Run, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    method = _RESAMPLING[inputs["upscale_method"]]
    return _scaled(run, inputs["image"], float(inputs["scale_by"]), method)


def upscale(run: Run, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    factor = 2.0 if "x2" in inputs["upscale_model"].lower() else 4.0
    return _scaled(run, inputs["image"], factor, Image.Resampling.BICUBIC)


def _scaled(
    run: Run, sheets: Sequence[Sheet], factor: float, method: Image.Resampling
) -> tuple[list[Sheet]]:
    made = [
        run.resized(
            sheet, round(sheet.width * factor) or 1, round(sheet.height * factor) or 1, method
        )
        for sheet in sheets
    ]
    return (made,)


def scale(run: Run, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    width, height = int(inputs["width"]), int(inputs["height"])
    method, is_cropped = _RESAMPLING[inputs["upscale_method"]], inputs["crop"] == "center"
    made: list[Sheet] = []
    for sheet in inputs["image"]:
        across = width or round(sheet.width * height / sheet.height) or sheet.width
        down = height or round(sheet.height * width / sheet.width) or sheet.height
        if is_cropped and width and height:
            made.append(_cropped(run, sheet, across, down, method))
        else:
            made.append(run.resized(sheet, across, down, method))
    return (made,)


def _cropped(run: Run, sheet: Sheet, width: int, height: int, method: Image.Resampling) -> Sheet:
    return run.sheet(
        width,
        height,
        lambda room: ImageOps.fit(room.develop(sheet), (width, height), method),
    )


def batch(run: Run, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    first: Sequence[Sheet] = inputs["image1"]
    size = first[0].size
    made = [*first, *(run.resized(sheet, *size) for sheet in inputs["image2"])]
    if len(made) > _MOST_PICTURES:
        raise ExecutionError("torch.OutOfMemoryError", "Allocation on device ")
    return (made,)


def stitch(run: Run, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    second: Sequence[Sheet] = inputs.get("image2") or ()
    if not second:
        return (inputs["image1"],)
    pairs = _pairs(inputs["image1"], second)
    return ([_stitched(run, one, other, inputs) for one, other in pairs],)


def _stitched(run: Run, first: Sheet, second: Sheet, inputs: Mapping[str, Any]) -> Sheet:
    direction = inputs["direction"]
    is_across = direction in {"left", "right"}
    if inputs["match_image_size"]:
        share = first.height / second.height if is_across else first.width / second.width
        second = run.resized(
            second, round(second.width * share) or 1, round(second.height * share) or 1
        )
    if direction in {"left", "up"}:
        first, second = second, first
    gap = int(inputs["spacing_width"]) // 2 * 2
    if is_across:
        size = first.width + gap + second.width, max(first.height, second.height)
        offset = first.width + gap, 0
    else:
        size = max(first.width, second.width), first.height + gap + second.height
        offset = 0, first.height + gap

    def make(room: Darkroom) -> Image.Image:
        wall = Image.new("RGB", size, inputs["spacing_color"])
        wall.paste(room.develop(first), (0, 0))
        wall.paste(room.develop(second), offset)
        return wall

    return run.sheet(*size, make)


def sharpen(run: Run, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    radius, percent = float(inputs["sigma"]), round(100 * float(inputs["alpha"]))
    mask = ImageFilter.UnsharpMask(radius, percent, 0)
    sheets: Sequence[Sheet] = inputs["image"]
    made = [
        run.sheet(*sheet.size, _then(sheet, lambda picture: picture.filter(mask)))
        for sheet in sheets
    ]
    return (made,)


def blend(run: Run, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    mix, factor = _BLENDS[inputs["blend_mode"]], float(inputs["blend_factor"])
    made: list[Sheet] = []
    for first, other in _pairs(inputs["image1"], inputs["image2"]):
        second = run.resized(other, *first.size, Image.Resampling.BICUBIC)
        made.append(run.sheet(*first.size, _blending(first, second, mix, factor)))
    return (made,)


def empty_latent(run: Run, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    size = int(inputs["width"]) // 8 * 8, int(inputs["height"]) // 8 * 8
    blank = run.sheet(*size, lambda _room: Image.new("RGB", size, "grey"))
    return ([blank] * int(inputs["batch_size"]),)


def sample(run: Run, inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    seed = int(inputs["seed"])
    latents: Sequence[Sheet] = inputs["latent_image"]
    made = [
        run.sheet(*latent.size, _drawing(run.order, seed + index, latent.size))
        for index, latent in enumerate(latents)
    ]
    return (made,)


def _pairs(first: Sequence[Sheet], second: Sequence[Sheet]) -> list[tuple[Sheet, Sheet]]:
    """The shorter batch repeats its last picture."""
    count = max(len(first), len(second))
    return [
        (first[min(index, len(first) - 1)], second[min(index, len(second) - 1)])
        for index in range(count)
    ]


def _then(
    sheet: Sheet, change: Callable[[Image.Image], Image.Image]
) -> Callable[[Darkroom], Image.Image]:
    return lambda room: change(room.develop(sheet))


def _blending(
    first: Sheet,
    second: Sheet,
    mix: Callable[[Image.Image, Image.Image], Image.Image],
    factor: float,
) -> Callable[[Darkroom], Image.Image]:
    def make(room: Darkroom) -> Image.Image:
        base = room.develop(first)
        return Image.blend(base, mix(base, room.develop(second)), factor)

    return make


def _drawing(
    order: SubmittedTask, seed: int, size: tuple[int, int]
) -> Callable[[Darkroom], Image.Image]:
    digest = hashlib.sha256(f"{order.digest} {seed}".encode()).hexdigest()
    drawn = replace(order, digest=digest, seed=seed)

    def make(_room: Darkroom) -> Image.Image:
        with Image.open(io.BytesIO(provider_pictures.render(drawn))) as picture:
            return picture.resize(size)

    return make


def _passed(name: str) -> Worker:
    return lambda _run, inputs: (inputs[name],)


WORKERS: Mapping[str, Worker] = {
    "LoadImage": load_image,
    "ImageScaleBy": scale_by,
    "ImageScale": scale,
    "UpscaleModelLoader": _passed("model_name"),
    "ImageUpscaleWithModel": upscale,
    "ImageBatch": batch,
    "ImageStitch": stitch,
    "ImageSharpen": sharpen,
    "ImageBlend": blend,
    "CheckpointLoaderSimple": lambda _run, inputs: (inputs["ckpt_name"],) * 3,
    "CLIPTextEncode": _passed("text"),
    "EmptyLatentImage": empty_latent,
    "KSampler": sample,
    "VAEDecode": _passed("samples"),
    "VAEEncode": _passed("pixels"),
}
