"""What the simulators of hosted model catalogues share, from a submit to a poll."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from aiohttp import web

from imgbot.sandbox.provider_orders import Refusal, SubmittedTask
from imgbot.sandbox.simulators.fields import Model, Problem
from imgbot.sandbox.simulators.hooks import HookSender
from imgbot.sandbox.simulators.inputs import (
    JobReads,
    Pictures,
    decode_data_uri,
    gather_pictures,
    look_at,
    shape_order,
)
from imgbot.sandbox.simulators.multipart import Part, read_form
from imgbot.sandbox.simulators.shared import Simulator


class Invalid(Refusal):
    """An input with these problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(422, "invalid", "the input is invalid")
        self.problems = problems


class HostedSimulator(Simulator):
    """A provider of many models; it polls by id and keeps uploads."""

    body_bytes: ClassVar[int] = 40 << 20
    models: ClassVar[Mapping[str, Model]]
    failing_marks: ClassVar[frozenset[str]] = frozenset()
    """Marks of its own that make a task fail, uncharged."""

    def __init__(self, hooks: HookSender) -> None:
        super().__init__(hooks)
        self.uploads = JobReads()

    def view(self) -> dict[str, Any]:
        return super().view() | {
            "uploads": [
                {"name": upload.name, "bytes": len(upload.content), "sha256": upload.sha256}
                for upload in self.uploads.uploads
            ],
        }

    async def read_object(self, request: web.Request) -> dict[str, Any]:
        """The JSON object of a submit."""
        self._check_type(request, "application/json")
        given = await self.read_json(request)
        if given is None:
            raise Refusal(400, "json", "JSON parse error - the body is not a JSON object")
        return given

    async def read_form(self, request: web.Request, limit_bytes: int) -> dict[str, Part]:
        """The parts of an upload by name."""
        self._check_type(request, "multipart/form-data")
        parts = await read_form(request, limit_bytes)
        if parts is None:
            raise Refusal(400, "form", "Multipart form parse error")
        return {part.name: part for part in parts}

    @staticmethod
    def _check_type(request: web.Request, wanted: str) -> None:
        if request.content_type != wanted:
            kind = request.content_type
            raise Refusal(415, "media_type", f'Unsupported media type "{kind}" in request.')

    async def own_content(self, address: str) -> bytes | None:
        """What an address of this provider leads to; there is no other network."""
        raise NotImplementedError

    async def fetch(self, address: str) -> bytes | None:
        """A picture that an input points at."""
        if address.startswith("data:"):
            return decode_data_uri(address)
        return await self.result_content(address) or await self.own_content(address)

    async def result_content(self, address: str) -> bytes | None:
        """A result of this provider, which may be an input again."""
        task_id = address.removeprefix(f"{self.base_url}/files/").partition(".")[0]
        try:
            task = self.book.task(task_id)
        except Refusal:
            return None
        return await self.picture(task) if task.status(self.now()) == "succeeded" else None

    async def take_pictures(self, model: Model, given: Mapping[str, Any]) -> Pictures:
        return await gather_pictures(model, given, self.fetch, self._look)

    async def _look(self, content: bytes) -> tuple[int, int] | None:
        async with self._threads:
            return await asyncio.to_thread(look_at, content)

    @staticmethod
    def listed_input(given: Mapping[str, Any]) -> dict[str, Any]:
        """What a list shows of an input: pictures inside of it come back otherwise."""

        def shown(value: Any) -> Any:
            is_picture = isinstance(value, str) and value.startswith("data:")
            return "https://files.example/picture" if is_picture else value

        return {
            name: [shown(item) for item in value] if isinstance(value, list) else shown(value)
            for name, value in given.items()
        }

    def order(self, model: Model, given: Mapping[str, Any], pictures: Pictures) -> SubmittedTask:
        """The order of a checked input, with the failure that awaits it."""
        order = shape_order(model, given, pictures, self.book.settings.marks)
        own = next((mark for mark in order.marks if mark in self.failing_marks), "")
        if pictures.missing or pictures.unreadable:
            own = "missing_input" if pictures.missing else "unreadable_input"
        return replace(order, failure=own)
