"""Prompt help: the operator's chat model writes out short prompts, and reads unsure texts.

Without `IMGBOT_CHAT` nothing is offered, and the learned intents decide alone.
"""

from imgbot.domain.operations import Operation
from imgbot.domain.prompt_options import is_short
from imgbot.domain.result_buttons import ResultButton
from imgbot.features.feature import Core, Feature, PrivacyNote, Seams
from imgbot.features.prompt_help.chat_model import ChatModel
from imgbot.features.prompt_help.handlers import MORE, VERSION, PromptHelp
from imgbot.features.prompt_help.store import KEYS, PromptHelpStore


def _build(core: Core) -> Seams:
    store, model = PromptHelpStore(core.redis), ChatModel(core.chat)

    is_on = core.chat.is_on

    def fits(operation: Operation, words: str) -> bool:
        return is_on and operation is Operation.CREATE and is_short(words)

    parts = core.policy.prompt_language, core.requests, core.pictures
    handlers = PromptHelp(*parts, model, store, fits)
    host = core.chat_host
    return Seams(
        actions=[
            (MORE, handlers.on_more),
            (VERSION, handlers.on_version),
        ],
        result_buttons=[ResultButton(MORE, fits, is_about_words=True)],
        decide_unsure=model.decide if is_on else None,
        privacy_notes=[PrivacyNote("privacy_chat", host)] if host else [],
    )


FEATURE = Feature("prompt_help", _build, KEYS)
