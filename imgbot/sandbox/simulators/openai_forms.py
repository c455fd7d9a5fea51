"""The multipart body of OpenAI's edits, as strict as the real one."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from imgbot.sandbox.simulators.fields import Field
from imgbot.sandbox.simulators.multipart import Part
from imgbot.sandbox.simulators.openai_models import EDIT, Wrong
from imgbot.sandbox.simulators.painting import MIME_TYPES, Picture

_MOST_IMAGES = 16
_MASK_BYTES = 4 << 20
_FORMATS = "'image/jpeg', 'image/png', and 'image/webp'"
_WHOLE_NUMBER = re.compile(r"-?\d{1,9}")
_BOOLEANS = {"true": True, "false": False}

Open = Callable[[bytes], Awaitable[Picture]]


@dataclass(frozen=True, slots=True)
class Form:
    """Parameters and pictures; the files are known to be pictures."""

    fields: dict[str, Any]
    images: list[Picture]
    mask: Picture | None


async def checked_form(parts: list[Part], opened: Open) -> Form:
    """Raises Wrong for the first thing that is wrong with the files."""
    images = [part for part in parts if part.name in {"image", "image[]"}]
    masks = [part for part in parts if part.name == "mask"]
    rest = [part for part in parts if part.name not in {"image", "image[]", "mask"}]
    if not images:
        raise Wrong("missing_required_parameter", "Missing required parameter: 'image'.", "image")
    if len(images) > 1 and any(part.name == "image" for part in images):
        message = "Duplicate parameter: 'image'. Use 'image[]' for several images."
        raise Wrong("duplicate_parameter", message, "image")
    if len(images) > _MOST_IMAGES:
        raise Wrong(
            "array_above_max_length",
            f"Invalid 'image': array too long. Expected an array with maximum length "
            f"{_MOST_IMAGES}, but got an array with length {len(images)} instead.",
            "image",
        )
    names = ["image" if part.name == "image" else f"image[{i}]" for i, part in enumerate(images)]
    pictures = [
        await _picture(part, name, opened) for part, name in zip(images, names, strict=True)
    ]
    mask = await _mask(masks[0], pictures[0], opened) if masks else None
    return Form({part.name: _value(part) for part in rest}, pictures, mask)


async def _picture(part: Part, name: str, opened: Open) -> Picture:
    if part.filename is None:
        message = f"Invalid type for '{name}': expected a file, but got a string instead."
        raise Wrong("invalid_type", message, name)
    if part.content_type not in MIME_TYPES.values():
        raise Wrong(
            "unsupported_file_mimetype",
            f"Invalid file '{name}': unsupported mimetype ('{part.content_type[:100]}'). "
            f"Supported file formats are {_FORMATS}.",
            name,
        )
    try:
        return await opened(part.content)
    except ValueError:
        message = f"Invalid image file or mode for '{name}', please check your image file."
        raise Wrong("invalid_image_file", message, name) from None


async def _mask(part: Part, first: Picture, opened: Open) -> Picture:
    mask = await _picture(part, "mask", opened)
    why = ""
    if mask.kind != "PNG":
        why = "mask is not a PNG"
    elif len(mask.content) > _MASK_BYTES:
        why = "mask is larger than 4 MB"
    elif not mask.has_alpha:
        why = "mask image missing alpha channel"
    elif (mask.width, mask.height) != (first.width, first.height):
        why = "mask size does not match image size"
    if why:
        message = f"Invalid mask image format - {why}"
        raise Wrong("invalid_mask_image_format", message, "mask")
    return mask


def _value(part: Part) -> Any:
    """A form knows texts only: numbers are read from them, as the real server does."""
    field: Field | None = EDIT.get(part.name)
    if field and field.kind == "integer" and _WHOLE_NUMBER.fullmatch(part.text):
        return int(part.text)
    if field and field.kind == "flag":
        return _BOOLEANS.get(part.text, part.text)
    return part.text
