"""Subject: what was put into another picture by the engine is moved and scaled alone.

The picture is put together again, from the photos and the words of the first order.

* `moves`: what a text asks for, by `moves.toml`; `moving`: the reader's row, and the order.
* `places`: a photo of the place that somebody is to be put before, and that was asked for.
"""

from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.subject.moving import ROWS, hooks_of, refuse_behind
from imgbot.features.subject.places import PlaceTaker
from imgbot.storage.results import ResultStore


def _build(core: Core) -> Seams:
    if not core.policy.has_builtin_edits:
        # A provider reads "smaller" itself.
        return Seams()
    results = ResultStore(core.redis)
    return Seams(
        word_readers=ROWS,
        picture_takers=[PlaceTaker(core.requests, core.pictures).take],
        before_order=[refuse_behind],
        hooks=hooks_of(results),
    )


FEATURE = Feature("subject", _build)
