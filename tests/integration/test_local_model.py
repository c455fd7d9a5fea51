"""The provider `local`: a real model file of random weights, and how a model is fetched."""

import hashlib
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from imgbot.config import local_models
from imgbot.config.sources import PLACEHOLDER_TOKEN, load
from imgbot.domain import local_model
from imgbot.domain.errors import ImgbotError
from imgbot.domain.texts import t
from imgbot.imaging import diffusion
from imgbot.ops import model
from imgbot.providers import local
from tests.fixtures.photos import load_photo
from tests.fixtures.sdxs_model import write_model
from tests.fixtures.waiting import eventually
from tests.integration.stage import Stage, as_jpeg, open_stage

_BUSY_MACHINE = {"imgbot.wiring.providers._SCHEDULING": os.SCHED_OTHER}
"""At idle priority, the other tests would leave it nothing."""


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    file = write_model(tmp_path / "model.safetensors")
    chosen = f"{file}, steps=4, guidance=1, side=64"
    async for each in open_stage(
        tmp_path,
        _BUSY_MACHINE,
        is_simulated=False,
        IMGBOT_PROVIDER="local",
        IMGBOT_LOCAL_MODEL=chosen,
    ):
        yield each


async def _at_work(stage: Stage) -> list[int]:
    """Processes that have loaded the model."""
    found: list[int] = []
    for process in psutil.Process(stage.bot.pid).children(recursive=True):
        with suppress(psutil.Error):
            if any(each.path.endswith("model.safetensors") for each in process.memory_maps()):
                found.append(process.pid)
    return found


class _Hold:
    """The picture of the next message is held where its progress is told, until a `kill`."""

    def __init__(self, stage: Stage) -> None:
        folder = stage.bot.state_dir / "jobs" / str(stage.sandbox.state.updates._next_id)
        folder.mkdir(parents=True)
        self._stage = stage
        self._pipe = folder / "made.jpg.progress.part"
        # Who opens it for writing waits for a reader, and there is none.
        os.mkfifo(self._pipe)

    async def process(self) -> int:
        """Wait until the model is at work; return its process."""
        [found] = await eventually(lambda: _at_work(self._stage), what="the model draws")
        return found

    def kill(self, pid: int) -> None:
        """Kill a process; the next attempt is not held."""
        self._pipe.unlink()
        os.kill(pid, signal.SIGKILL)


async def test_pictures_by_a_model_survive_kills_and_are_shown_once(
    stage: Stage, tmp_path: Path
) -> None:
    user = await stage.user()
    first = await user.order("a red house --seed 5")
    assert (await user.image(first)).size == (64, 64)

    # Its process is killed: the picture is begun anew.
    hold = _Hold(stage)
    await user.say("a red house --seed 5")
    hold.kill(await hold.process())
    second = await eventually(user.results, lambda found: len(found) == 2)
    same, other = [await user.image(each) for each in (first, second[-1])]
    assert same.tobytes() == other.tobytes()

    # The bot is killed: likewise, and an edit starts from its photo.
    hold = _Hold(stage)
    await user.photos(as_jpeg(load_photo("astronaut")), caption="make it a watercolour")
    await hold.process()
    hold.kill(stage.bot.pid)
    await stage.bot.wait()
    await stage.bot.start()
    third = await eventually(user.results, lambda found: len(found) == 3)
    width, height = (await user.image(third[-1])).size
    assert {width, height} <= {64, 128}

    # Cancelled: what is begun anew ends without being shown.
    hold = _Hold(stage)
    status = await user.ask("a green house")
    pid = await hold.process()
    await user.toast(status, "Cancel")
    hold.kill(pid)
    await user.wait(lambda message: message.text == t("en", "cancelled"))
    await eventually(lambda: _at_work(stage), lambda found: not found, what="no model is left")

    # A damaged file: the built-in engine stands in, and says so.
    (tmp_path / "model.safetensors").write_bytes(b"damaged" * 1000)
    stand_in = await user.order("a cat")
    assert t("en", "stand_in_note") in stand_in.text
    assert "it is damaged" in stage.bot.log
    assert len(await user.results()) == 4


_CONTENT = os.urandom(300_000)


class _Hub(BaseHTTPRequestHandler):
    """Serves the file; breaks off once in the middle, and is then out of order for a while."""

    asked: list[str]
    trouble: list[int]

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "bytes=0-")
        self.asked.append(wanted)
        begin = int(wanted.removeprefix("bytes=").rstrip("-"))
        cut = self.trouble.pop(0) if self.trouble else len(_CONTENT)
        if not cut:
            return self.send_error(503)
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(_CONTENT) - begin))
        self.send_header("Content-Range", f"bytes {begin}-{len(_CONTENT) - 1}/{len(_CONTENT)}")
        self.end_headers()
        self.wfile.write(_CONTENT[begin:cut])
        return None

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(_Hub, "asked", [], raising=False)
    monkeypatch.setattr(_Hub, "trouble", [], raising=False)
    digest = hashlib.sha256(_CONTENT).hexdigest()
    known = local_models.published_models()["sdxs-512"] | {
        "size_bytes": len(_CONTENT),
        "sha256": digest,
    }
    for module in (local_models, model):
        monkeypatch.setattr(module, "published_models", lambda: {"sdxs-512": known})
    monkeypatch.setattr(model, "_PAUSE_S", 0.0)
    monkeypatch.setattr(diffusion, "_PROBE_S", 0.05)
    with HTTPServer(("127.0.0.1", 0), _Hub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Place:
    """A state directory, into which a model is fetched from the hub of the test."""

    def __init__(self, folder: Path, hub: str) -> None:
        environ = {"IMGBOT_STATE_DIR": str(folder), "IMGBOT_MODEL_MIRROR": hub}
        self.fetch = partial(model.main, "fetch", is_accepted=True, environ=environ)
        given = {**environ, "IMGBOT_TOKEN": PLACEHOLDER_TOKEN, "IMGBOT_PROVIDER": "local"}
        self.settings = load(given)
        self.file = folder / "models" / "sdxs-512.gguf"
        self.part = self.file.with_suffix(".gguf.part")

    def finding(self) -> str:
        found = model.examine(self.settings)
        return f"{found.text} -> {found.advice}"


def test_a_model_is_fetched_with_consent_and_resumed(
    hub: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = _Place(tmp_path, hub)
    with pytest.raises(ImgbotError, match="no model 'sd'; known: sdxs-512"):
        place.fetch("sd")
    with pytest.raises(ImgbotError, match="without consent"):
        place.fetch("sdxs-512", is_accepted=False)
    told = capsys.readouterr().out
    assert all(each in told for each in ("300 kB", "Open RAIL++-M", "a picture on this processor"))
    assert not _Hub.asked
    assert "cannot be read" in place.finding()
    assert place.finding().endswith("-> sudo imgbot model fetch sdxs-512")

    # The connection breaks, and the server fails: what has come is kept.
    _Hub.trouble[:] = [100_000, 150_000, 0]
    with pytest.raises(ImgbotError, match="answers 503; what has come is kept"):
        place.fetch("sdxs-512")
    assert place.part.read_bytes() == _CONTENT[:150_000]
    assert "published sha256" in place.fetch("sdxs-512")[0]
    assert _Hub.asked == [f"bytes={n}-" for n in (0, 100_000, 150_000, 150_000)]
    assert place.file.read_bytes() == _CONTENT
    assert not place.part.exists()
    assert "whole and unchanged" in place.fetch("sdxs-512")[0]
    assert "a picture on this processor" in place.finding()


def test_what_cannot_be_used_is_named_in_a_sentence(
    hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = _Place(tmp_path, hub)
    place.file.parent.mkdir()
    place.file.write_bytes(_CONTENT[:-1])
    assert "not the whole file: the built-in engine makes" in place.finding()
    place.file.write_bytes(bytes(len(_CONTENT)))
    assert "is damaged" in place.finding()

    place.part.write_bytes(bytes(1000))
    with pytest.raises(ImgbotError, match="sha256 differs"):
        place.fetch("sdxs-512")
    assert not place.part.stat().st_size

    place.file.write_bytes(_CONTENT)
    monkeypatch.setattr(local_model, "BUFFERS_BYTES", 1 << 60)
    assert "of free memory, and" in place.finding()
    monkeypatch.setattr(local, "_FLAGS", {"avx9"})
    with pytest.raises(ImgbotError, match="nothing is downloaded: this processor lacks avx9"):
        place.fetch("sdxs-512")
    assert "lacks avx9" in place.finding()
