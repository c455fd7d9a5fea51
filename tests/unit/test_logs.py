"""Log lines: what must never be in them, and how they look where."""

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgbot.telemetry import logs

TOKEN = "123456789:AAErtyuiopASDFGHJKLzxcvbnmQWERTYUIO"
log = logging.getLogger("imgbot.telegram.client")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.raiseExceptions)
    yield
    root.handlers[:], logging.raiseExceptions = before[0], before[2]
    root.setLevel(before[1])
    logging.captureWarnings(capture=False)


def _set_up(*secrets: str, level: str = "info") -> io.StringIO:
    out = io.StringIO()
    logs.set_up(level=level, secrets=secrets, environ={}, stream=out)
    return out


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        (f"GET https://api.telegram.org/bot{TOKEN}/getMe", TOKEN),
        (f"GET https://api.telegram.org/file/bot{TOKEN}/photos/1.jpg", TOKEN),
        (f"GET /bot{TOKEN.replace(':', '%3A')}/getMe", TOKEN[10:]),
        ("GET http://127.0.0.1/bot123:short/getMe", "123:short"),
        (f"token={TOKEN!r}", TOKEN),
        ("Authorization: Bearer r8_hunter2", "r8_hunter2"),
        ("authorization: Key id:hunter2", "hunter2"),
        ("{'Authorization': 'Bearer r8_hunter2', 'Accept': '*'}", "r8_hunter2"),
        ("[(b'Authorization', b'Basic aHVudGVyMg==')]", "aHVudGVyMg"),
        ("sent Bearer eyJhbGciOi.J9", "eyJhbGciOi"),
        ("connecting to redis://user:hunter2@host:6379/0", "hunter2"),
    ],
)
def test_what_looks_like_a_secret_is_struck_out(line: str, secret: str) -> None:
    out = _set_up()

    log.warning("%s", line)
    log.error("it failed", exc_info=RuntimeError(line))

    assert out.getvalue().count(logs.STRUCK) >= 2
    assert secret not in out.getvalue()


def test_the_configured_secrets_are_struck_out_wherever_they_stand() -> None:
    out = _set_up('odd"secret\\', "odd", "")

    log.warning("x%sx", 'odd"secret\\')
    log.warning("GET /?key=odd%22secret%5C of an odd day")

    assert out.getvalue().count("odd") == 1
    assert f"x{logs.STRUCK}x" in out.getvalue()
    # Ordinary words stay.
    log.info("user 123456789: 10 keys, authorization failed, http://host:8080/x at 12:30:59")
    assert "user 123456789: 10 keys, authorization failed, http://host:8080/x" in out.getvalue()


def test_a_line_for_a_person_has_neither_colours_nor_a_strangers_commands() -> None:
    out = _set_up()

    log.warning("queue is long")
    log.warning("said %s", "\x1b[2J\x07hello\r")

    assert "warning telegram.client: queue is long\n" in out.getvalue()
    assert "hello" in out.getvalue()
    assert not {"\x1b", "\r"} & set(out.getvalue())


def test_libraries_that_log_every_address_are_kept_quiet() -> None:
    first, out = _set_up(), _set_up(level="debug")

    logging.getLogger("aiohttp.client").info("HTTP Request: GET https://host/secret-path")
    logging.getLogger("aiogram.event").info("Update id=1 is handled")
    logging.getLogger("imgbot").debug("ours")

    assert "secret-path" not in out.getvalue()
    assert "Update" not in out.getvalue()
    # The second setting up has replaced the first.
    assert (first.getvalue(), out.getvalue().count("ours")) == ("", 1)


def test_a_line_in_the_journal_has_its_priority_and_no_second_time(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert logs.is_journal(environ, stream)
        assert not logs.is_journal({"JOURNAL_STREAM": f"{status.st_dev}:1"}, stream)
        assert not logs.is_journal({}, stream)
        assert not logs.is_journal(environ, io.StringIO())
        logs.set_up(environ=environ, stream=stream)
        log.info("fine")
        log.warning("queue is long")
        log.error("bad", exc_info=OSError("absent"))
        stream.seek(0)
        lines = stream.read().splitlines()

    assert [line[:3] for line in lines] == ["<6>", "<4>", *["<3>"] * (len(lines) - 2)]
    assert "absent" in lines[-1]
    assert lines[1] == "<4>warning telegram.client: queue is long"
