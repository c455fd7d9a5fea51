"""Picture into words: the operator's chat model writes a prompt, and words for those who can't see.

Without `IMGBOT_CHAT`, nothing is offered.
"""

from urllib.parse import urlsplit

from imgbot.features.describe.describing import DRAW, ROW, TOPIC, Describer
from imgbot.features.feature import Core, Feature, PrivacyNote, Seams


def _build(core: Core) -> Seams:
    describer = Describer(core)
    actions = [(DRAW, describer.on_draw)]
    if not core.chat.is_on:
        return Seams(actions=actions)
    return Seams(
        message_routes=[describer.route],
        word_readers=[ROW],
        answers={TOPIC: describer.handle},
        actions=actions,
        privacy_notes=[
            PrivacyNote("privacy_describe", urlsplit(core.settings.chat.url).hostname or "")
        ],
    )


FEATURE = Feature("describe", _build)
