"""The note of a load test that was run here, which anybody may have put there."""

import os
from pathlib import Path

import pytest

from imgbot.ops.doctor.guide import LoadTestRecord, read_record, write_record


def as_note(**changes: str) -> str:
    """The text of a note in which some values are others."""
    fields = {"users": "300", "workers": "10", "is_good": "true", "at_s": "1.5"} | changes
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "[" * 999,
        as_note(users='"many"'),
        as_note(users="-1"),
        as_note(users="true"),
        as_note(workers="0"),
        as_note(is_good="1"),
        as_note(at_s="1e30"),
        as_note(at_s="NaN"),
        as_note(at_s="-1"),
    ],
    ids=lambda text: text[-60:].strip(" x") or "empty",
)
def test_a_note_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "loadtest.json").write_text(text)

    assert read_record(tmp_path) is None


def test_what_stands_in_the_place_of_a_note_is_neither_waited_for_nor_followed(
    tmp_path: Path,
) -> None:
    note, other = tmp_path / "loadtest.json", tmp_path / "other.json"
    os.mkfifo(note)
    assert read_record(tmp_path) is None

    note.unlink()
    other.write_text(as_note())
    note.symlink_to(other)
    assert read_record(tmp_path) is None


def test_a_note_is_read_as_it_was_written(tmp_path: Path) -> None:
    note = LoadTestRecord(users=300, workers=10, is_good=True, at_s=1.5)

    write_record(tmp_path, note)

    assert read_record(tmp_path) == note
    assert note.day in {"1969-12-31", "1970-01-01"}
