"""Create: a prompt becomes a picture."""

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue, Question
from imgbot.bot.handlers.edit import handle_photo
from imgbot.bot.messages import photo_of, prompt_of
from imgbot.domain.errors import UserError


async def handle_create(event: Message | CallbackQuery, dialogue: Dialogue) -> None:
    """/create with or without a prompt, the button, or plain text."""
    await dialogue.check_rate_limit()
    prompt = prompt_of(event) if isinstance(event, Message) else ""
    if prompt:
        await dialogue.create(prompt)
        await dialogue.state.clear()
    else:
        await dialogue.ask(Question.create_words, "ask_create")


async def take_create_prompt(message: Message, dialogue: Dialogue) -> None:
    """Answer to the question for a prompt; with a picture it is about that picture."""
    if photo_of(message):
        await handle_photo(message, dialogue)
        return
    prompt = prompt_of(message)
    if not prompt:
        raise UserError("words_empty")
    await dialogue.create(prompt)
    await dialogue.state.clear()
