"""Runs a checked graph: image nodes do what they say, samplers draw a simulated picture.

A run tells at once how many pictures of which size there will be. Their pixels are computed
when somebody looks at one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from imgbot.sandbox.provider_tasks import SubmittedTask
from imgbot.sandbox.simulators.comfyui_graph import Graph, link_of
from imgbot.sandbox.simulators.comfyui_nodes import NODES

BILINEAR = Image.Resampling.BILINEAR
_MOST_PIXELS = 64_000_000
_MOST_PIXELS_OF_A_RUN = 600_000_000


class ExecutionError(Exception):
    """A node gave up."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.node_id = ""
        self.node_type = ""


class Darkroom:
    """Pixels of one look; what several nodes share is computed once."""

    def __init__(self) -> None:
        self._made: dict[int, Image.Image] = {}

    def develop(self, sheet: "Sheet") -> Image.Image:
        made = self._made.get(id(sheet))
        if made is None:
            made = self._made[id(sheet)] = sheet.make(self)
        return made


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A picture to be."""

    width: int
    height: int
    make: Callable[[Darkroom], Image.Image]

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


Worker = Callable[["Run", Mapping[str, Any]], tuple[Any, ...]]
"""From a node's inputs to its outputs."""


class Run:
    """One execution of one graph."""

    def __init__(
        self,
        graph: Graph,
        order: SubmittedTask,
        load: Callable[[str], bytes],
        workers: Mapping[str, Worker],
    ) -> None:
        self._graph = graph
        self._workers = workers
        self.order = order
        self.load = load
        self._done: dict[str, tuple[Any, ...]] = {}
        self._pixels = 0

    def sheets(self, name: str) -> Sequence[Sheet]:
        """What the output node is given. Raises ExecutionError."""
        link = link_of(self._graph[name]["inputs"]["images"])
        return self._value(*link) if link else ()

    def _value(self, name: str, slot: int) -> Any:
        if name not in self._done:
            node = self._graph[name]
            given: dict[str, Any] = node["inputs"]
            inputs = {
                each: self._value(*link) if (link := link_of(value)) else value
                for each, value in given.items()
                if each in NODES[node["class_type"]].inputs
            }
            try:
                self._done[name] = self._workers[node["class_type"]](self, inputs)
            except ExecutionError as error:
                error.node_id, error.node_type = name, node["class_type"]
                raise
        return self._done[name][slot]

    def sheet(self, width: int, height: int, make: Callable[[Darkroom], Image.Image]) -> Sheet:
        self._pixels += width * height
        if width * height > _MOST_PIXELS or self._pixels > _MOST_PIXELS_OF_A_RUN:
            raise ExecutionError("torch.OutOfMemoryError", "Allocation on device ")
        if width < 1 or height < 1:
            raise ExecutionError("ValueError", "height and width must be > 0")
        return Sheet(width, height, make)

    def resized(
        self, sheet: Sheet, width: int, height: int, method: Image.Resampling = BILINEAR
    ) -> Sheet:
        if (width, height) == sheet.size:
            return sheet
        return self.sheet(
            width,
            height,
            lambda room: room.develop(sheet).resize((width, height), method),
        )
