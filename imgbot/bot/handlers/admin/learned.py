"""/learned: the texts kept to learn from, in pages; buttons delete one, or all."""

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue
from imgbot.domain.intents.examples import Example
from imgbot.domain.texts import buttons
from imgbot.domain.texts.buttons import Keyboard
from imgbot.storage.examples import ALL

_PAGE = 5
_MEANINGS = {"create": "button_new_picture", "change": "button_change_this"}


async def handle_learned(_: Message, dialogue: Dialogue) -> None:
    await dialogue.reply_text(*await _shown(dialogue, 0))


async def on_learned_callback(_: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    action, _sep, which = argument.partition(".")
    answer = ""
    if action == "ask":
        text, rows = await _question(dialogue, which)
    elif action == "drop":
        answer = await _drop(dialogue, which)
        text, rows = await _shown(dialogue, 0)
    elif action == "page" and which.isdecimal():
        text, rows = await _shown(dialogue, int(which))
    else:
        return "unknown_button"
    await dialogue.update_panel(text, rows)
    return answer


async def _shown(dialogue: Dialogue, page: int) -> tuple[str, Keyboard]:
    """Return a page, the last one if there are fewer."""
    examples = await _read(dialogue)
    if not examples:
        return dialogue.t("learned_none"), []
    pages = -(-len(examples) // _PAGE)
    page = min(page, pages - 1)
    shown = list(enumerate(examples.items(), 1))[page * _PAGE :][:_PAGE]
    head = dialogue.t("learned_title", count=len(examples), page=page + 1, pages=pages)
    lines = [f"{number}. {_line(dialogue, example)}" for number, (_, example) in shown]
    ids = {number: example_id for number, (example_id, _) in shown}
    return "\n\n".join([head, *lines]), buttons.learned(dialogue.language, ids, page, pages)


async def _question(dialogue: Dialogue, which: str) -> tuple[str, Keyboard]:
    """Ask before examples are deleted; if they are gone, show what there is."""
    examples = await _read(dialogue)
    chosen = [example for each, example in examples.items() if which in {ALL, each}]
    if not chosen:
        return await _shown(dialogue, 0)
    said = f"{len(chosen)}" if which == ALL else _line(dialogue, chosen[0])
    question = dialogue.t("learned_ask_all" if which == ALL else "learned_ask", which=said)
    return question, buttons.learned_drop(dialogue.language, which)


async def _drop(dialogue: Dialogue, which: str) -> str:
    app = dialogue.app
    if not await app.examples.remove(which):
        return "stale_button"
    await app.forgetting.mark_log(app.now_ms())
    return "undone"


async def _read(dialogue: Dialogue) -> dict[str, Example]:
    return await dialogue.app.examples.read(dialogue.app.now_ms())


def _line(dialogue: Dialogue, example: Example) -> str:
    return f"{dialogue.t(_MEANINGS[example.label])}: {example.text}"
