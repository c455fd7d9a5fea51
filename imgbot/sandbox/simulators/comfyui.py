"""ComfyUI: graphs in, pictures out, one at a time; no key, but no foreign pages either.

    POST /prompt · GET /prompt · GET /queue · POST /queue · POST /interrupt · POST /free
    GET /history, /history/{id} · POST /history · POST /upload/image · GET /view · GET /ws
    GET /object_info, /object_info/{class} · GET /system_stats · GET /models/{folder}
    GET /features

Every route is also below `/api`. Marks stand in the texts of the graph or in the settings.
ComfyUI knows no money: 402, 429 and 503 are those of a proxy before it. These are added:

    old_server  it gives its own ids, whatever `prompt_id` says (in the settings)
    lost        the server restarts as soon as it has taken the job, once

`restart` is for tests: the queue, the history and the cache are gone, the files are not.
"""

import asyncio
import uuid
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from aiohttp import web

from imgbot.sandbox.provider_tasks import Refusal
from imgbot.sandbox.simulators.comfyui_files import WrongNameError, place_of, previewed
from imgbot.sandbox.simulators.comfyui_graph import checked, error_of
from imgbot.sandbox.simulators.comfyui_nodes import CHECKPOINTS, NODES, UPSCALERS, object_info
from imgbot.sandbox.simulators.comfyui_queue import MOST_QUEUED, Job
from imgbot.sandbox.simulators.comfyui_server import Server
from imgbot.sandbox.simulators.hooks import HookSender
from imgbot.sandbox.simulators.multipart import read_form
from imgbot.sandbox.simulators.serving import serve_spoiled

_UPLOAD_BYTES = 100 << 20
_MODELS = {"checkpoints": CHECKPOINTS, "upscale_models": UPSCALERS}
_VERSION = "0.9.2"
_OLD_VERSION = "0.3.44"
"""The last one that gave its own ids."""
_SYSTEM = {"os": "posix", "python_version": "3.12", "argv": []}
_DEVICES = [
    {"name": "cuda:0 Simulated", "type": "cuda", "index": 0, "vram_total": 25_769_803_776,
     "vram_free": 20_000_000_000, "torch_vram_total": 0, "torch_vram_free": 0},
]  # fmt: skip


class ComfyUi(Server):
    """The HTTP side; the state and the WebSocket are the server's."""

    name: ClassVar[str] = "comfyui"

    def __init__(self, hooks: HookSender) -> None:
        super().__init__(hooks)
        self._numbers = 0

    def routes(self) -> list[web.RouteDef]:
        handlers = {
            ("POST", "/prompt"): self.submit,
            ("GET", "/prompt"): self.remaining,
            ("GET", "/queue"): self.show_queue,
            ("POST", "/queue"): self.change_queue,
            ("POST", "/interrupt"): self.interrupt,
            ("POST", "/free"): self.free,
            ("GET", "/history"): self.all_history,
            ("GET", "/history/{id}"): self.poll,
            ("POST", "/history"): self.change_history,
            ("POST", "/upload/image"): self.upload,
            ("GET", "/view"): self.view_file,
            ("GET", "/object_info"): self.all_nodes,
            ("GET", "/object_info/{class}"): self.one_node,
            ("GET", "/system_stats"): self.stats,
            ("GET", "/models/{folder}"): self.models,
            ("GET", "/features"): self.features,
            ("GET", "/ws"): self.listen,
        }
        root = f"/sim/{self.name}"
        return [
            web.route(method, f"{prefix}{path}", handler)
            for prefix in (root, f"{root}/api")
            for (method, path), handler in handlers.items()
        ]

    @property
    def is_old(self) -> bool:
        return "[[sim:old_server" in self.book.settings.marks

    async def submit(self, request: web.Request) -> web.StreamResponse:
        self.advance()
        try:
            given = await self.read_json(request)
            if given is None:
                raise web.HTTPInternalServerError(text="500 Internal Server Error")
            prompt_id = self._prompt_id(given)
            if prompt_id is None:
                message = "prompt_id must be a UUID in its canonical form"
                return _refused(error_of("invalid_prompt_id", message))
            if "prompt" not in given:
                return _refused(error_of("no_prompt", "No prompt provided", "No prompt provided"))
            return await self._queue_up(request, given, prompt_id)
        except Refusal as refusal:
            headers = {"Retry-After": "1"} if refusal.status in {429, 503} else {}
            return web.Response(status=refusal.status, text=refusal.message, headers=headers)

    async def _queue_up(
        self, request: web.Request, given: Mapping[str, Any], prompt_id: str
    ) -> web.StreamResponse:
        verdict = checked(given["prompt"], self.folders.input_names)
        if verdict.error:
            return web.json_response(verdict.refusal(), status=400)
        if len(self.queue.pending) >= MOST_QUEUED:
            raise Refusal(503, "full", "the queue is full")
        task = await self.accept_graph(given["prompt"])
        number = self._number(given)
        extra = {"client_id": given.get("client_id")}
        if isinstance(given.get("extra_data"), dict):
            extra |= cast("dict[str, Any]", given["extra_data"])
        client_id = str(given.get("client_id") or "")
        self.enqueue(
            Job(number, prompt_id, client_id, given["prompt"], extra, verdict.outputs, task,
                submitted_at=self.now())
        )  # fmt: skip
        answer = {"prompt_id": prompt_id, "number": number, "node_errors": verdict.node_errors}
        return self.submitted(request, task, answer)

    def _number(self, given: Mapping[str, Any]) -> float:
        """The place in the queue: the smallest number is next."""
        if isinstance(given.get("number"), int | float):
            return given["number"]
        self._numbers += 1
        return -self._numbers if given.get("front") else self._numbers

    def _prompt_id(self, given: Mapping[str, Any]) -> str | None:
        wanted = given.get("prompt_id")
        if wanted is None or self.is_old:
            return str(uuid.uuid4())
        try:
            is_canonical = str(uuid.UUID(wanted)) == wanted
        except (ValueError, TypeError, AttributeError):
            return None
        return wanted if is_canonical else None

    async def remaining(self, _request: web.Request) -> web.StreamResponse:
        self.advance()
        return web.json_response({"exec_info": {"queue_remaining": self.queue.remaining}})

    async def show_queue(self, _request: web.Request) -> web.StreamResponse:
        self.advance()
        shown = {
            "queue_running": [job.entry() for job in self.shown_as_running()],
            "queue_pending": [job.entry() for job in self.queue.pending],
        }
        return web.json_response(shown)

    async def change_queue(self, request: web.Request) -> web.StreamResponse:
        self.advance()
        given = await self.read_json(request) or {}
        if given.get("clear"):
            self.queue.clear()
        self.queue.delete({str(each) for each in given.get("delete") or ()})
        return web.Response()

    async def interrupt(self, request: web.Request) -> web.StreamResponse:
        self.advance()
        given = await self.read_json(request) or {}
        prompt_id = None if self.is_old else given.get("prompt_id")
        self.queue.interrupt(prompt_id, self.now())
        self.advance()
        return web.Response()

    async def free(self, request: web.Request) -> web.StreamResponse:
        await self.read_json(request)
        return web.Response()

    async def all_history(self, request: web.Request) -> web.StreamResponse:
        self.advance()
        most = request.query.get("max_items", "")
        jobs = list(self.queue.history.values())
        kept = jobs[-int(most) :] if most.isdecimal() and int(most) > 0 else jobs
        return web.json_response({job.id: job.record() for job in kept})

    async def poll(self, request: web.Request) -> web.StreamResponse:
        self.advance()
        job = self.queue.history.get(request.match_info["id"])
        if job is None:
            return web.json_response({})
        if job.task.takes("5xx_on_poll"):
            return web.Response(status=503, text="Bad gateway")
        if job.task.takes("429_on_poll"):
            return web.Response(status=429, text="slow down", headers={"Retry-After": "1"})
        if self.is_held(job):
            return web.json_response({})
        record = job.record()
        if job.task.takes("unknown_state"):
            record["status"] |= {"status_str": "archived", "completed": False}
        answer = {job.id: record}
        return await self.spoiled(request, job.task, answer) or web.json_response(answer)

    async def change_history(self, request: web.Request) -> web.StreamResponse:
        given = await self.read_json(request) or {}
        if given.get("clear"):
            self.queue.history.clear()
        for each in given.get("delete") or ():
            self.queue.history.pop(str(each), None)
        return web.Response()

    async def upload(self, request: web.Request) -> web.StreamResponse:
        try:
            parts = await read_form(request, _UPLOAD_BYTES)
        except Refusal:
            raise web.HTTPRequestEntityTooLarge(_UPLOAD_BYTES, _UPLOAD_BYTES) from None
        named = {part.name: part for part in parts or ()}
        image = named.get("image")
        if image is None or not image.filename:
            raise web.HTTPBadRequest
        texts = {name: part.text for name, part in named.items() if part.filename is None}
        try:
            folder = texts.get("type") or "input"
            place = place_of(image.filename, texts.get("subfolder", ""), folder)
        except WrongNameError:
            raise web.HTTPBadRequest from None
        is_forced = texts.get("overwrite", "") in {"true", "1"}
        place = self.folders.upload(place, image.content, overwrite=is_forced)
        answer = {"name": place.name, "subfolder": place.subfolder, "type": place.folder}
        return web.json_response(answer)

    async def view_file(self, request: web.Request) -> web.StreamResponse:
        query = request.query
        if "filename" not in query:
            raise web.HTTPNotFound
        try:
            folder = query.get("type") or "output"
            place = place_of(query["filename"], query.get("subfolder", ""), folder)
        except WrongNameError:
            raise web.HTTPBadRequest from None
        content, kind = self.folders.upload_of(place), "image/png"
        saved = self.folders.saved(place)
        if saved:
            async with self._threads:
                content = await asyncio.to_thread(saved.content)
            if answer := await serve_spoiled(request, saved.task.order.marks, content):
                return answer
        if content is None:
            raise web.HTTPNotFound
        if "preview" in query:
            content, kind = await asyncio.to_thread(previewed, content, query["preview"])
        shown = f'filename="{place.name}"'
        return web.Response(body=content, content_type=kind, headers={"Content-Disposition": shown})

    async def all_nodes(self, _request: web.Request) -> web.StreamResponse:
        uploads = self.folders.input_names
        return web.json_response({name: object_info(name, uploads) for name in NODES})

    async def one_node(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["class"]
        uploads = self.folders.input_names
        return web.json_response({name: object_info(name, uploads)} if name in NODES else {})

    async def stats(self, _request: web.Request) -> web.StreamResponse:
        version = _OLD_VERSION if self.is_old else _VERSION
        system = {**_SYSTEM, "comfyui_version": version}
        return web.json_response({"system": system, "devices": _DEVICES})

    async def models(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["folder"] not in _MODELS:
            raise web.HTTPNotFound
        return web.json_response(_MODELS[request.match_info["folder"]])

    async def features(self, _request: web.Request) -> web.StreamResponse:
        features = {"supports_preview_metadata": True, "max_upload_size": _UPLOAD_BYTES}
        return web.json_response(features)


def _refused(error: Mapping[str, Any]) -> web.Response:
    return web.json_response({"error": error, "node_errors": {}}, status=400)
