"""Photos and documents of a call: uploaded or by handle, never by URL."""

from imgbot.sandbox.api_errors import WRONG_FILE, ApiError, bad_request, failed_album_item
from imgbot.sandbox.arguments import Arguments, Json, UploadedFile
from imgbot.sandbox.files import Photo, StoredDocument
from imgbot.sandbox.message_fields import Contents
from imgbot.sandbox.pictures import DELIVERED_SIDES, PictureRefusedError
from imgbot.sandbox.state import SandboxState

_PHOTO_BYTES = 10 << 20


class Media:
    """Converts the files of one call into parts of messages."""

    def __init__(self, world: SandboxState, arguments: Arguments) -> None:
        self._world = world
        self._arguments = arguments

    async def photo(self, source: str, upload: UploadedFile | None) -> Json:
        """Return the message part of this photo; raises `PictureRefusedError`."""
        if upload is None:
            whole = self._known(source)
            if not isinstance(whole, Photo):
                raise _wrong_kind("Document", "Photo")
            return {"photo": whole.message_part()}
        if upload.size_bytes > _PHOTO_BYTES:
            raise bad_request(
                f"file of size {upload.size_bytes} bytes is too big for a photo;"
                f" the maximum size is {_PHOTO_BYTES} bytes"
            )
        photo = await self._world.files.keep_photo(upload.path, DELIVERED_SIDES)
        return {"photo": photo.message_part()}

    async def document(self, source: str, upload: UploadedFile | None) -> Json:
        if upload is None:
            whole = self._known(source)
            if not isinstance(whole, StoredDocument):
                raise _wrong_kind("Photo", "Document")
            return {"document": whole.message_part()}
        document = await self._world.files.keep_document(upload.path, upload.name)
        return {"document": document.message_part()}

    def upload(self, name: str, source: str) -> UploadedFile | None:
        """Return the uploaded file that a parameter refers to, None for a known file."""
        part = source.removeprefix("attach://")
        found = self._arguments.uploads.get(name if part == source else part)
        if found and not found.size_bytes:
            raise bad_request("file must be non-empty")
        return found

    def _known(self, source: str) -> Photo | StoredDocument:
        if "." in source and "attach://" not in source:
            raise bad_request("failed to get HTTP URL content")
        whole = self._world.files.whole(source)
        if whole is None:
            file = self._world.files.find(source)
            if file and file.kind == "Thumbnail":
                raise _wrong_kind("Thumbnail", "Photo")
            raise bad_request(WRONG_FILE)
        return whole

    async def item(self, item: Json) -> Json:
        """Return one InputMedia with its caption as the content of a message."""
        kind, source = item.get("type"), item.get("media")
        if kind not in {"photo", "document"}:
            self._world.calls.violation(f"InputMedia of type {kind} is not simulated")
            raise bad_request("can't parse InputMedia: invalid media type specified")
        contents = Contents(self._world, self._arguments)
        contents.note_fields(f"InputMedia{kind.capitalize()}", item)
        upload = self.upload("", source) if isinstance(source, str) else None
        if not isinstance(source, str) or not source:
            raise bad_request("can't parse InputMedia: media not found")
        if source.startswith("attach://") and upload is None:
            raise bad_request("can't parse InputMedia: media not found")
        caption = contents.caption(item)
        if kind == "document":
            return await self.document(source, upload) | caption
        spoiler = {"has_media_spoiler": True} if item.get("has_spoiler") is True else {}
        return await self.photo(source, upload) | spoiler | caption

    async def album(self, items: list[Json]) -> list[Json]:
        """Return the contents of an album's messages; one bad photo refuses all of them."""
        parts: list[Json] = []
        for position, item in enumerate(items, start=1):
            try:
                parts.append(await self.item(item))
            except PictureRefusedError as refused:
                raise failed_album_item(position, str(refused)) from None
        return parts


def _wrong_kind(given: str, wanted: str) -> ApiError:
    return bad_request(f"can't use file of type {given} as {wanted}")
