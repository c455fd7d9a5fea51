"""Refunds of users' payments: /refund."""

from datetime import UTC, datetime

from aiogram.types import CallbackQuery, Message

from imgbot.bot.dialogue import Dialogue
from imgbot.bot.handlers.admin.access import label_of, target_of
from imgbot.domain.errors import UserError
from imgbot.domain.texts import buttons
from imgbot.domain.texts.buttons import Keyboard

_SHOWN = 10


async def handle_refund(message: Message, dialogue: Dialogue) -> None:
    """/refund id or @name, or as a reply: their latest payments, each with a button."""
    user_id, _ = await target_of(message, dialogue.app)
    if user_id is None:
        raise UserError("refund_usage")
    await dialogue.reply_text(*await _payments(user_id, dialogue))


async def _payments(user_id: int, dialogue: Dialogue) -> tuple[str, Keyboard]:
    app = dialogue.app
    account = await app.star_ledger.account(user_id)
    refused = await app.star_ledger.refunds_refused(app.now_ms())
    label = await label_of(user_id, app)
    facts = {"user": label, "balance": account.balance, "spent": account.spent}
    lines, rest = [dialogue.t("refund_title", **facts)], list[tuple[int, str]]()
    for number, payment in enumerate(account.payments[:_SHOWN], 1):
        day = datetime.fromtimestamp(payment.at_ms / 1000, UTC).date().isoformat()
        key = f"refund_line_{payment.end or 'back'}" if payment.is_back else "refund_line"
        if (user_id, payment.charge_id) in refused:
            key = "refund_line_refused"
        told = {"number": number, "day": day, "price": payment.price}
        lines.append(dialogue.t(key, credit=payment.credit, **told))
        rest += [] if payment.is_back else [(number, payment.key)]
    return "\n".join(lines), buttons.refunds(user_id, rest)


async def on_refund_callback(_: CallbackQuery, argument: str, dialogue: Dialogue) -> str:
    step, user, key = [*argument.split("."), "", ""][:3]
    if not user.isdecimal():
        return "unknown_button"
    app, user_id = dialogue.app, int(user)
    account = await app.star_ledger.account(user_id)
    payment = next((each for each in account.payments if each.key == key), None)
    if payment is not None and step == "ask":
        left, label = account.balance - payment.credit, await label_of(user_id, app)
        rows = buttons.refund(dialogue.language, user_id, key)
        await dialogue.update_panel(
            dialogue.t("refund_ask", user=label, price=payment.price, left=left), rows
        )
        return ""
    if payment is not None and step == "yes":
        await app.star_ledger.take_back(user_id, payment.charge_id, app.now_ms())
        app.refund_due.set()
    await dialogue.update_panel(*await _payments(user_id, dialogue))
    is_monthly = payment is not None and payment.is_monthly
    return f"refund_made{'_month' * is_monthly}" if step == "yes" else ""
