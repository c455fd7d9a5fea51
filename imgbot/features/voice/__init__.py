"""Voice as a prompt: a speech model of the operator hears it, and what it heard is read as a text.

Without `IMGBOT_SPEECH`, a voice message is answered as any file that is not read.
"""

from imgbot.bot.commands import ChatCommand
from imgbot.features.feature import Core, Feature, PrivacyNote, Seams
from imgbot.features.voice.listening import Listener
from imgbot.features.voice.settings import SpeechSettings
from imgbot.providers.chat import ChatClient


def _build(core: Core) -> Seams:
    own = core.settings.of(SpeechSettings)
    if not own.speech.url:
        return Seams()
    calls = own.speech_key, lambda: core.spend.count_chat_call(core.now_ms())
    listener = Listener(core, ChatClient(*own.speech, *calls, "speech model"))
    return Seams(
        message_routes=[listener.route],
        words_of=listener.words_of,
        commands=[ChatCommand("voice", listener.explain, 8, help_topic="create")],
        privacy_notes=[PrivacyNote("privacy_voice", own.host)],
    )


FEATURE = Feature("voice", _build, settings=SpeechSettings)
