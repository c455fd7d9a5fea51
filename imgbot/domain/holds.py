"""Holds: what a job takes of what is limited, from its admission to its end, one row for each."""

from collections.abc import Iterable
from typing import NamedTuple

NEVER, AT_DEATH, AT_END = "never", "death", "end"
"""When a hold of a job that counts stays for good, and that of any other is given back.

`NEVER` is for what the charge replaces. A dead job has not come to its end, as it may be shown yet;
what was decided when it died is not decided again.
"""


class Hold(NamedTuple):
    """Amount that is added to a field of a hash in Redis; one below 0 is taken from a balance.

    It is stored in this order: a new field goes last.
    """

    name: str
    """Verdict on a job that it is too much for."""
    key: str
    field: str
    amount: int
    decided: str = NEVER
    spent_in: str = ""
    """Field in which what stays of a balance is counted as spent."""
    dated: str = ""
    """Field with the day that `field` is of: it begins anew each day."""
    limit: int | None = None
    """Most that the field may come to, or least of a balance; None is no limit."""
    beside: str = ""
    """Field that the limit holds for as well: for the sum of both."""
    raised_in: str = ""
    """Field with a higher limit, if there is one."""
    kept_s: int = 0
    """Lifetime of the hash since the latest hold; 0 if it stays."""
    spares: str = ""
    """Name of the holds that are not needed where this one fits; where it does not, they are."""
    back: int = 0
    """Amount of a balance that is given back in any case, as what was ordered costs less."""


def amount_spent(holds: Iterable[Hold]) -> int:
    """Return what is taken of balances for good if the job counts."""
    return sum(-each.amount - each.back for each in holds if each.spent_in)
