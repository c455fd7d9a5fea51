"""Responses of a provider, generated from its spec file: for dry runs, and for the sandbox.

Pure: it finds the endpoint of a request and the slot values of a submit, and generates each kind
of response; it has no state and no clock. Refusals are found by trial: the first response that
the file itself interprets as the wanted kind.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from imgbot.domain.errors import ProviderErrorKind
from imgbot.providers.declarative import responses
from imgbot.providers.declarative.spec import (
    DeclaredModel,
    ErrorRule,
    Spec,
    Stage,
    TicketPaths,
    app_of,
)
from imgbot.providers.declarative.templates import fill, first, parts_of, slots_in
from imgbot.providers.http import ProviderResponse

_KIND = ProviderErrorKind
_TASK = Literal["poll", "result", "cancel"]
Endpoint = Literal[
    "submit", "look_up", "poll", "result", "cancel", "search", "balance", "hook_key",
    "upload", "put", "source", "picture",
]  # fmt: skip
Reply = tuple[int, Any]
"""An HTTP status, and the content of the body."""

_SLOT = re.compile(r"\{([a-z_]+)[^}]*\}")
_UNKNOWN = {"id": "(?P<id>[^/?&]+)", "job": "(?P<id>[^/?&]+)", "app": "[^/?&]+/[^/?&]+"}
_NUMBERED = "{i}"
_IN_PROGRESS = "in_progress"
_REFUSED = "refused"
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
class Call:
    """Request to an endpoint of the file."""

    endpoint: Endpoint
    id: str = ""
    """Of the task, the upload, or our job."""
    models: tuple[DeclaredModel, ...] = ()
    """Models that are submitted to this URL."""


@dataclass(frozen=True, slots=True)
class Route:
    """Method and address of an endpoint."""

    endpoint: Endpoint
    method: str
    pattern: re.Pattern[str]
    model: DeclaredModel | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """Task in the provider's list."""

    id: str
    model: DeclaredModel
    created: str
    """ISO 8601."""
    body: Any
    """Fields of the submit."""


@dataclass(slots=True)
class PresetPlayer:
    """One preset at the base addresses `urls`."""

    spec: Spec
    urls: Mapping[str, str]
    routes: list[Route] = field(init=False)

    def __post_init__(self) -> None:
        self.routes = list(self._routes())

    @property
    def is_base64(self) -> bool:
        """True if a finished picture is in the response itself."""
        return self.spec.outputs[0].kind == "base64"

    @property
    def fails_by_poll(self) -> bool:
        """True if a poll reports a failure; otherwise the result does."""
        return self.spec.result is None or "failed" in self.spec.poll.states.values()

    # Requests

    def call_of(self, method: str, url: str) -> Call | None:
        """Return the call of a request, None for a URL that the file does not have."""
        found = [
            (route.endpoint, match.groupdict().get("id") or "", route.model)
            for route in self.routes
            if route.method == method and (match := route.pattern.fullmatch(url))
        ]
        if not found:
            return None
        endpoint, known, _ = found[0]
        return Call(endpoint, known, tuple(model for _, _, model in found if model))

    def model_of(self, call: Call, body: Any) -> DeclaredModel | None:
        """Return the requested model: the one whose fixed values the body has."""
        fitting = (model for model in call.models if _fits(model.body, body, model.id))
        return next(fitting, None)

    def asked_of(self, model: DeclaredModel, body: Any, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the slot values that a submit was filled with."""
        asked = dict(self._read(model.body, body))
        asked |= dict(self._read(self.spec.submit.query, query))
        images = asked.get("images") or []
        numbered = [asked[name] for name in sorted(asked) if name.startswith("image_")]
        single = [asked["image"]] if asked.get("image") else []
        return asked | {"images": images or [*single, *numbered]}

    # Answers

    def accepted(self, task_id: str, model: DeclaredModel) -> Any:
        content = self._ok()
        self._name_task(content, self.spec.submit, task_id, model)
        return content

    def pending(self, progress: float = 0.0) -> Any:
        content = self._in_state(self._state_of("pending"))
        if self.spec.poll.progress:
            put(content, self.spec.poll.progress[0], progress)
        return content

    def done(self, picture: str) -> Any:
        """Return the response to a poll; `picture` is a URL, or base64 if `is_base64`."""
        content = self._in_state(self._state_of("done"))
        if self.spec.result is None:
            self._put_picture(content, picture)
        return content

    def result(self, picture: str) -> Any:
        """Return the response to a separate request for the result."""
        content = self._ok()
        self._put_picture(content, picture)
        return content

    def failed(self, kind: ProviderErrorKind) -> Reply:
        """Return a response that reports such a failure, uncharged if possible."""
        states = [name for name, means in self.spec.poll.states.items() if means == "failed"]
        if not states:
            return self.refusal("result" if self.spec.result else "poll", kind)
        tries = [self._failure(rule, state, phrase)
                 for rule in (None, *self._rules(kind)) for state in states
                 for phrase in _PHRASES]  # fmt: skip
        errors = [(each, responses.failure(self.spec, each)) for each in tries]
        fitting = [(each, error.is_billed) for each, error in errors if error.kind is kind]
        unbilled = [each for each, is_billed in fitting if is_billed is False]
        return 200, [*unbilled, *(each for each, _ in fitting), *tries][0].content

    def refusal(self, stage: Stage, kind: ProviderErrorKind) -> Reply:
        """Return a response that the file interprets as this kind of refusal."""
        for answer in self._refusals(kind):
            error = responses.refusal(self.spec, stage, answer)
            if error is not None and error.kind is kind:
                return answer.status, answer.content
        return _STATUSES.get(kind, _OTHER_STATUS), {"detail": _REFUSED}

    def cancelled(self, *, is_accepted: bool) -> Reply:
        spec, content = self.spec.cancel, self._ok()
        if spec is None or (not is_accepted and not spec.too_late):
            return 400, content
        if not is_accepted:
            put(content, spec.state[0], spec.too_late[0])
        return spec.accepted[0], content

    def uploaded(self, upload_id: str) -> Any:
        """Return the response to an upload: the URL for the bytes, or of the stored file."""
        upload, content = self.spec.upload, self._ok()
        if upload is not None:
            put_at = f"{self.urls['api']}/played/{upload_id}/put"
            for paths, value in (
                (upload.put, put_at),
                (upload.base, put_at),
                (upload.token, _TOKEN),
                (upload.result, f"{self.urls['api']}/played/{upload_id}/source"),
            ):
                for path in paths[:1]:
                    put(content, path, value)
        return content

    def looked_up(self, tasks: Iterable[tuple[str, DeclaredModel]]) -> Any:
        """Return the provider's list of the tasks with one job id."""
        spec, content = self.spec.look_up, self._ok()
        if spec is not None:
            items = [self._named_task(spec, task_id, model) for task_id, model in tasks]
            put(content, spec.items, items)
        return content

    def _named_task(self, where: TicketPaths, task_id: str, model: DeclaredModel) -> dict[str, Any]:
        item: dict[str, Any] = {}
        self._name_task(item, where, task_id, model)
        return item

    def listed(self, tasks: Iterable[Listed]) -> Any:
        """Return the provider's list of its latest tasks."""
        search, content = self.spec.search, self._ok()
        if search is None:
            return content
        items: list[Any] = []
        for task in tasks:
            item = self._named_task(search, task.id, task.model)
            put(item, search.created[0], task.created)
            sent = first(task.body, (search.order,)) if search.order else task.body
            put(item, search.input, sent)
            items.append(item)
        put(content, search.items.removesuffix("[*]"), items)
        return content

    def balance(self) -> Any:
        content, spec = self._ok(), self.spec.balance
        if spec is not None and spec.path:
            put(content, spec.path, _CREDIT)
        return content

    def hook_key(self, key: Any) -> Any:
        """Return the response with the published signing key of webhooks."""
        content, hook = self._ok(), self.spec.hook
        if hook is not None and hook.key_path:
            put(content, hook.key_path[0], key)
        return content

    def hook(self, task_id: str) -> Any:
        """Return the body of a webhook."""
        content = self._ok()
        if self.spec.hook is not None:
            put(content, self.spec.hook.task[0], task_id)
        return content

    def picture_url(self, task_id: str) -> str:
        return f"{self.urls['api']}/played/{task_id}/picture.jpg"

    # Addresses

    def _routes(self) -> Iterator[Route]:
        spec, upload, hook = self.spec, self.spec.upload, self.spec.hook
        for model in spec.models:
            url = model.url or spec.submit.url
            yield self._route("submit", spec.submit.method, url, model)
        put_at = f"{{api}}/played/{{id}}/put{upload.path if upload else ''}"
        named: list[tuple[Endpoint, str, str]] = [
            ("poll", spec.poll.method, self._template("poll")),
            ("result", "GET", self._template("result")),
            ("cancel", spec.cancel.method if spec.cancel else "POST", self._template("cancel")),
            ("upload", "POST", upload.url if upload else ""),
            ("look_up", "GET", spec.look_up.url if spec.look_up else ""),
            ("search", "GET", spec.search.url if spec.search else ""),
            ("balance", "GET", spec.balance.url if spec.balance else ""),
            ("hook_key", "GET", hook.key_url if hook else ""),
            ("put", "PUT", put_at),
            ("put", "POST", put_at),
            ("source", "GET", "{api}/played/{id}/source"),
            ("picture", "GET", "{api}/played/{id}/picture.jpg"),
        ]
        for endpoint, method, url in named:
            if url:
                yield self._route(endpoint, method, url)

    def _route(
        self, endpoint: Endpoint, method: str, url: str, model: DeclaredModel | None = None
    ) -> Route:
        known = {"model": model.id, "app": app_of(model.id)} if model else {}
        values = {**self.urls, **known}
        parts: list[str] = []
        end = 0
        for found in _SLOT.finditer(url):
            name = found[1]
            wanted = re.escape(values[name]) if name in values else _UNKNOWN.get(name, ".+?")
            parts += [re.escape(url[end : found.start()]), wanted]
            end = found.end()
        rest = r"(?:&.*)?" if "?" in url else r"(?:\?.*)?"
        pattern = re.compile("".join([*parts, re.escape(url[end:]), rest]))
        return Route(endpoint, method, pattern, model)

    def _template(self, endpoint: _TASK) -> str:
        """Return the URL template that needs the task id only."""
        spec = {"poll": self.spec.poll, "result": self.spec.result, "cancel": self.spec.cancel}
        urls = each.url if (each := spec[endpoint]) else ()
        for url in urls:
            if not {slot.name for _, slot in slots_in(url)} & {"poll", "result", "cancel"}:
                return url
        return f"{{api}}/played/{{id}}/{endpoint}"

    def _url(self, endpoint: _TASK, task_id: str, model: DeclaredModel) -> str:
        values = {**self.urls, "id": task_id, "model": model.id, "app": app_of(model.id)}
        return str(fill(self._template(endpoint), values, {}))

    # Parts of answers

    def _ok(self) -> Any:
        content: dict[str, Any] = {}
        if self.spec.ok is not None:
            put(content, self.spec.ok.path, self.spec.ok.equals)
        return content

    def _state_of(self, kind: str) -> str:
        """Return a state of that kind; an unlisted state counts as pending."""
        states = self.spec.poll.states
        return next((name for name, each in states.items() if each == kind), _IN_PROGRESS)

    def _in_state(self, name: str) -> Any:
        content = self._ok()
        put(content, self.spec.poll.state[0], name)
        return content

    def _name_task(
        self, content: Any, where: TicketPaths, task_id: str, model: DeclaredModel
    ) -> None:
        put(content, where.id[0], task_id)
        named: list[tuple[tuple[str, ...], _TASK]] = [
            (where.poll, "poll"), (where.result, "result"), (where.cancel, "cancel"),
        ]  # fmt: skip
        for paths, endpoint in named:
            for path in paths[:1]:
                put(content, path, self._url(endpoint, task_id, model))

    def _put_picture(self, content: Any, picture: str) -> None:
        place, value = self.spec.outputs[0], picture
        if place.json_path:
            inner: dict[str, Any] = {}
            put(inner, place.json_path, picture)
            value = json.dumps(inner)
        put(content, place.path, value)

    def _rules(self, kind: ProviderErrorKind) -> list[ErrorRule]:
        return [rule for rule in self.spec.errors if rule.kind is kind]

    def _failure(self, rule: ErrorRule | None, state: str, phrase: str) -> ProviderResponse:
        content: dict[str, Any] = {}
        self._put_reason(content, rule, phrase)
        put(content, self.spec.poll.state[0], state)
        if self.spec.ok is not None:
            put(content, self.spec.ok.path, self.spec.ok.equals)
        return ProviderResponse(200, {}, content, json.dumps(content))

    def _refusals(self, kind: ProviderErrorKind) -> Iterator[ProviderResponse]:
        usual = _STATUSES.get(kind, _OTHER_STATUS)
        for rule in (*self._rules(kind), None):
            code = rule.http[0] if rule and rule.http else usual
            for phrase in _PHRASES:
                content: dict[str, Any] = {}
                self._put_reason(content, rule, phrase)
                if self.spec.ok is not None:
                    put(content, self.spec.ok.path, code)
                # Where the body has a code of its own, HTTP may call it a success.
                for status in (200, code) if self.spec.ok else (code,):
                    yield ProviderResponse(status, {}, content, json.dumps(content))

    def _put_reason(self, content: Any, rule: ErrorRule | None, phrase: str) -> None:
        if rule and rule.path:
            put(content, rule.path, rule.equals[0] if rule.equals else _REFUSED)
        for path in self.spec.failure.text[:1] if phrase else ():
            # What the rule's path put there may be no list.
            with suppress(AttributeError, TypeError):
                put(content, path, phrase)

    # Bodies of orders

    def _read(self, template: Any, given: Any) -> Iterator[tuple[str, Any]]:
        """Yield the slots of a template with their values in a filled one."""
        if isinstance(template, Mapping) and isinstance(given, Mapping):
            for key, part in template.items():
                if _NUMBERED in key:
                    yield from self._read_numbered(key, given)
                elif key in given:
                    yield from self._read(part, given[key])
        elif isinstance(template, list | tuple) and isinstance(given, list | tuple):
            for part, value in zip(template, given, strict=False):
                yield from self._read(part, value)
        elif isinstance(template, str):
            yield from self._read_text(template, given)

    def _read_text(self, template: str, given: Any) -> Iterator[tuple[str, Any]]:
        for _, slot in slots_in(template):
            table = self.spec.maps.get(slot.map, {})
            known = [name for name, each in table.items() if each == given] if slot.map else [given]
            if known and known[0] != "default":
                yield slot.name, known[0]

    @staticmethod
    def _read_numbered(key: str, given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        number = 2
        while (name := key.replace(_NUMBERED, str(number))) in given:
            yield f"image_{number:02}", given[name]
            number += 1


def _fits(template: Any, given: Any, model: str) -> bool:
    """Return True if a body has everything that a template fixes."""
    if isinstance(template, Mapping):
        return isinstance(given, Mapping) and all(
            _fits(part, given.get(key), model)
            for key, part in template.items()
            if _NUMBERED not in key
        )
    is_open = isinstance(template, str) and _SLOT.search(template)
    if isinstance(template, list | tuple) or (is_open and template != "{model}"):
        return True
    return (model if is_open else template) == given


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
