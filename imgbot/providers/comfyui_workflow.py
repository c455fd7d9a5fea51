"""Spec file of a ComfyUI server: workflows, and the inputs that receive a request.

See `presets/comfyui.toml` for an annotated example.
"""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field

from imgbot.config.settings import PRESETS
from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.providers.spec_file import (
    LocatedTable,
    OfferedOperation,
    Place,
    PriceUsd,
    ProviderName,
    ServerSpec,
    SpecDocument,
    validate,
)

Graph = dict[str, dict[str, Any]]
"""Nodes by their number, each with `class_type` and `inputs`; a link is [node, slot]."""


def _is_input(value: str) -> str:
    node, _, name = value.partition(".")
    if not node or not name:
        raise ValueError(f"{value!r} is not an input; write it as node.input, like 5.seed")
    return value


InputName = Annotated[str, AfterValidator(_is_input)]
"""Node number and input name, as in `5.seed`."""


class WorkflowInputs(LocatedTable):
    """Inputs that receive the parts of a request; omitted ones are left as they are."""

    prompt: InputName | None = None
    negative: InputName | None = None
    seed: InputName | None = None
    width: InputName | None = None
    height: InputName | None = None
    scale: InputName | None = None
    model: InputName | None = None
    prefix: InputName | None = None
    mask: InputName | None = None
    """The `image` input of a LoadImageMask node, for inpaint."""
    images: tuple[InputName, ...] = ()
    """One `image` input of a LoadImage node per picture, in order."""


class ImageInputGrowth(LocatedTable):
    """Rule for workflows that accept more pictures than they name: nodes copied for each extra one.

    In a copy, `picture` is the extra picture and `carry` is the output of the nodes before it.
    The readers of the `carry` node read its last copy.
    """

    nodes: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)]
    picture: InputName
    carry: InputName


class Workflow(LocatedTable):
    """One operation's workflow."""

    workflow: str
    """Workflow file in API format, next to this file."""
    model: str = ""
    """Value of `inputs.model`; an operation that sets one of the two needs the other."""
    price_usd: PriceUsd = 0.0
    inputs: WorkflowInputs
    grow: ImageInputGrowth | None = None
    pictures: Annotated[int, Field(ge=1, le=50)] = 10
    """Maximum number of pictures, if the workflow can grow."""
    output: str = ""
    """Node whose picture is the result; empty takes the first saved picture."""
    preview: Annotated[str, Field(pattern=r"^(|(jpeg|webp);\d{1,3})$")] = ""
    """Re-encoding on download, as in `jpeg;95`; empty downloads the file as saved."""
    negative: str = ""
    multiple_of_px: Annotated[int, Field(ge=1, le=256)] = 64
    scales: tuple[Annotated[int, Field(ge=1, le=8)], ...] = ()
    model_scale: Annotated[float, Field(gt=0, le=16)] = 1.0
    """Built-in factor of the workflow's model; `inputs.scale` gets the rest."""
    max_side_px: Annotated[int, Field(ge=0)] = 0
    """Overrides the limit for all operations."""

    @property
    def max_pictures(self) -> int:
        return self.pictures if self.grow else len(self.inputs.images)


class ComfyUiSpec(ServerSpec):
    """Complete spec file of one server."""

    adapter: Literal["comfyui"]
    name: ProviderName = "comfyui"
    recovery: Literal["look_up", "none"] = "look_up"
    operations: Annotated[Mapping[OfferedOperation, Workflow], Field(min_length=1)]


def read_comfyui(
    document: SpecDocument, folder: Traversable
) -> tuple[ComfyUiSpec, Mapping[Operation, Graph]]:
    """Return the spec, and the workflows that it names in `folder`.

    Raises ConfigError with the line of the first mistake.
    """
    spec = validate(document, ComfyUiSpec)
    graphs: dict[Operation, Graph] = {}
    for name, flow in spec.operations.items():
        place = ("operations", name)
        file = folder / flow.workflow
        # A file that extends the preset may name the workflows there.
        found = file if file.is_file() else PRESETS / flow.workflow
        graph = _read_graph(document, (*place, "workflow"), found)
        for below, why in _mistakes(name, flow, graph):
            raise document.error((*place, *below), why)
        graphs[name] = graph
    return spec, graphs


def _read_graph(document: SpecDocument, place: Place, file: Traversable) -> Graph:
    try:
        with file.open("rb") as opened:
            graph: Any = json.loads(opened.read(2 << 20))
    except (OSError, ValueError, RecursionError) as error:
        raise document.error(place, f"cannot be read: {type(error).__name__}") from None
    if isinstance(graph, dict) and isinstance(graph.get("nodes"), list):
        raise document.error(place, "is in the editor's format; save it with Export (API)")
    nodes = graph.values() if isinstance(graph, dict) else [None]
    if not graph or not all(isinstance(node, dict) and _is_node(node) for node in nodes):
        raise document.error(place, "is no workflow in the API's format")
    return cast("Graph", graph)


def _is_node(node: Mapping[str, object]) -> bool:
    return isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)


def _mistakes(name: Operation, flow: Workflow, graph: Graph) -> Iterator[tuple[Place, str]]:
    """Yield inconsistencies, each with its place below the operation."""
    images = flow.inputs.images
    single = flow.inputs.model_dump(exclude={"images"}, exclude_none=True)
    named = [*single.items(), *(("images", text) for text in images)]
    for key, text in named:
        if why := _mistake(graph, text):
            yield ("inputs", key), why
    if flow.grow:
        yield from _mistakes_in_growth(flow.grow, graph)
    if flow.output and flow.output not in graph:
        yield ("output",), f"the workflow has no node {flow.output}"
    if (name is Operation.INPAINT) != (flow.inputs.mask is not None):
        yield ("inputs",), "mask must name the input for the area of inpaint, and of nothing else"
    if len(images) < min(OPERATIONS[name].photos, 1 if flow.grow else 2):
        yield ("inputs",), "images must name the inputs for the pictures"


def _mistakes_in_growth(grow: ImageInputGrowth, graph: Graph) -> Iterator[tuple[Place, str]]:
    for key, text in (("picture", grow.picture), ("carry", grow.carry)):
        if text.partition(".")[0] not in grow.nodes:
            yield ("grow", key), f"the node of {text} is not among the copied nodes"
        if why := _mistake(graph, text, may_link=key == "carry"):
            yield ("grow", key), why
    for node in grow.nodes:
        if node not in graph:
            yield ("grow", "nodes"), f"the workflow has no node {node}"


def _mistake(graph: Graph, text: str, *, may_link: bool = False) -> str:
    node, _, name = text.partition(".")
    if node not in graph:
        return f"the workflow has no node {node}"
    inputs = graph[node]["inputs"]
    if name not in inputs:
        return f"node {node} ({graph[node]['class_type']}) has no input {name}"
    if _is_link(inputs[name]) and not may_link:
        return f"{text} is linked to another node; name the input that holds the value"
    return ""


def filled(graph: Graph, values: Mapping[str, object]) -> Graph:
    """Return a copy with the given values at `node.input`."""
    made = copy.deepcopy(graph)
    for place, value in values.items():
        node, _, name = place.partition(".")
        made[node]["inputs"][name] = value
    return made


def grown(graph: Graph, grow: ImageInputGrowth, files: Sequence[str]) -> Graph:
    """Return a copy that takes `files` as well; each adds a chained copy of the nodes.

    The output of the `carry` node feeds `carry` of the next copy, and from the last copy the
    inputs that it fed before.
    """
    picture_node, _, picture_input = grow.picture.partition(".")
    carry_node, _, carry_input = grow.carry.partition(".")
    made = copy.deepcopy(graph)
    last = carry_node
    for index, file in enumerate(files, 1):
        names = {node: _free(made, f"{node}0{index}") for node in grow.nodes}
        for node, name in names.items():
            made[name] = _relinked(graph[node], names)
        made[names[picture_node]]["inputs"][picture_input] = file
        made[names[carry_node]]["inputs"][carry_input] = [last, 0]
        last = names[carry_node]
    for name in graph:
        if name != carry_node:
            made[name] = _relinked(made[name], {carry_node: last})
    return made


def _is_link(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str)


def _relinked(node: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return a copy whose links to the nodes in `names` lead to their replacements."""
    inputs = {
        name: [names.get(value[0], value[0]), value[1]] if _is_link(value) else value
        for name, value in node["inputs"].items()
    }
    return {**node, "inputs": inputs}


def _free(graph: Graph, name: str) -> str:
    while name in graph:
        name += "0"
    return name
