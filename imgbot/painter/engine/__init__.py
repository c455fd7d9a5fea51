"""Built-in engine: makes pictures in a worker process, without key or network.

`make_picture` takes an operation, its words, pictures and a seed; it writes a file and returns what
was done, not understood and suggested (`EngineResult`). The same input makes the same picture.

* `create`: `understand` reads the prompt, `compose` decides what goes where, `create` paints it.
* `edit`, `merge`: `edit_request` and `merge_request` turn words into steps, which they perform.
* `retouch`, `upscale`, `background`: photographs, by what is measured in them.
* `backdrop`: what is behind a subject; `segmentation.find_subject` finds the subject.

It uses decoding, saving and the domain, and nothing imports it: workers load it by name. Start
reading with `make_picture`; ARCHITECTURE.md says how an operation or a change is added.
"""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from imgbot.domain.errors import UserError
from imgbot.domain.lettering import read_lettering
from imgbot.domain.moving import UNMOVED, Move
from imgbot.painter.decoding import decode
from imgbot.painter.engine.background import remove_background
from imgbot.painter.engine.collages import before_after
from imgbot.painter.engine.create import composition_of, paint, picture_size
from imgbot.painter.engine.create_report import report
from imgbot.painter.engine.edit import UNCHANGED, EditResult, damage_degree, edit_picture
from imgbot.painter.engine.inpaint import inpaint
from imgbot.painter.engine.lettering import letter
from imgbot.painter.engine.merge import PHOTOS_MAX, merge_pictures
from imgbot.painter.engine.retouch import retouch_picture
from imgbot.painter.engine.upscale import progress_path, progress_writer, upscale_picture
from imgbot.painter.pictures import flattened, save_jpeg
from imgbot.painter.steps import EngineResult, bare_of

QUALITY = 95
SOURCE_LIMIT_MEGAPIXELS = 64
# An edit's filters hold several copies of the picture at once.
EDITED_MEGAPIXELS = 12.0


def make_picture(  # noqa: PLR0913 -- all that a picture is made of
    operation: str,
    prompt: str,
    sources: tuple[str, ...],
    target: str,
    *,
    scale: int,
    seed: int,
    ratio: str = "",
    move: Move = UNMOVED,
) -> EngineResult:
    """Perform one operation and write the picture to `target` as a JPEG, a cut-out beside it.

    `ratio` (as `16:9`) is the shape of a created picture; `edit_drawn` is as in `edit_picture`. An
    upscale writes its progress to `target` + .progress; a picture with words is also written
    without them, to `bare_of(target)`. UserError: edit_words_unknown, area_words_unknown,
    letters_unknown, merge_needs_two, upscale_too_large, or the errors of `decode`.
    """
    match operation:
        case "create":
            composition = composition_of(prompt, seed)
            image, bare = paint(composition, prompt, seed, picture_size(ratio))
            outcome = EditResult(image, *report(composition), bare=bare)
        case "edit" | "edit_drawn" | "inpaint":
            outcome = _edit(operation, prompt, sources, move)
        case "merge":
            outcome = merge_pictures(_load_all(sources[:PHOTOS_MAX]), prompt, move)
        case "compare":
            before, after = (flattened(image) for image in _load_all(sources))
            outcome = EditResult(before_after(before, after), ("before_after",))
        case "retouch":
            photo = _load(sources[0], EDITED_MEGAPIXELS)
            image, applied = retouch_picture(photo, damage_degree(prompt))
            outcome = EditResult(image, applied or (UNCHANGED,))
        case "upscale":
            outcome = _upscale(sources[0], target, scale)
        case "removebg" | "sticker":
            return remove_background(sources[0], str(Path(target).with_suffix("")))
        case _:
            raise ValueError(f"unknown operation {operation!r}")
    return _saved(outcome, target)


def _saved(outcome: EditResult, target: str) -> EngineResult:
    save_jpeg(outcome.image, target, QUALITY)
    if outcome.bare:
        save_jpeg(outcome.bare, bare_of(target), QUALITY)
    image, *rest, _ = outcome
    return EngineResult(target, image.width, image.height, *rest)


def letter_result(prompt: str, source: str, target: str) -> None:
    """Write the picture at `source`, with the words that a prompt asks for, to `target`.

    UserError: letters_unknown, or the errors of `decode`.
    """
    # Of a picture with words, there are two copies.
    image, lettering = _load(source, 25.0), read_lettering(prompt)
    if lettering is None:
        raise UserError("letters_unknown", words="")
    save_jpeg(letter(image, lettering).image, target, QUALITY)


def _edit(operation: str, prompt: str, sources: tuple[str, ...], move: Move) -> EditResult:
    """Edited picture; to inpaint, edited where the second source, a mask, is white."""
    image = _load(sources[0], EDITED_MEGAPIXELS)
    if operation != "inpaint":
        return edit_picture(image, prompt, is_drawn=operation == "edit_drawn", move=move)
    with Image.open(sources[1], formats=("PNG",)) as mask:
        return inpaint(image, mask.convert("L"), prompt)


def _upscale(source: str, target: str, scale: int) -> EditResult:
    image = _load(source, SOURCE_LIMIT_MEGAPIXELS)
    try:
        return EditResult(*upscale_picture(image, scale, progress_writer(target)))
    finally:
        progress_path(target).unlink(missing_ok=True)


def _load_all(sources: Sequence[str]) -> list[Image.Image]:
    """Sources with their transparency, which a merge uses for cut-outs."""
    # A collage shows each photo smaller than this, and the total bounds the memory.
    kept = min(4.0, 20.0 / max(1, len(sources)))
    return [
        decode(source, limit_megapixels=SOURCE_LIMIT_MEGAPIXELS, keep_megapixels=kept)
        for source in sources
    ]


def _load(source: str, keep_megapixels: float) -> Image.Image:
    return flattened(
        decode(source, limit_megapixels=SOURCE_LIMIT_MEGAPIXELS, keep_megapixels=keep_megapixels)
    )
