"""General commands: /start, /help, /cancel, and unsupported messages."""

from collections.abc import Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path

from aiogram.fsm.context import FSMContext
from aiogram.types import Message

from imgbot.bot.context import RequestContext
from imgbot.bot.dialogue import is_expired
from imgbot.bot.handlers.command_menu import publish_admin_commands
from imgbot.bot.messages import PICTURE_LIMIT_MB
from imgbot.bot.requests import RequestService
from imgbot.domain.errors import TelegramRefusedError, TransientError, UserError
from imgbot.domain.operations import ACTIONS
from imgbot.domain.texts import buttons, t
from imgbot.domain.texts.changes import vocabulary

_EXAMPLES = ("create", "edit", "merge")
_FRESH_S = 600


async def handle_start(
    message: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    await state.clear()
    await service.reply(context, "start", buttons.menu(context.language))
    if context.is_private and service.policy.is_admin(context.user_id) and message.bot:
        await publish_admin_commands(message.bot, context.user_id)


async def handle_help(_: Message, context: RequestContext, service: RequestService) -> None:
    """Send three examples with pictures, then the list of commands."""
    await service.check_rate_limit(context)
    # The examples are optional: those that cannot be shown are omitted, as the text matters more.
    with suppress(TransientError, TelegramRefusedError, UserError):
        await _show_examples(context, service)
    operations = "\n".join(t(context.language, f"help_{operation}") for operation in ACTIONS)
    text = t(context.language, "help", operations=operations, limit_mb=PICTURE_LIMIT_MB)
    if service.policy.has_builtin_engine:
        known = vocabulary(context.language)
        text += "\n\n" + t(context.language, "engine_help", vocabulary=known)
    await service.reply_text(context, text, buttons.menu(context.language))


async def _show_examples(context: RequestContext, service: RequestService) -> None:
    folder = resources.files("imgbot.bot") / "examples"
    with resources.as_file(folder) as files:
        examples = [files / f"{name}.jpg" for name in _EXAMPLES]
        keys = [_example_key(service, path) for path in examples]
        gallery = service.store.results
        pictures = [
            await gallery.example(key) or path for key, path in zip(keys, examples, strict=True)
        ]
        try:
            sent = await service.delivery.send_album(
                context.chat_target, _captioned(context, pictures)
            )
        except UserError:
            # Telegram no longer knows a file id: upload the files.
            sent = await service.delivery.send_album(
                context.chat_target, _captioned(context, examples)
            )
    for key, picture in zip(keys, sent, strict=False):
        if picture is not None:
            await gallery.set_example(key, picture.file_id)


def _example_key(service: RequestService, path: Path) -> str:
    """A file id belongs to one bot and one picture, so the key holds both."""
    return f"{service.delivery.bot_id}.{path.stem}.{path.stat().st_size}"


def _captioned(
    context: RequestContext, pictures: Sequence[str | Path]
) -> list[tuple[str | Path, str]]:
    # An album shows its caption only if exactly one photo has one.
    caption = t(context.language, "examples")
    return [(picture, "" if index else caption) for index, picture in enumerate(pictures)]


async def handle_cancel(
    _: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Leave the dialogue, or else cancel the latest active job."""
    is_asked = await state.get_state() is not None
    if is_asked and not await is_expired(state, context.sent_s):
        # Answer before the state is cleared: if the answer fails, the same update comes again
        # and must not find a job to cancel instead.
        await service.reply(context, "cancel_dialogue", buttons.menu(context.language))
        await state.clear()
        return
    jobs = await service.store.job_reads.jobs_shown_to(context.user_id)
    newest = next((job.id for job in reversed(jobs) if not job.is_cancelled), "")
    job_id = await service.store.users.choose_once(f"cancel.{context.request}", newest)
    verdict = "gone"
    if job_id:
        verdict = await service.store.queue.cancel(job_id, context.user_id, service.now_ms())
    # A cancelled job reports it itself, in its status message.
    if verdict != "ok":
        await service.reply(
            context, "cancel_too_late" if verdict == "too_late" else "cancel_nothing"
        )


async def handle_unknown_command(_: Message) -> None:
    raise UserError("unknown_command")


async def handle_unsupported(_: Message) -> None:
    """Message that is neither text nor a picture."""
    raise UserError("cannot_read_kind")


async def handle_edited(message: Message) -> None:
    """Edit of a sent message: the first version is the request."""
    if message.edit_date and message.edit_date - int(message.date.timestamp()) < _FRESH_S:
        raise UserError("edited_message")
