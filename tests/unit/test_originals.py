"""Finished pictures on disk: found by their job, bounded in bytes and age."""

import os
from pathlib import Path

import pytest

from imgbot.painter.originals import KEPT_S, OriginalStore

NOW_S = 1_800_000_000.0
MIB = 1 << 20


def keep(
    kept: OriginalStore, folder: Path, job_id: str, *, age_s: float, size_bytes: int = 10
) -> None:
    made = folder / job_id
    made.write_bytes(b"x" * size_bytes)
    kept.keep(made, job_id, ".jpg")
    found = kept.find(job_id)
    assert found is not None
    os.utime(found, (NOW_S - age_s, NOW_S - age_s))


def test_a_picture_is_found_by_its_job_alone(tmp_path: Path) -> None:
    kept = OriginalStore(tmp_path / "pictures", 1)
    keep(kept, tmp_path, "12-2", age_s=0)

    assert kept.find("12") is None
    assert kept.find("12-2") == tmp_path / "pictures" / "12-2.jpg"


def test_the_oldest_go_first_when_there_is_too_much(tmp_path: Path) -> None:
    kept = OriginalStore(tmp_path / "pictures", 1)
    for number in range(3):
        keep(kept, tmp_path, str(number), age_s=number, size_bytes=MIB // 2)

    assert kept.prune(NOW_S) == MIB
    assert [kept.find(job_id) is not None for job_id in "012"] == [True, True, False]


@pytest.mark.parametrize(
    ("age_s", "limits"), [(KEPT_S + 1, ()), (86_401, (86_400,))], ids=["thirty days", "early"]
)
def test_a_picture_goes_with_its_result(
    age_s: float, limits: tuple[int, ...], tmp_path: Path
) -> None:
    kept = OriginalStore(tmp_path / "pictures", 1)
    keep(kept, tmp_path, "old", age_s=age_s)

    assert kept.prune(NOW_S, *limits) == 0
    assert kept.find("old") is None


def test_nothing_is_kept_where_the_operator_wants_none(tmp_path: Path) -> None:
    kept = OriginalStore(tmp_path / "pictures", 0)
    (tmp_path / "made").write_bytes(b"x")

    kept.keep(tmp_path / "made", "1", ".png")

    assert kept.find("1") is None
