"""Spec file of a ComfyUI server: workflows, and the inputs that receive a request.

See `presets/comfyui.toml` for an annotated example.
"""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, model_validator

from imgbot.domain.operations import OPERATIONS, Operation
from imgbot.providers.fields import (
    Headers,
    InputRules,
    KeyName,
    Limits,
    OfferedOperation,
    PriceUsd,
    ProviderName,
    Url,
)
from imgbot.providers.spec_file import LocatedTable, SpecDocument, validate

Graph = dict[str, dict[str, Any]]
"""Nodes by their number, each with `class_type` and `inputs`; a link is [node, slot]."""


def is_link(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 2:
        return False
    return isinstance(value[0], str)


def filled(graph: Graph, values: Mapping[str, object]) -> Graph:
    """Return a copy with the given values at `node.input`."""
    made = copy.deepcopy(graph)
    for place, value in values.items():
        node, _, name = place.partition(".")
        made[node]["inputs"][name] = value
    return made


def grown(
    graph: Graph, nodes: Sequence[str], picture: str, carry: str, files: Sequence[str]
) -> Graph:
    """Return a copy that takes `files` as well; each adds a chained copy of `nodes`.

    The output of the `carry` node feeds `carry` of the next copy, and from the last copy whatever
    it fed before.
    """
    picture_node, _, picture_input = picture.partition(".")
    carry_node, _, carry_input = carry.partition(".")
    made = copy.deepcopy(graph)
    last = carry_node
    for index, file in enumerate(files, 1):
        names = {node: _free(made, f"{node}0{index}") for node in nodes}
        for node, name in names.items():
            made[name] = _relinked(graph[node], names)
        made[names[picture_node]]["inputs"][picture_input] = file
        made[names[carry_node]]["inputs"][carry_input] = [last, 0]
        last = names[carry_node]
    for name in graph:
        if name != carry_node:
            made[name] = _relinked(made[name], {carry_node: last})
    return made


def _relinked(node: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return a copy whose links to the nodes in `names` lead to their replacements."""
    made = copy.deepcopy(dict(node))
    inputs: dict[str, Any] = made["inputs"]
    for name, value in inputs.items():
        if is_link(value) and value[0] in names:
            inputs[name] = [names[value[0]], value[1]]
    return made


def _free(graph: Graph, name: str) -> str:
    while name in graph:
        name += "0"
    return name


_WORKFLOW_BYTES = 2 << 20


def _is_place(value: str) -> str:
    node, _, name = value.partition(".")
    if not node or not name:
        raise ValueError(f"{value!r} is not an input; write it as node.input, like 5.seed")
    return value


InputName = Annotated[str, AfterValidator(_is_place)]
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
    images: tuple[InputName, ...] = ()
    """One `image` input of a LoadImage node per picture, in order."""

    def named(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Yield every input that is named, with its place in the file."""
        single = {
            name: getattr(self, name) for name in WorkflowInputs.model_fields if name != "images"
        }
        found: list[tuple[tuple[str | int, ...], str]] = [
            (("inputs", name), text) for name, text in single.items() if text
        ]
        return found + [(("inputs", "images"), text) for text in self.images]


class ImageInputGrowth(LocatedTable):
    """Rule for workflows that accept more pictures than they name: nodes copied for each extra one.

    In a copy, `picture` is the extra picture and `carry` is the output of the nodes before it.
    Whatever read the `carry` node reads its last copy.
    """

    nodes: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)]
    picture: InputName
    carry: InputName

    @model_validator(mode="after")
    def _holds_together(self) -> "ImageInputGrowth":
        for text in (self.picture, self.carry):
            if text.partition(".")[0] not in self.nodes:
                raise ValueError(f"the node of {text} is not among the copied nodes")
        return self


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


class ComfyUiSpec(LocatedTable):
    """Complete spec file of one server."""

    adapter: Literal["comfyui"]
    name: ProviderName = "comfyui"
    url: Url
    key: KeyName = ""
    headers: Headers = Field(default_factory=dict[str, str])
    recovery: Literal["look_up", "none"] = "look_up"
    limits: Limits = Limits()
    inputs: InputRules = InputRules()
    operations: Annotated[Mapping[OfferedOperation, Workflow], Field(min_length=1)]

    def workflow_of(self, operation: Operation) -> Workflow | None:
        return self.operations.get(operation)


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
        graph = _read_graph(document, (*place, "workflow"), folder / flow.workflow)
        for below, why in _mistakes(name, flow, graph):
            raise document.error((*place, *below), why)
        graphs[name] = graph
    return spec, graphs


def _read_graph(document: SpecDocument, place: tuple[str, ...], file: Traversable) -> Graph:
    try:
        with file.open("rb") as opened:
            content = opened.read(_WORKFLOW_BYTES + 1)
        graph: Any = json.loads(content) if len(content) <= _WORKFLOW_BYTES else None
    except (OSError, ValueError, RecursionError) as error:
        raise document.error(place, f"cannot be read: {type(error).__name__}") from None
    if not isinstance(graph, dict) or not graph:
        raise document.error(place, "is no workflow")
    if isinstance(graph.get("nodes"), list):
        raise document.error(place, "is in the editor's format; save it with Export (API)")
    for node in graph.values():
        fields = node if isinstance(node, dict) else {}
        if not isinstance(fields.get("class_type"), str) or not isinstance(
            fields.get("inputs"), dict
        ):
            raise document.error(place, "is no workflow in the API's format")
    return cast("Graph", graph)


def _mistakes(
    name: Operation, flow: Workflow, graph: Graph
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield inconsistencies, each with its place below the operation."""
    for place, text in flow.inputs.named():
        if why := _missing(graph, text) or _linked(graph, text):
            yield place, why
    if flow.grow:
        yield from _mistakes_in_growth(flow.grow, graph)
    if flow.output and flow.output not in graph:
        yield ("output",), f"the workflow has no node {flow.output}"
    if len(flow.inputs.images) < min(OPERATIONS[name].photos, 1 if flow.grow else 2):
        yield ("inputs",), "images must name the inputs for the pictures"


def _mistakes_in_growth(
    grow: ImageInputGrowth, graph: Graph
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if why := _missing(graph, grow.carry):
        yield ("grow", "carry"), why
    if why := _missing(graph, grow.picture) or _linked(graph, grow.picture):
        yield ("grow", "picture"), why
    for node in grow.nodes:
        if node not in graph:
            yield ("grow", "nodes"), f"the workflow has no node {node}"


def _missing(graph: Graph, text: str) -> str:
    node, _, name = text.partition(".")
    if node not in graph:
        return f"the workflow has no node {node}"
    if name not in graph[node]["inputs"]:
        return f"node {node} ({graph[node]['class_type']}) has no input {name}"
    return ""


def _linked(graph: Graph, text: str) -> str:
    node, _, name = text.partition(".")
    if is_link(graph[node]["inputs"][name]):
        return f"{text} is linked to another node; name the input that holds the value"
    return ""
