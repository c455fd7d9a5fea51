"""One call of the Bot API, and what all methods have in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from imgbot.sandbox.api_errors import bad_request
from imgbot.sandbox.bot_objects import BotObject, MediaKind
from imgbot.sandbox.state import Chat, InlineQuery, Json, Query, SandboxState

QUERY_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
_PHOTO_BYTES = 10 << 20
AnyQuery = TypeVar("AnyQuery", Query, InlineQuery)


class RawJson(str):
    """Result that is JSON text already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """File uploaded with a call; deleted when the call ends."""

    path: Path
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call: the sandbox, the files sent with it, and whether the caller still waits."""

    state: SandboxState
    uploads: Mapping[str, UploadedFile]
    is_caller_gone: Callable[[], bool]

    async def picture(self, kind: MediaKind, source: str) -> Json:
        """Return a file of this kind as part of a message: an upload, or a known file."""
        upload = self.uploads.get(source.removeprefix("attach://") or kind)
        if upload is None:
            return self.known(kind, source)
        if not upload.size_bytes:
            raise bad_request("file must be non-empty")
        if kind == "document":
            return await self.state.files.keep_document(upload.path, upload.name)
        if kind == "sticker":
            return await self.state.files.keep_sticker(upload.path)
        if kind in ("video", "animation"):
            return await self.state.files.keep_clip(kind, upload.path, upload.name)
        if upload.size_bytes > _PHOTO_BYTES:
            raise bad_request(
                f"file of size {upload.size_bytes} bytes is too big for a photo;"
                f" the maximum size is {_PHOTO_BYTES} bytes"
            )
        return await self.state.files.keep_photo(upload.path)

    def known(self, kind: MediaKind, file_id: str) -> Json:
        """Return the file of a handle; URLs are not fetched."""
        if not file_id:
            raise bad_request(f"there is no {kind} in the request")
        whole = self.state.files.whole(file_id)
        if whole is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        if kind not in whole:
            given = next(iter(whole)).capitalize()
            raise bad_request(f"can't use file of type {given} as {kind.capitalize()}")
        return whole


class Method(BotObject):
    """Parameters of a call, each as text or JSON."""

    by_name: ClassVar[dict[str, type["Method"]]] = {}
    """Classes that act, by the name that the Bot API has for them."""
    chat_id: str = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "act" in vars(cls):
            cls.by_name[cls.__name__[0].lower() + cls.__name__[1:]] = cls

    async def act(self, call: Call) -> Any:
        """Do what the method does, and return its result. Raises ApiError."""
        raise NotImplementedError

    def chat(self, call: Call) -> Chat:
        return call.state.chat_for_bot(self.chat_id)


def open_query(call: Call, query: AnyQuery | None, lifetime_s: float) -> AnyQuery:
    """Return the query, which must still be waiting for its answer."""
    if query is None or query.is_answered or call.state.now() - query.asked_at > lifetime_s:
        raise bad_request(QUERY_TOO_OLD)
    return query
