"""Models: users choose among those of the provider in use, for one picture or for all.

* `handlers`: the choice in /settings and under a result, and the model of an order.
* `words`: words of a prompt that name a model.
* `side_by_side`: one picture by two models.
* `retirement`: models that their service switches off, and their successors.

Without it each picture is made by the usual model of its operation.
"""

from imgbot.domain.operations import ACTIONS
from imgbot.domain.result_buttons import ResultButton
from imgbot.features.feature import Core, Feature, Seams
from imgbot.features.models.handlers import BESIDE, MODEL, MODELS, REDRAW, SAME_WITH, USUAL, Models
from imgbot.features.models.retirement import ENDS, SUCCESSOR, Retirements
from imgbot.features.models.side_by_side import TOPIC, SideBySide
from imgbot.jobs.hooks import Hooks
from imgbot.storage.keys import Owner
from imgbot.storage.users import UserStore


def _build(core: Core) -> Seams:
    several = [each for each in ACTIONS if len(core.routes.models(each)) > 1]
    parts = UserStore(core.redis), core.requests, core.pictures
    models = Models(core.routes.models, core.policy.price_of, several, *parts)
    beside = SideBySide(models)
    admins = sorted(core.policy.admins)
    ends = Retirements(core.routes, core.redis, core.messenger, parts[0], admins, core.now_ms)
    ends.replace({})
    return Seams(
        word_readers=[beside.row(), models.row()] if several else [],
        answers={SAME_WITH: models.handle_same, TOPIC: beside.handle} if several else {},
        before_order=[models.complete],
        actions=[
            (MODELS, models.on_models),
            (MODEL, models.on_model),
            (REDRAW, models.on_redraw),
            (USUAL, models.on_usual),
            (BESIDE, beside.on_press),
            (SUCCESSOR, ends.on_press),
        ],
        hooks=Hooks(caption_notes=(beside.caption_note,) if several else ()),
        loops=[ends.run],
        receipt_notes=[ends.receipt_note],
        refusal_rows={"model_gone": models.usual_button},
        result_buttons=[ResultButton(MODELS, lambda operation, _: operation in several)],
        settings_rows=[models.settings_row] if several else [],
    )


FEATURE = Feature("models", _build, {ENDS: (Owner.NOBODY,)})
