"""Money in the pure parts: days, what is billed, and how it is told."""

from datetime import UTC, datetime

import pytest

from imgbot.domain import retry
from imgbot.domain.errors import ProviderError, ProviderErrorKind
from imgbot.domain.job import Job, is_billed, with_changes
from imgbot.domain.operations import Operation
from imgbot.domain.texts import dollars
from imgbot.features.people import reports
from imgbot.storage.client import connect
from imgbot.storage.job_queue import QueueLimits
from imgbot.storage.spend import Spend
from tests.fixtures.jobs import job_of

HOUR_S = 3600
NOON_MS = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()) * 1000
JOB = job_of("1", 1, 1, Operation.CREATE, "en", price_micro=40_000)
KIND = ProviderErrorKind


@pytest.mark.parametrize(
    ("offset_s", "day", "left_s"),
    [
        (0, "2026-03-01", 12 * HOUR_S),
        (3 * HOUR_S, "2026-03-01", 9 * HOUR_S),
        (12 * HOUR_S - 1, "2026-03-01", 1),
        (12 * HOUR_S, "2026-03-02", 24 * HOUR_S),
        (-12 * HOUR_S - 1, "2026-02-28", 1),
        (5 * HOUR_S + 1800, "2026-03-01", 6 * HOUR_S + 1800),
    ],
)
def test_a_day_is_the_local_calendars(offset_s: int, day: str, left_s: int) -> None:
    spend = Spend(connect("unix://unused"), QueueLimits(), offset_s)

    assert spend.today(NOON_MS) == day
    assert spend.resumes_in_s(NOON_MS) == left_s
    assert spend.today(NOON_MS + left_s * 1000) != day
    assert spend.today(NOON_MS + left_s * 1000 - 1) == day
    assert spend.recent(NOON_MS + 86_400_000)[1] == day


@pytest.mark.parametrize(
    ("job", "is_paid"),
    [
        (JOB, False),
        (with_changes(JOB, submit_ms=1), True),
        (with_changes(JOB, submit_ms=1, ticket={"id": "t"}), True),
        (with_changes(JOB, submit_ms=1, ticket={"id": "t"}, is_cancelled=True), True),
        (with_changes(JOB, submit_ms=1, ticket={"id": "t"}, is_unbilled=True), False),
        (with_changes(JOB, submit_ms=1, is_unbilled=True), False),
    ],
)
def test_what_may_have_cost_money_counts_as_if_it_had(job: Job, *, is_paid: bool) -> None:
    assert is_billed(job) is is_paid


@pytest.mark.parametrize(
    ("decision", "is_unbilled"),
    [
        (retry.after_submit(ProviderError(KIND.MODERATED), 0), True),
        (retry.after_submit(ProviderError(KIND.MODERATED, is_billed=True), 0), False),
        (retry.after_submit(ProviderError(KIND.SUBMIT_UNKNOWN), 0), False),
        (retry.after_poll(ProviderError(KIND.FAILED, is_billed=True), 0), False),
        (retry.after_poll(ProviderError(KIND.FAILED, is_billed=False), 0), True),
        (retry.after_poll(ProviderError(KIND.UNAVAILABLE, is_billed=False), 10_000), False),
        (retry.after_fetch(ProviderError(KIND.LOST), 0), False),
    ],
)
def test_only_what_is_known_to_be_free_is_free(
    decision: retry.TryAgain | retry.GiveUp, *, is_unbilled: bool
) -> None:
    assert isinstance(decision, retry.GiveUp)
    assert (decision.is_billed is False) is is_unbilled


@pytest.mark.parametrize(
    ("micro", "short", "whole"),
    [
        (0, "$0.00", "$0.00"),
        (839_999, "$0.83", "$0.839999"),
        (3_000, "$0.00", "$0.003"),
        (1_234_567_890_000, "$1234567.89", "$1234567.89"),
    ],
)
def test_money_in_figures(micro: int, short: str, whole: str) -> None:
    assert dollars(micro) == short
    assert reports._usd(micro) == whole
