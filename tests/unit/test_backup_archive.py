"""A backup as a file: whole or refused, whoever made it."""

import gzip
import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest

from imgbot.ops.backup import archive
from imgbot.ops.backup.archive import BackupError

LIMIT_BYTES = 50_000_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "unpacked"
    target.mkdir()
    return target


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "backup.tar.gz"


def made(tmp_path: Path, source: Path) -> dict[str, bytes]:
    contents = {
        "redis.jsonl": b'["img:epoch", "string", 0, "3"]\n',
        "state/hook.key": bytes(range(32)),
        "state/jobs/7-0/made.jpg": b"x" * 511,
        "state/jobs/7-0/source-0.jpg": b"",
        "state/pictures/8.png": b"y" * 3_000_000,
    }
    members: list[tuple[str, Path]] = []
    for number, (name, content) in enumerate(contents.items()):
        path = tmp_path / str(number)
        path.write_bytes(content)
        members.append((name, path))
    gone = ("state/jobs/9/made.jpg", tmp_path / "gone")
    link = tmp_path / "link"
    link.symlink_to("/etc/passwd")
    members += [gone, ("state/jobs/9/link", link)]
    archive.write_backup(source, members, {"bot_id": "7", "state_dir": "/srv/бот\u3000é"})
    return contents


def read(source: Path, folder: Path) -> archive.Manifest:
    with archive.opened(source) as packed:
        return archive.read_backup(packed, folder, LIMIT_BYTES)


def test_what_was_written_is_read(tmp_path: Path, folder: Path, source: Path) -> None:
    contents = made(tmp_path, source)

    manifest = read(source, folder)

    assert {n: (folder / n).read_bytes() for n in manifest.files} == contents
    assert manifest.about == {"bot_id": "7", "state_dir": "/srv/бот\u3000é", "format": 1}
    ones = archive.Manifest({"counts": dict.fromkeys(("jobs", "pictures", "keys"), 1)}, {"a": 1})
    assert ones.summary == "1 job in progress, 1 remembered picture, 1 Redis key, 1 file"
    # One that counts nothing is put back, too.
    assert manifest.summary == ("0 jobs in progress, 0 remembered pictures, 0 Redis keys, 5 files")
    # Any other program reads it, too.
    with tarfile.open(source) as tar:
        assert set(tar.getnames()) == {"imgbot-backup", *contents, "manifest.json"}
    assert source.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob(".*")] == []


Entry = tuple[tarfile.TarInfo, bytes]


def entry(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> Entry:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, link
    return info, content


FIRST = entry("imgbot-backup", b"format 1\n")


def packed(
    target: Path,
    entries: Sequence[Entry],
    form: int = tarfile.USTAR_FORMAT,
    about: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """A hostile archive that says of itself whatever suits it."""
    files = {
        info.name: {"size_bytes": info.size, "sha256": hashlib.sha256(content).hexdigest()}
        for info, content in entries[1:]
    }
    last = entry("manifest.json", json.dumps({**about, "format": 1, "files": files}).encode())
    with tarfile.open(target, "w:gz", format=form) as tar:
        for info, content in [*entries, last]:
            tar.addfile(info, io.BytesIO(content))


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([entry("imgbot-backup", b"format 2\n")], "newer imgbot"),
        ([entry("imgbot-backup", b"format x\n")], "not an imgbot backup"),
        ([entry("etc/passwd", b"x")], "not an imgbot backup"),
        ([FIRST, entry("/etc/cron.d/x", b"x")], "illegal file name"),
        ([FIRST, entry("../outside", b"x")], "illegal file name"),
        ([FIRST, entry("state/jobs/..", b"x")], "illegal file name"),
        ([FIRST, entry("state/x\ny", b"x")], "illegal file name"),
        ([FIRST, entry("state/x", kind=tarfile.SYMTYPE, link="/etc")], "a link or special file"),
        ([FIRST, entry("state/x", kind=tarfile.LNKTYPE, link="/x")], "a link or special file"),
        ([FIRST, entry("state/x", kind=tarfile.DIRTYPE)], "a link or special file"),
        ([FIRST, entry("state/x", b"1"), entry("state/x", b"2")], "illegal file name"),
        ([FIRST, entry("state/x", bytes(LIMIT_BYTES + 1))], "more disk space"),
    ],
    ids=[
        *("newer", "odd format", "foreign", "absolute", "above", "dots", "newline"),
        *("symlink", "hard link", "folder", "twice", "bomb"),
    ],
)
def test_a_hostile_one_is_refused(
    folder: Path, source: Path, entries: list[Entry], said: str
) -> None:
    packed(source, entries)

    with pytest.raises(BackupError, match=said):
        read(source, folder)

    written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert written <= LIMIT_BYTES
    assert sorted(path.name for path in folder.parent.iterdir()) == ["backup.tar.gz", "unpacked"]


def invalid_block(packed: bytes) -> bytes:
    """The start of a backup, and then a block of a kind that there is not."""
    packer = zlib.compressobj(wbits=31)
    start = packer.compress(gzip.decompress(packed)[:1_000_000])
    return start + packer.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 1000


def within(start: int, end: int | None, instead: bytes) -> Callable[[bytes], bytes]:
    """What makes of a backup one that is packed well and says something else."""

    def change(packed: bytes) -> bytes:
        plain = gzip.decompress(packed)
        return gzip.compress(plain[:start] + instead + (b"" if end is None else plain[end:]))

    return change


def cut_off(share: float) -> Callable[[bytes], bytes]:
    def change(packed: bytes) -> bytes:
        return packed[: int(len(packed) * share)]

    return change


def text(_: bytes) -> bytes:
    return b"hello"


def with_another_byte(packed: bytes) -> bytes:
    return gzip.compress(gzip.decompress(packed).replace(b"x" * 511, b"x" * 510 + b"z"))


INCOMPLETE = "not a complete imgbot backup"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (cut_off(0.0), INCOMPLETE),
        (cut_off(0.5), INCOMPLETE),
        (cut_off(0.999), INCOMPLETE),
        (text, INCOMPLETE),
        (invalid_block, INCOMPLETE),
        (with_another_byte, "checksum"),
        (within(1100, 1200, b"\xff" * 100), "."),
        (within(1024, 1030, b""), "."),
        (within(0, None, b""), "."),
        (within(0, None, b"x" * 4096), "."),
    ],
    ids=[
        *("nothing", "half", "all but the end", "text", "block", "byte"),
        *("overwritten", "shifted", "empty", "noise"),
    ],
)
def test_a_spoilt_backup_is_refused(
    tmp_path: Path, folder: Path, source: Path, spoil: Callable[[bytes], bytes], said: str
) -> None:
    made(tmp_path, source)
    source.write_bytes(spoil(source.read_bytes()))

    with pytest.raises(BackupError, match=said):
        read(source, folder)


@pytest.mark.parametrize("text", ["\x1b]0;owned\x07", "two\nlines", "\x9b2J", "\udc9b"])
def test_what_would_command_a_terminal_is_neither_read_nor_written(
    folder: Path, source: Path, text: str
) -> None:
    for about in ({"bot_id": text}, {"provider_files": {text: []}}, {"of": {"x": ["y", text]}}):
        packed(source, [FIRST], about=about)
        with pytest.raises(BackupError, match="which is not allowed") as refused:
            read(source, folder)
        with pytest.raises(BackupError) as written:
            archive.write_backup(folder / "new.tar.gz", [], about)

        assert str(refused.value) == str(written.value)
        assert str(refused.value).isascii()
        assert str(refused.value).isprintable()
    assert list(folder.iterdir()) == []


def test_headers_and_values_that_are_none_of_ours_are_refused(folder: Path, source: Path) -> None:
    long, nested = entry("state/x", b"x"), entry("manifest.json", b"[" * 500_000)
    long[0].pax_headers = {"comment": "y" * 20_000_000}

    for hostile in (long, nested):
        packed(source, [FIRST, hostile], tarfile.PAX_FORMAT)
        with pytest.raises(BackupError):
            read(source, folder)


def test_a_reader_of_the_unfinished_backup_reads_nothing(tmp_path: Path, source: Path) -> None:
    with tmp_path.joinpath(f".{source.name}.part").open("w+b") as lurking:
        made(tmp_path, source)

        assert lurking.read() == b""


def test_more_files_than_could_be_put_back_are_refused_while_they_can_be_left_out(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "_MOST_FILES", 4)

    with pytest.raises(BackupError, match="--without-pictures"):
        made(tmp_path, source)

    assert not source.exists()
