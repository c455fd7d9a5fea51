"""Consistency checks of a spec file: slots, maps, uploads."""

from collections.abc import Mapping
from typing import Any

from imgbot.providers.declarative.spec import Spec
from imgbot.providers.declarative.templates import Place, slots_in
from imgbot.providers.spec_file import SpecDocument, validate

ORDER_SLOTS = frozenset(
    {"prompt", "image", "images", "ratio", "scale", "seed", "hook", "model", "app", "job"}
)
TICKET_SLOTS = frozenset({"id", "poll", "result", "cancel", "model", "app"})
SEARCH_SLOTS = frozenset({"model", "app", "since"})
UPLOAD_SLOTS = frozenset({"file_name", "mime", "size_bytes", "data"})


def read_spec(document: SpecDocument) -> Spec:
    """Return the parsed spec. Raises ConfigError with the line of the first mistake."""
    spec = validate(document, Spec)
    if (mistake := _mistake_in(spec, document.content)) is not None:
        raise document.error(*mistake)
    return spec


def _mistake_in(spec: Spec, content: Mapping[str, Any]) -> tuple[Place, str] | None:
    """Return the place and text of the first inconsistency, None if there is none."""
    for place, allowed in _slots(spec):
        for below, slot in slots_in(_at(content, place)):
            where = (*place, *below)
            if slot.name not in allowed:
                known = ", ".join(sorted(allowed))
                return where, f"unknown slot {{{slot.name}}}; allowed here: {known}"
            if slot.map and slot.map not in spec.maps:
                return where, f"there is no [maps.{slot.map}]"
    if "api" not in spec.urls:
        return ("urls",), "api is missing"
    if spec.upload is None and (
        spec.inputs.hand_over == "upload" or spec.inputs.data_uri_max_bytes
    ):
        return ("inputs",), "pictures must be uploaded, but there is no [upload]"
    return None


def _at(content: Any, place: Place) -> Any:
    for part in place:
        if isinstance(part, int):
            content = content[part] if isinstance(content, list) and part < len(content) else None
        else:
            content = content.get(part) if isinstance(content, Mapping) else None
    return content


def _slots(spec: Spec) -> list[tuple[Place, frozenset[str]]]:
    """Return the places of all templates with the slots allowed in each."""
    named = frozenset(spec.urls)
    found: list[tuple[Place, frozenset[str]]] = [
        (("submit", "url"), ORDER_SLOTS | named),
        (("submit", "query"), ORDER_SLOTS),
        (("submit", "headers"), ORDER_SLOTS),
        (("poll", "url"), TICKET_SLOTS | named),
        (("result", "url"), TICKET_SLOTS | named),
        (("cancel", "url"), TICKET_SLOTS | named),
        (("upload", "url"), UPLOAD_SLOTS | named),
        (("upload", "fields"), UPLOAD_SLOTS),
        (("upload", "body"), UPLOAD_SLOTS),
        (("search", "url"), SEARCH_SLOTS | named),
        (("search", "query"), SEARCH_SLOTS),
        (("hook", "key_url"), named),
        (("balance", "url"), named),
    ]
    for index in range(len(spec.models)):
        found += [
            (("models", index, "url"), ORDER_SLOTS | named),
            (("models", index, "body"), ORDER_SLOTS),
        ]
    return found
