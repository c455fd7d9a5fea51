"""`imgbot prove`: orders while everything is killed, held against charges and pictures."""

import secrets

from imgbot.ops.formatting import count, strip_control
from imgbot.ops.loadtest.command import INTERRUPTED, NOT_MET, print_results
from imgbot.ops.loadtest.report import LoadTestResults, wrong_orders
from imgbot.ops.loadtest.run import FAULTS, LoadTestOptions
from imgbot.version import version

_ORDER_EVERY_S, _KILL_EVERY_S, _LOST_EVERY_S = 20.0, 7.0, 1.0
_PICTURE_S = (0.5, 8.0)
_NOT_PROVEN = (
    "Not proven: please report this page if an order was lost, doubled or wrongly charged."
)
_AGAIN = "The same orders again: imgbot prove --minutes {minutes:g} --users {users} --seed {seed}"


def run_proof(*, minutes: float, users: int, seed: int | None) -> int:
    """Run the proof and print its page; return the exit status as in the command's help.

    Raises ImgbotError, OSError.
    """
    options = LoadTestOptions(
        users=(users,),
        minutes=minutes,
        picture_s=_PICTURE_S,
        faults=FAULTS,
        seed=secrets.randbits(32) if seed is None else seed,
        order_every_s=_ORDER_EVERY_S,
        kill_every_s=_KILL_EVERY_S,
        lost_every_s=_LOST_EVERY_S,
    )
    results = print_results(options, lambda runs: "".join(as_page(options, each) for each in runs))
    if results is None:
        return INTERRUPTED
    return 0 if all(map(is_proof, results)) else NOT_MET


def is_proof(results: LoadTestResults) -> bool:
    """Return true if pictures came, and no order went wrong or was left waiting."""
    has_pictures = results.is_whole and results.ends["delivered"] > 0
    return has_pictures and not wrong_orders(results) and not results.ends["waiting"]


def as_page(options: LoadTestOptions, results: LoadTestResults) -> str:
    """Return the page: orders, pictures, charges, what was broken, and how to run it again."""
    ends = results.ends
    explained = ends["refused"] + ends["failed"]
    rows = [
        (sum(ends.values()), "orders"),
        (ends["delivered"], "ended in one picture"),
        (explained, "ended in a sentence: refused, or failed with its reason"),
        (results.charged, "charges in the provider's own ledger"),
        (results.charged_wrongly, "of them twice for one order, or for a picture nobody saw"),
        (ends["lost"], "orders lost without a word"),
        (ends["doubled"], "orders answered twice"),
        (ends["waiting"] + ends["open"], "orders not answered when the time was over"),
        (results.kills, "times the bot with its workers, or its Redis, killed"),
        (results.lost_answers, "answers of Telegram lost, besides those of the provider"),
    ]
    verdict = "Nothing was lost, shown twice or paid twice." if is_proof(results) else _NOT_PROVEN
    return "\n".join(
        [
            f"imgbot {version()}, {count(results.users, 'user')}, {results.seconds / 60:.1f} min",
            "",
            *(f"{number:>7}  {text}" for number, text in rows),
            *(f"         {strip_control(line)}" for line in results.amiss),
            "",
            verdict,
            _AGAIN.format(minutes=options.minutes, users=results.users, seed=options.seed),
            "",
        ]
    )
