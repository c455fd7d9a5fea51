"""Whether a graph can run, and what ComfyUI says of one that cannot."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from imgbot.sandbox.simulators.comfyui_nodes import NODES, Input

_MOST_NODES = 300
_MOST_LISTED = 20
_CONVERTERS = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
_EXCEPTIONS = {
    True: ("exception_during_validation", "Exception when validating node"),
    False: ("exception_during_inner_validation", "Exception when validating inner node"),
}

Error = dict[str, Any]
Graph = dict[str, dict[str, Any]]


@dataclass(slots=True)
class Verdict:
    """`error` is set where nothing can run; nodes can be wrong beside outputs that can."""

    outputs: list[str] = field(default_factory=list[str])
    error: Error | None = None
    node_errors: dict[str, Any] = field(default_factory=dict[str, Any])

    def refusal(self) -> dict[str, Any]:
        return {"error": self.error, "node_errors": self.node_errors}


def error_of(kind: str, message: str, details: str = "", **extra: Any) -> Error:
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


def checked(given: Any, files: Container[str]) -> Verdict:
    """Check an API-format graph; `files` are the names that LoadImage may load."""
    if error := _form_error(given):
        return Verdict(error=error)
    graph = cast("Graph", given)
    outputs = [name for name, node in graph.items() if NODES[node["class_type"]].is_output]
    if not outputs:
        return Verdict(error=error_of("prompt_no_outputs", "Prompt has no outputs"))
    checker = _Checker(graph, files)
    good = [name for name in outputs if checker.is_good(name)]
    node_errors: dict[str, dict[str, Any]] = {
        name: {
            "errors": errors,
            "dependent_outputs": [each for each in outputs if name in checker.reached(each)],
            "class_type": graph[name]["class_type"],
        }
        for name, errors in checker.errors.items()
        if errors
    }
    error = None
    if not good:
        details = "\n".join(
            f"{each['message']}: {each['details']}"
            for wrong in node_errors.values()
            for each in wrong["errors"]
        )
        error = error_of(
            "prompt_outputs_failed_validation", "Prompt outputs failed validation", details
        )
    return Verdict(good, error, node_errors)


def _form_error(given: Any) -> Error | None:
    if not isinstance(given, dict) or len(cast("dict[str, Any]", given)) > _MOST_NODES:
        return error_of("invalid_prompt", "Prompt is not a graph of nodes")
    for name, node in cast("dict[str, Any]", given).items():
        if not isinstance(node, dict) or "class_type" not in node:
            return error_of(
                "missing_node_type",
                f"Node '#{name}' has no class_type. The workflow may be corrupted or a custom "
                "node is missing.",
                f"Node ID '#{name}'",
                node_id=name,
                class_type=None,
            )
        kind = cast("dict[str, Any]", node)["class_type"]
        if not isinstance(kind, str) or kind not in NODES:
            return error_of(
                "missing_node_type",
                f"Node '{kind}' not found. The custom node may not be installed.",
                f"Node ID '#{name}'",
                node_id=name,
                class_type=kind,
                node_title=kind,
            )
        if not isinstance(cast("dict[str, Any]", node).get("inputs"), dict):
            return error_of("invalid_prompt", "A node has no inputs", f"Node ID '#{name}'")
    return None


def link_of(value: Any) -> tuple[str, Any] | None:
    """The node and the slot that an input is linked to."""
    if not isinstance(value, list) or len(cast("list[Any]", value)) != 2:
        return None
    node, slot = cast("list[Any]", value)
    return str(node), slot


class _Checker:
    """Walks from an output to all that it needs, each node once."""

    def __init__(self, graph: Graph, files: Container[str]) -> None:
        self._graph = graph
        self._files = files
        self._good: dict[str, bool] = {}
        self._open: set[str] = set()
        self.errors: dict[str, list[Error]] = {}

    def is_good(self, name: str) -> bool:
        if name in self._good:
            return self._good[name]
        self._open.add(name)
        self.errors[name] = []
        node = NODES[self._graph[name]["class_type"]]
        is_good = True
        for each, spec in node.inputs.items():
            if each in self._graph[name]["inputs"]:
                is_good &= self._is_input_good(name, each, spec)
            elif each in node.required:
                error = error_of(
                    "required_input_missing", "Required input is missing", each, input_name=each
                )
                self.errors[name].append(error)
        self._open.discard(name)
        self._good[name] = is_good and not self.errors[name]
        return self._good[name]

    def reached(self, name: str) -> set[str]:
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            current = waiting.pop()
            if current in seen or current not in self._graph:
                continue
            seen.add(current)
            links = (link_of(value) for value in self._graph[current]["inputs"].values())
            waiting += [link[0] for link in links if link]
        return seen

    def _is_input_good(self, name: str, each: str, spec: Input) -> bool:
        value = self._graph[name]["inputs"][each]
        if not isinstance(value, list):
            self.errors[name] += _value_errors(each, spec, value, self._files)
            return True
        error = self._link_error(name, each, spec, cast("list[Any]", value))
        if error:
            self.errors[name].append(error)
            return False
        return self.is_good(str(value[0]))

    def _link_error(self, name: str, each: str, spec: Input, value: list[Any]) -> Error | None:
        extra = {"input_name": each, "input_config": spec, "received_value": value}
        link = link_of(value)
        if not link:
            message = "Bad linked input, must be a length-2 list of [node_id, slot_index]"
            return error_of("bad_linked_input", message, each, **extra)
        linked, slot = link
        if linked not in self._graph:
            return self._exception(name, each, value, repr(linked), "KeyError")
        outputs = NODES[self._graph[linked]["class_type"]].outputs
        if not isinstance(slot, int) or not 0 <= slot < len(outputs):
            return self._exception(name, each, value, "tuple index out of range", "IndexError")
        if outputs[slot] != spec[0]:
            details = f"{each}, received_type({outputs[slot]}) mismatch input_type({spec[0]})"
            message = "Return type mismatch between linked nodes"
            return error_of("return_type_mismatch", message, details, **extra)
        if linked in self._open:
            return error_of("dependency_cycle", "Dependency cycle", each, **extra)
        return None

    def _exception(self, name: str, each: str, value: Any, text: str, kind: str) -> Error:
        """What the real server answers with where it does not look before it leaps."""
        is_output = NODES[self._graph[name]["class_type"]].is_output
        kind_of_error, message = _EXCEPTIONS[is_output]
        return error_of(
            kind_of_error,
            message,
            text,
            input_name=each,
            linked_node=value,
            exception_type=kind,
            exception_message=text,
        )


def _value_errors(each: str, spec: Input, given: Any, files: Container[str]) -> Iterator[Error]:
    kind = spec[0]
    if kind == "UPLOAD":
        if not isinstance(given, str) or given not in files:
            details = f"{each} - Invalid image file: {given}"
            message = "Custom validation failed for node"
            yield error_of("custom_validation_failed", message, details, input_name=each)
        return
    extra = {"input_name": each, "input_config": spec, "received_value": given}
    if isinstance(kind, list):
        choices = cast("list[str]", kind)
        if given not in choices:
            shown = str(choices)
            if len(choices) > _MOST_LISTED:
                shown = f"(list of length {len(choices)})"
            details = f"{each}: '{given}' not in {shown}"
            yield error_of("value_not_in_list", "Value not in list", details, **extra)
        return
    if kind not in _CONVERTERS:
        # The real server lets a plain value pass for a link, and fails when it runs.
        details = f"{each}, received_type({type(given).__name__}) mismatch input_type({kind})"
        yield error_of("return_type_mismatch", "Return type mismatch", details, **extra)
        return
    yield from _bound_errors(each, spec, given, extra)


def _bound_errors(each: str, spec: Input, given: Any, extra: Mapping[str, Any]) -> Iterator[Error]:
    kind, bounds = spec[0], spec[1] if len(spec) > 1 else {}
    try:
        value = _CONVERTERS[kind](given)
    except (TypeError, ValueError, OverflowError) as error:
        message = f"Failed to convert an input value to a {kind} value"
        yield error_of("invalid_input_type", message, f"{each}, {given}, {error}", **extra)
        return
    if "min" in bounds and not value >= bounds["min"]:
        message = f"Value {value} smaller than min of {bounds['min']}"
        yield error_of("value_smaller_than_min", message, each, **extra)
    if "max" in bounds and not value <= bounds["max"]:
        message = f"Value {value} bigger than max of {bounds['max']}"
        yield error_of("value_bigger_than_max", message, each, **extra)


def texts_of(graph: Graph) -> str:
    """The words in a graph."""
    nodes = [node for node in graph.values() if node["class_type"] == "CLIPTextEncode"]
    texts = [node["inputs"].get("text") for node in nodes]
    return "\n".join(text for text in texts if isinstance(text, str))


def names_of_files(graph: Graph) -> list[str]:
    """The files a graph loads, in the order of its nodes."""
    nodes = [node for node in graph.values() if node["class_type"] == "LoadImage"]
    return [cast("str", node["inputs"]["image"]) for node in nodes]


def operation_of(graph: Graph) -> str:
    """What a graph is for, as far as its nodes tell."""
    kinds = {node["class_type"] for node in graph.values()}
    pictures = len(names_of_files(graph))
    if pictures > 1:
        return "merge"
    if not pictures:
        return "create"
    if "KSampler" in kinds:
        return "edit"
    if kinds & {"ImageUpscaleWithModel", "ImageScaleBy", "ImageScale"}:
        return "upscale"
    return "retouch" if "ImageSharpen" in kinds else "edit"


def model_of(graph: Graph) -> str:
    """The file of the model that a graph loads."""
    for node in graph.values():
        for name in ("ckpt_name", "model_name"):
            if name in node["inputs"]:
                return str(node["inputs"][name])
    return ""
