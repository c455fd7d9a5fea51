"""Picture into words: the operator's chat model writes a prompt, and words for those who can't see.

Without `IMGBOT_CHAT`, nothing is offered.
"""

from imgbot.features.describe.describing import DRAW, ROW, TOPIC, Describer
from imgbot.features.feature import Core, Feature, PrivacyNote, Seams


def _build(core: Core) -> Seams:
    describer = Describer(core)
    actions = [(DRAW, describer.on_draw)]
    if not core.chat.is_on:
        return Seams(actions=actions)
    return Seams(
        word_readers=[ROW],
        answers={TOPIC: describer.handle},
        actions=actions,
        privacy_notes=[PrivacyNote("privacy_describe", core.chat_host)],
    )


FEATURE = Feature("describe", _build)
