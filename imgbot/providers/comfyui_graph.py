"""ComfyUI workflow in API format, filled with a request. Pure."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any, cast

Graph = dict[str, dict[str, Any]]
"""Nodes by their number, each with `class_type` and `inputs`; a link is [node, slot]."""


def is_link(value: object) -> bool:
    if not isinstance(value, list) or len(cast("list[Any]", value)) != 2:
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
