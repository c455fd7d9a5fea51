"""What the file of a ComfyUI server may say: workflows, and where in them our order goes.

See `presets/comfyui.toml` for one with a comment on every part.
"""

import json
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, Field, model_validator

from imgbot.domain.operations import Operation
from imgbot.providers.comfyui_graph import Graph, is_link
from imgbot.providers.fields import (
    Headers,
    InputRules,
    KeyName,
    Limits,
    PriceUsd,
    ProviderName,
    Url,
)
from imgbot.providers.spec_file import LocatedTable, SpecDocument, validate

Made = Literal["create", "edit", "merge", "retouch", "upscale"]

_WORKFLOW_BYTES = 2 << 20


def _is_place(value: str) -> str:
    node, _, name = value.partition(".")
    if not node or not name:
        raise ValueError(f"{value!r} is no input; write it as node.input, like 5.seed")
    return value


InputName = Annotated[str, AfterValidator(_is_place)]
"""A node's number and one of its inputs, as in `5.seed`."""


class WorkflowInputs(LocatedTable):
    """Where the parts of an order go; what is left out is not set."""

    prompt: InputName | None = None
    negative: InputName | None = None
    seed: InputName | None = None
    width: InputName | None = None
    height: InputName | None = None
    scale: InputName | None = None
    model: InputName | None = None
    prefix: InputName | None = None
    images: tuple[InputName, ...] = ()
    """The pictures in their order, each an `image` of a LoadImage."""

    def named(self) -> list[tuple[tuple[str | int, ...], str]]:
        """Give every input that is named, with its place in the file."""
        single = {
            name: getattr(self, name) for name in WorkflowInputs.model_fields if name != "images"
        }
        found: list[tuple[tuple[str | int, ...], str]] = [
            (("inputs", name), text) for name, text in single.items() if text
        ]
        return found + [(("inputs", "images"), text) for text in self.images]


class ImageInputGrowth(LocatedTable):
    """How a workflow takes more pictures than it names: these nodes are copied for each more.

    In a copy, `picture` is the further picture and `carry` is what the nodes before it made.
    Whoever read the node of `carry` reads its last copy.
    """

    nodes: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)]
    picture: InputName
    carry: InputName

    @model_validator(mode="after")
    def _holds_together(self) -> "ImageInputGrowth":
        for text in (self.picture, self.carry):
            if text.partition(".")[0] not in self.nodes:
                raise ValueError(f"the node of {text} is not among the nodes that are copied")
        return self


class Workflow(LocatedTable):
    """One operation."""

    workflow: str
    """A file in the API's format, beside this one."""
    model: str = ""
    """What `inputs.model` is set to; an operation that has the one needs the other."""
    price_usd: PriceUsd = 0.0
    inputs: WorkflowInputs
    grow: ImageInputGrowth | None = None
    pictures: Annotated[int, Field(ge=1, le=50)] = 10
    """The most pictures, where the workflow grows."""
    output: str = ""
    """The node whose picture is the result; empty takes the first picture that is saved."""
    preview: Annotated[str, Field(pattern=r"^(|(jpeg|webp);\d{1,3})$")] = ""
    """Fetch the result packed anew, as in `jpeg;95`; empty fetches the file as it was saved."""
    negative: str = ""
    multiple_of_px: Annotated[int, Field(ge=1, le=256)] = 64
    scales: tuple[Annotated[int, Field(ge=1, le=8)], ...] = ()
    model_scale: Annotated[float, Field(gt=0, le=16)] = 1.0
    """What the workflow's model enlarges by itself; `inputs.scale` gets the rest."""
    max_side_px: Annotated[int, Field(ge=0)] = 0
    """Instead of the one for all operations."""


class ComfyUiSpec(LocatedTable):
    """A server whole."""

    adapter: Literal["comfyui"]
    name: ProviderName = "comfyui"
    url: Url
    key: KeyName = ""
    headers: Headers = Field(default_factory=dict[str, str])
    recovery: Literal["look_up", "none"] = "look_up"
    limits: Limits = Limits()
    inputs: InputRules = InputRules()
    operations: Annotated[Mapping[Made, Workflow], Field(min_length=1)]

    def workflow_of(self, operation: Operation) -> Workflow | None:
        return next((flow for name, flow in self.operations.items() if name == operation), None)


def read_comfyui(
    document: SpecDocument, folder: Traversable
) -> tuple[ComfyUiSpec, Mapping[Operation, Graph]]:
    """Return the file, and the workflows that it names in `folder`.

    Raises ConfigError with the line of the first mistake.
    """
    spec = validate(document, ComfyUiSpec)
    graphs: dict[Operation, Graph] = {}
    for name, flow in spec.operations.items():
        place = ("operations", name)
        graph = _read_graph(document, (*place, "workflow"), folder / flow.workflow)
        for below, why in _mistakes(name, flow, graph):
            raise document.error((*place, *below), why)
        graphs[Operation(name)] = graph
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
    if isinstance(cast("dict[str, Any]", graph).get("nodes"), list):
        raise document.error(place, "is in the editor's format; save it with Export (API)")
    for node in cast("dict[str, Any]", graph).values():
        fields = cast("dict[str, Any]", node) if isinstance(node, dict) else {}
        if not isinstance(fields.get("class_type"), str) or not isinstance(
            fields.get("inputs"), dict
        ):
            raise document.error(place, "is no workflow in the API's format")
    return cast("Graph", graph)


def _mistakes(
    name: Made, flow: Workflow, graph: Graph
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Give what does not fit together, with its place below the operation."""
    for place, text in flow.inputs.named():
        if why := _missing(graph, text) or _linked(graph, text):
            yield place, why
    if flow.grow:
        yield from _mistakes_in_growth(flow.grow, graph)
    if flow.output and flow.output not in graph:
        yield ("output",), f"the workflow has no node {flow.output}"
    if len(flow.inputs.images) < (name != "create") + (name == "merge" and flow.grow is None):
        yield ("inputs",), "images must name where the pictures go"


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
        return f"{text} comes from another node; name the input where the value stands"
    return ""
