"""Subject: what was put into another picture by the engine is moved and scaled alone.

The picture is put together again, from the photos and the words of the first order.

* `moves`: what a text asks for, by `moves.toml`; `moving`: the reader's row, and the order.
"""

from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.subject.moving import ROWS, hooks_of, refuse_behind
from imgbot.storage.results import ResultStore


def _build(core: Core) -> Seams:
    if not core.policy.has_builtin_edits:
        # A provider reads "smaller" itself.
        return Seams()
    return Seams(
        word_readers=ROWS, before_order=[refuse_behind], hooks=hooks_of(ResultStore(core.redis))
    )


FEATURE = Feature("subject", _build)
