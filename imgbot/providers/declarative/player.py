"""Responses of a provider, generated from its spec file, for the sandbox.

Pure: it finds the endpoint of a request and the slot values of a submit, and generates each kind
of response; it has no state and no clock. Refusals are found by trial: the first response that
the file itself interprets as the wanted kind.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from imgbot.domain.errors import ProviderErrorKind
from imgbot.providers.declarative import responses
from imgbot.providers.declarative.spec import DeclaredModel, ErrorRule, Spec, Stage, TicketPaths
from imgbot.providers.declarative.templates import (
    NUMBERED,
    SLOT,
    fill,
    first,
    names_in,
    parts_of,
    slots_in,
)
from imgbot.providers.http import ProviderResponse

_KIND = ProviderErrorKind
Endpoint = Literal[
    "submit", "look_up", "poll", "result", "cancel", "search", "balance", "hook_key",
    "upload", "put", "source", "picture",
]  # fmt: skip
Reply = tuple[int, Any]
"""An HTTP status, and the content of the body."""

Where = str | tuple[str, ...] | None
"""Path, or paths of which the first counts."""

_UNKNOWN = {"id": "(?P<id>[^/?&]+)", "job": "(?P<id>[^/?&]+)", "app": "[^/?&]+/[^/?&]+"}
_CREDIT = 1000
_TOKEN = "played-token"  # noqa: S105 -- opens nothing
_STATUSES: Mapping[ProviderErrorKind, int] = {
    _KIND.AUTH: 401,
    _KIND.NO_CREDIT: 402,
    _KIND.RATE_LIMITED: 429,
    _KIND.UNAVAILABLE: 503,
    _KIND.LOST: 404,
    _KIND.EXPIRED: 404,
    _KIND.FAILED: 500,
}
_OTHER_STATUS = 422
_PHRASES = (
    "",
    "flagged as sensitive",
    "content policy violation",
    "user is locked: exhausted balance",
    "insufficient credit",
    "the image cannot be read",
    "task not found",
)
"""Texts that match error rules."""


@dataclass(frozen=True, slots=True)
class PlayedCall:
    """Request to an endpoint of the file."""

    endpoint: Endpoint
    id: str = ""
    """Of the task, the upload, or our job."""
    models: tuple[DeclaredModel, ...] = ()
    """Models that are submitted to this URL."""


class PresetPlayer:
    """One preset at the base addresses `urls`."""

    def __init__(self, spec: Spec, urls: Mapping[str, str]) -> None:
        self.spec = spec
        self.urls = urls
        self._routes = [
            (endpoint, method, self._pattern(url, model), model)
            for endpoint, method, url, model in self._endpoints()
            if url
        ]

    @property
    def fails_by_poll(self) -> bool:
        """True if a poll reports a failure; otherwise the result does."""
        return self.spec.result is None or "failed" in self.spec.poll.states.values()

    # Requests

    def call_of(self, method: str, url: str) -> PlayedCall | None:
        """Return the call of a request, None for a URL that the file does not have."""
        found = [
            (endpoint, match.groupdict().get("id") or "", model)
            for endpoint, known, pattern, model in self._routes
            if known == method and (match := pattern.fullmatch(url))
        ]
        if not found:
            return None
        endpoint, task_id, _ = found[0]
        return PlayedCall(endpoint, task_id, tuple(model for _, _, model in found if model))

    def model_of(self, call: PlayedCall, body: Any) -> DeclaredModel | None:
        """Return the requested model: the one whose fixed values the body has."""
        return next((model for model in call.models if _fits(model.body, body, model.id)), None)

    def asked_of(self, model: DeclaredModel, body: Any, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the slot values that a submit was filled with."""
        asked = dict(self._read(model.body, body)) | dict(self._read(self.spec.submit.query, query))
        numbered = [asked[name] for name in sorted(asked) if name.startswith("image_")]
        single = [asked["image"]] if asked.get("image") else []
        return asked | {"images": asked.get("images") or [*single, *numbered]}

    # Answers

    def accepted(self, task_id: str, model: DeclaredModel) -> Any:
        return self._content(*self._ticket(self.spec.submit, task_id, model))

    def pending(self, progress: float = 0.0) -> Any:
        poll = self.spec.poll
        return self._content((poll.state, self._state("pending")), (poll.progress, progress))

    def done(self, task_id: str) -> Any:
        """Return the response to a poll; with the picture, where the result has no own request."""
        state = (self.spec.poll.state, self._state("done"))
        return self._content(state, *([] if self.spec.result else [self._output(task_id)]))

    def result(self, task_id: str) -> Any:
        """Return the response to a separate request for the result."""
        return self._content(self._output(task_id))

    def failed(self, kind: ProviderErrorKind) -> Reply:
        """Return a response that reports such a failure, uncharged if possible."""
        states = [name for name, means in self.spec.poll.states.items() if means == "failed"]
        if not states:
            return self.refusal("result" if self.spec.result else "poll", kind)
        fitting: list[Any] = []
        for rule, state, phrase in product((None, *self._rules(kind)), states, _PHRASES):
            content = self._reason(rule, phrase)
            put(content, self.spec.poll.state[0], state)
            if self.spec.ok:
                put(content, self.spec.ok.path, self.spec.ok.equals)
            error = responses.failure(self.spec, _response(200, content))
            if error.kind is kind:
                fitting.insert(0 if error.is_billed is False else len(fitting), content)
        return 200, fitting[0] if fitting else self._content((self.spec.poll.state, states[0]))

    def refusal(self, stage: Stage, kind: ProviderErrorKind) -> Reply:
        """Return a response that the file interprets as this kind of refusal."""
        ok, usual = self.spec.ok, _STATUSES.get(kind, _OTHER_STATUS)
        for rule, phrase in product((*self._rules(kind), None), _PHRASES):
            code = rule.http[0] if rule and rule.http else usual
            content = self._reason(rule, phrase)
            if ok:
                put(content, ok.path, code)
            # Where the body has a code of its own, HTTP may call it a success.
            for status in (200, code) if ok else (code,):
                error = responses.refusal(self.spec, stage, _response(status, content))
                if error is not None and error.kind is kind:
                    return status, content
        return usual, {"detail": "refused"}

    def cancelled(self, *, is_accepted: bool) -> Reply:
        spec = self.spec.cancel
        if spec is None or not (is_accepted or spec.too_late):
            return 400, self._content()
        late = [] if is_accepted else [(spec.state, spec.too_late[0])]
        return spec.accepted[0], self._content(*late)

    def uploaded(self, upload_id: str) -> Any:
        """Return the response to an upload: the URL for the bytes, or of the stored file."""
        url = f"{self.urls['api']}/played/{upload_id}"
        places = {"put": f"{url}/put", "base": f"{url}/put", "token": _TOKEN}
        places["result"] = f"{url}/source"
        return self._content(
            *((_at(self.spec.upload, place), text) for place, text in places.items())
        )

    def looked_up(self, tasks: Iterable[tuple[str, DeclaredModel]]) -> Any:
        """Return the list of the tasks with one job id."""
        spec = self.spec.look_up
        items = [_put_all(self._ticket(spec, *task)) for task in tasks]
        return self._content((_at(spec, "items"), items))

    def listed(self, tasks: Iterable[tuple[str, DeclaredModel, str, Any]]) -> Any:
        """Return the list of the latest tasks: id, model, time in ISO 8601, submitted body."""
        spec, items = self.spec.search, list[Any]()
        for task_id, model, created, body in tasks:
            order = _at(spec, "order")
            timed = (_at(spec, "created"), created)
            sent = (_at(spec, "input"), first(body, (order,)) if order else body)
            items.append(_put_all([*self._ticket(spec, task_id, model), timed, sent]))
        return self._content(((_at(spec, "items") or "").removesuffix("[*]"), items))

    def balance(self) -> Any:
        return self._content((_at(self.spec.balance, "path"), _CREDIT))

    def hook_key(self, key: Any) -> Any:
        """Return the response with the published signing key of webhooks."""
        return self._content((_at(self.spec.hook, "key_path"), key))

    def hook(self, task_id: str) -> Any:
        """Return the body of a webhook."""
        return self._content((_at(self.spec.hook, "task"), task_id))

    # Addresses

    def _endpoints(self) -> Iterator[tuple[Endpoint, str, str, DeclaredModel | None]]:
        """Yield each endpoint with its method, its URL, if it has one, and its model."""
        spec = self.spec
        for model in spec.models:
            yield "submit", "POST", model.url or spec.submit.url, model
        put_at = f"{{api}}/played/{{id}}/put{_at(spec.upload, 'path') or ''}"
        yield "poll", "GET", self._template("poll"), None
        yield "result", "GET", self._template("result"), None
        yield "cancel", _at(spec.cancel, "method") or "POST", self._template("cancel"), None
        yield "upload", "POST", _at(spec.upload, "url"), None
        yield "look_up", "GET", _at(spec.look_up, "url"), None
        yield "search", "GET", _at(spec.search, "url"), None
        yield "balance", "GET", _at(spec.balance, "url"), None
        yield "hook_key", "GET", _at(spec.hook, "key_url"), None
        yield "put", "PUT", put_at, None
        yield "put", "POST", put_at, None
        yield "source", "GET", "{api}/played/{id}/source", None
        yield "picture", "GET", "{api}/played/{id}/picture.jpg", None

    def _pattern(self, url: str, model: DeclaredModel | None) -> re.Pattern[str]:
        known = {"model": model.id, "app": model.app} if model else {}
        values = {**self.urls, **known}
        wanted, end = "", 0
        for slot in SLOT.finditer(url):
            name = slot["name"]
            part = re.escape(values[name]) if name in values else _UNKNOWN.get(name, ".+?")
            wanted += re.escape(url[end : slot.start()]) + part
            end = slot.end()
        rest = r"(?:&.*)?" if "?" in url else r"(?:\?.*)?"
        return re.compile(wanted + re.escape(url[end:]) + rest)

    def _template(self, endpoint: str) -> str:
        """Return the URL template that needs the task id only."""
        urls = _at(getattr(self.spec, endpoint), "url") or ()
        own = (url for url in urls if not names_in(url) & {"poll", "result", "cancel"})
        return next(own, f"{{api}}/played/{{id}}/{endpoint}")

    # Parts of answers

    def _content(self, *parts: tuple[Where, Any]) -> Any:
        """Return a successful response with these values at the first of their paths."""
        ok = self.spec.ok
        return _put_all(((ok.path, ok.equals), *parts) if ok else parts)

    def _ticket(
        self, where: TicketPaths | None, task_id: str, model: DeclaredModel
    ) -> list[tuple[Where, Any]]:
        values = {**self.urls, "id": task_id, "model": model.id, "app": model.app}
        urls = {name: self._template(name) for name in ("poll", "result", "cancel")}
        named = [(_at(where, name), fill(url, values, {})) for name, url in urls.items()]
        return [(_at(where, "id"), task_id), *named]

    def _state(self, kind: str) -> str:
        """Return a state of that kind; an unlisted state counts as pending."""
        states = self.spec.poll.states
        return next((name for name, each in states.items() if each == kind), "in_progress")

    def _output(self, task_id: str) -> tuple[Where, str]:
        place = self.spec.outputs[0]
        picture = f"{self.urls['api']}/played/{task_id}/picture.jpg"
        inner = json.dumps(_put_all([(place.json_path, picture)])) if place.json_path else picture
        return place.path, inner

    def _rules(self, kind: ProviderErrorKind) -> list[ErrorRule]:
        return [rule for rule in self.spec.errors if rule.kind is kind]

    def _reason(self, rule: ErrorRule | None, phrase: str) -> dict[str, Any]:
        content: dict[str, Any] = {}
        if rule and rule.path:
            put(content, rule.path, rule.equals[0] if rule.equals else "refused")
        # What the rule's path put there may be no list.
        with suppress(AttributeError, TypeError):
            for path in self.spec.failure.text[:1] if phrase else ():
                put(content, path, phrase)
        return content

    # Bodies of orders

    def _read(self, template: Any, given: Any) -> Iterator[tuple[str, Any]]:
        """Yield the slots of a template with their values in a filled one."""
        if isinstance(template, Mapping) and isinstance(given, Mapping):
            for key, part in template.items():
                if NUMBERED in key:
                    yield from _read_numbered(key, given)
                elif key in given:
                    yield from self._read(part, given[key])
        elif isinstance(template, list | tuple) and isinstance(given, list | tuple):
            for part, value in zip(template, given, strict=False):
                yield from self._read(part, value)
        elif isinstance(template, str):
            yield from self._read_text(template, given)

    def _read_text(self, template: str, given: Any) -> Iterator[tuple[str, Any]]:
        for _, slot in slots_in(template):
            table = self.spec.maps.get(slot["map"] or "", {})
            known = [name for name, each in table.items() if each == given] if table else [given]
            if known and known[0] != "default":
                yield slot["name"], known[0]


def _read_numbered(key: str, given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for number in range(2, 21):
        if (name := key.replace(NUMBERED, str(number))) in given:
            yield f"image_{number:02}", given[name]


def _fits(template: Any, given: Any, model: str) -> bool:
    """Return True if a body has everything that a template fixes."""
    if isinstance(template, Mapping):
        return isinstance(given, Mapping) and all(
            _fits(part, given.get(key), model)
            for key, part in template.items()
            if NUMBERED not in key
        )
    is_open = isinstance(template, str) and SLOT.search(template)
    if isinstance(template, list | tuple) or (is_open and template != "{model}"):
        return True
    return (model if is_open else template) == given


def _response(status: int, content: Any) -> ProviderResponse:
    return ProviderResponse(status, {}, content, json.dumps(content))


def _at(table: object, name: str) -> Any:
    """Return a part of a table of the file; None without the table."""
    return getattr(table, name, None)


def _put_all(parts: Iterable[tuple[Where, Any]]) -> dict[str, Any]:
    """Return values at their paths, the first where there are several; none is left out."""
    content: dict[str, Any] = {}
    for paths, value in parts:
        path = paths if isinstance(paths, str) else next(iter(paths or ()), "")
        if path:
            put(content, path, value)
    return content


def put(content: Any, path: str, value: Any) -> None:
    """Put a value at a path, creating missing tables and lists."""
    parts = parts_of(path)
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        inner: Any = value if following is None else [] if isinstance(following, int) else {}
        if isinstance(part, int):
            if len(content) <= part:
                content.append(inner)
        else:
            content.setdefault(part, inner)
        content = content[part]
