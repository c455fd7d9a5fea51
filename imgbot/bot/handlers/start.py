"""The beginning and the way out: /start, /help, /cancel, and what cannot be read."""

from collections.abc import Sequence
from contextlib import suppress
from importlib import resources
from pathlib import Path

from aiogram.fsm.context import FSMContext
from aiogram.types import Message

from imgbot.bot.context import RequestContext
from imgbot.bot.handlers.command_menu import publish_admin_commands
from imgbot.bot.messages import PICTURE_LIMIT_MB
from imgbot.bot.requests import RequestService
from imgbot.bot.states import is_expired
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
    """Three examples with pictures, then what can be said."""
    await service.check_rate_limit(context)
    # Decoration: what cannot be shown now is left out, for the words must come.
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
            # Telegram no longer knows a handle: from the files, then.
            sent = await service.delivery.send_album(
                context.chat_target, _captioned(context, examples)
            )
    for key, picture in zip(keys, sent, strict=False):
        if picture is not None:
            await gallery.set_example(key, picture.file_id)


def _example_key(service: RequestService, path: Path) -> str:
    """Another bot, or another picture, is another handle."""
    return f"{service.delivery.bot_id}.{path.stem}.{path.stat().st_size}"


def _captioned(
    context: RequestContext, pictures: Sequence[str | Path]
) -> list[tuple[str | Path, str]]:
    # An album shows its caption only where one photo alone has one.
    caption = t(context.language, "examples")
    return [(picture, "" if index else caption) for index, picture in enumerate(pictures)]


async def handle_cancel(
    _: Message, state: FSMContext, context: RequestContext, service: RequestService
) -> None:
    """Leave the dialogue, or else call off the latest picture on its way."""
    is_asked = await state.get_state() is not None
    if is_asked and not await is_expired(state, context.sent_s):
        # Said before it is forgotten: should the saying fail, the same update comes again,
        # and must not find a job to cancel instead.
        await service.reply(context, "cancel_dialogue", buttons.menu(context.language))
        await state.clear()
        return
    jobs = await service.store.job_reads.jobs_shown_to(context.user_id)
    newest = next((job.id for job in reversed(jobs) if not job.is_cancelled), "")
    job_id = await service.store.job_reads.choose_once(f"cancel.{context.request}", newest)
    verdict = "gone"
    if job_id:
        verdict = await service.store.queue.cancel(job_id, context.user_id, service.now_ms())
    # A cancelled job says so itself, in its status message.
    if verdict != "ok":
        await service.reply(
            context, "cancel_too_late" if verdict == "too_late" else "cancel_nothing"
        )


async def handle_unknown_command(_: Message) -> None:
    raise UserError("unknown_command")


async def handle_unsupported(_: Message) -> None:
    """What is neither words nor a picture."""
    raise UserError("cannot_read_kind")


async def handle_edited(message: Message) -> None:
    """Words that were changed after they were sent: the first version is what was ordered."""
    if message.edit_date and message.edit_date - int(message.date.timestamp()) < _FRESH_S:
        raise UserError("edited_message")
