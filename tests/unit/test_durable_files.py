"""A power cut right after a file was written: what is asserted to exist is there, and whole."""

import base64
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PIL import Image

from imgbot.files import make_folder
from imgbot.jobs.webhooks import read_key
from imgbot.ops.backup import archive
from imgbot.ops.installation import replace_link
from imgbot.ops.status.history import History
from imgbot.painter import pictures
from imgbot.painter.originals import OriginalStore
from imgbot.providers.factory import BuiltinProvider
from imgbot.providers.http import ProviderHttpClient, write_base64
from imgbot.providers.protocol import Output
from imgbot.providers.url_policy import Hosts
from imgbot.telegram.client import download
from tests.fakes.disk import Disk
from tests.fakes.scripted_server import open_script

Write = Callable[[Path], Awaitable[Path]]


def photo(folder: Path) -> Path:
    path = folder / "photo"
    Image.new("RGB", (64, 48), "teal").save(path, "JPEG")
    return path


async def a_result_in_base64(folder: Path) -> Path:
    write_base64(base64.b64encode(b"picture").decode(), folder / "made.jpg")
    return folder / "made.jpg"


async def a_fetched_result(folder: Path) -> Path:
    async with open_script() as script:
        script.on("GET /1.png", b"picture")
        async with aclosing(ProviderHttpClient(Hosts([script.url], ()), {})) as client:
            await client.fetch(f"{script.url}/1.png", folder / "result")
    return folder / "result"


async def a_copied_result(folder: Path) -> Path:
    provider = BuiltinProvider(cast("Any", None))
    await provider.fetch(Output(path=str(photo(folder))), folder / "result")
    return folder / "result"


async def a_download(folder: Path) -> Path:
    async def get_file(_: str) -> Any:
        return SimpleNamespace(file_path="photos/1.jpg")

    async def stream_content(*_: object, **__: object) -> AsyncGenerator[bytes]:
        yield b"photo"

    api = SimpleNamespace(file_url="{}/{}".format)
    session = SimpleNamespace(api=api, stream_content=stream_content)
    bot = SimpleNamespace(get_file=get_file, session=session, token="1:a")
    await download(cast("Any", bot), "handle", folder / "raw-0")
    return folder / "raw-0"


async def a_checked_photo(folder: Path) -> Path:
    return Path(pictures.check_picture(str(photo(folder)), str(folder / "source-0")))


async def a_document(folder: Path) -> Path:
    return Path(pictures.prepare(str(photo(folder)), str(folder / "ready"), as_file=True).path)


async def an_original(folder: Path) -> Path:
    OriginalStore(folder / "pictures", 1).keep(photo(folder), "12", ".jpg")
    return folder / "pictures" / "12.jpg"


async def a_key(folder: Path) -> Path:
    read_key(folder / "hook.key")
    return folder / "hook.key"


async def a_backup(folder: Path) -> Path:
    archive.write_backup(folder / "backup.tar.gz", [], {})
    return folder / "backup.tar.gz"


async def the_history(folder: Path) -> Path:
    History(folder / "history.json").save()
    return folder / "history.json"


@pytest.mark.parametrize(
    "write",
    [
        a_result_in_base64,
        a_fetched_result,
        a_copied_result,
        a_download,
        a_checked_photo,
        a_document,
        an_original,
        a_key,
        a_backup,
        the_history,
    ],
)
async def test_a_file_is_whole_after_a_power_cut(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)

    path = await write(tmp_path)

    assert disk.after_power_cut(path) == path.read_bytes()


def test_a_new_folder_and_a_turned_link_are_there_after_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)

    make_folder(tmp_path / "jobs" / "12")
    replace_link(tmp_path / "jobs" / "current", "12")

    assert disk.names(tmp_path) == {"jobs"}
    assert disk.names(tmp_path / "jobs") == {"12", "current"}
