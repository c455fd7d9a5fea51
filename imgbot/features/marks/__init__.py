"""Marks: circle something on a photo, send that in reply to it, and say what to do there.

* `words`: what a prompt has to say about an area, and what a question offers.
* `marking`: the area in the steps of a job; a worker finds it (`imgbot.painter.drawn_area`).
* `handlers`: answers to the questions.

The operation stands with the others in `imgbot.domain.operations`.
"""

from functools import partial

from imgbot.bot.dialogue import OrderRule
from imgbot.domain.operations import Operation
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.marks import words
from imgbot.features.marks.handlers import on_choice
from imgbot.features.marks.marking import AREA, HOOKS


def _build(core: Core) -> Seams:
    rule = OrderRule(
        photos=words.photos,
        may_become=lambda each: (
            [Operation.INPAINT] * (words.may_be_marked(each) or words.may_be_copy(each))
        ),
        is_prompt=words.needs_area,
    )
    return Seams(
        actions=[(AREA, partial(on_choice, core.requests, core.pictures))],
        order_rule=rule,
        hooks=HOOKS,
    )


FEATURE = Feature("marks", _build)
