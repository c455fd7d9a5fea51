"""Bot API methods that the bot calls, each with its parameters; every other one is unknown."""
# ruff: noqa: D101 -- a method and its class have the same name

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, Json as JsonText

import imgbot.sandbox.queries  # noqa: F401 -- it has methods, too
from imgbot.sandbox.api_errors import ApiError, bad_request
from imgbot.sandbox.bot_objects import BotCommand, BotCommandScope, InvoiceOffer
from imgbot.sandbox.calls import QUERY_TOO_OLD, Call, Method, RawJson
from imgbot.sandbox.messages import Send
from imgbot.sandbox.updates import MAX_TIMEOUT_S

_WEBHOOK_ACTIVE = (
    "Conflict: can't use getUpdates method while webhook is active;"
    " use deleteWebhook to delete the webhook first"
)
_MAX_UPDATES = 100
_DOWNLOAD_BYTES = 20 << 20
Language = Annotated[str, Field(pattern=r"^([a-z]{2})?$")]


# Updates


class GetUpdates(Method):
    offset: int = 0
    limit: int = _MAX_UPDATES
    timeout: int = 0
    allowed_updates: JsonText[list[str]] | None = None

    async def act(self, call: Call) -> Any:
        if call.state.webhook_url:
            raise ApiError(409, _WEBHOOK_ACTIVE)
        if self.allowed_updates is not None:
            call.state.updates.allow(frozenset(self.allowed_updates))
        limit = self.limit if 1 <= self.limit <= _MAX_UPDATES else _MAX_UPDATES
        timeout_s = min(max(self.timeout, 0), MAX_TIMEOUT_S)
        found = await call.state.updates.poll(self.offset, limit, timeout_s, call.is_caller_gone)
        return RawJson(f"[{','.join(update.text for update in found)}]")


class SetWebhook(Method):
    """Nothing is sent to the address: only its conflict with getUpdates is simulated."""

    url: str = ""

    async def act(self, call: Call) -> Any:
        call.state.webhook_url = self.url
        if self.url:
            call.state.updates.interrupt("Conflict: terminated by setWebhook request")
        return True


class DeleteWebhook(Method):
    drop_pending_updates: bool = False

    async def act(self, call: Call) -> Any:
        if self.drop_pending_updates:
            call.state.updates.clear()
        call.state.webhook_url = ""
        return True


class GetWebhookInfo(Method):
    async def act(self, call: Call) -> Any:
        count = call.state.updates.count()
        url = call.state.webhook_url
        return {"url": url, "has_custom_certificate": False, "pending_update_count": count}


# Payments in Telegram Stars


class SendInvoice(Send, InvoiceOffer):
    async def act(self, call: Call) -> Any:
        if self.subscription_period or self.reply_markup.inline_keyboard:
            raise bad_request("a subscription, or another keyboard, needs createInvoiceLink")
        invoice = self.invoice()
        pay = {"text": f"Pay ⭐️{invoice.amount}", "pay": True}
        keyboard = {"reply_markup": {"inline_keyboard": [[pay]]}}
        sent = self.post(call, invoice.message_part() | keyboard)
        call.state.stars.messages[self.chat(call).id, sent["message_id"]] = invoice
        return sent


class CreateInvoiceLink(Method, InvoiceOffer):
    async def act(self, call: Call) -> Any:
        return call.state.stars.link(self.invoice())


class AnswerPreCheckoutQuery(Method):
    pre_checkout_query_id: str
    ok: bool
    error_message: str = ""

    async def act(self, call: Call) -> Any:
        checkout = call.state.stars.checkouts.get(self.pre_checkout_query_id)
        if checkout is None or checkout.done():
            raise bad_request(QUERY_TOO_OLD)
        if not (self.ok or self.error_message):
            raise bad_request("error message must be non-empty")
        checkout.set_result("" if self.ok else self.error_message)
        return True


class RefundStarPayment(Method):
    user_id: int
    telegram_payment_charge_id: str

    async def act(self, call: Call) -> Any:
        state, charge_id = call.state, self.telegram_payment_charge_id
        part = state.stars.refund(self.user_id, charge_id, int(state.now()))
        chat = state.chat(self.user_id)
        post = state.add_post(chat, state.bot, {"refunded_payment": part})
        state.updates.add("message", post.message)
        return True


class EditUserStarSubscription(Method):
    user_id: int
    telegram_payment_charge_id: str
    is_canceled: bool

    async def act(self, call: Call) -> Any:
        state, charge_id = call.state, self.telegram_payment_charge_id
        edit, at_s = state.stars.edit_subscription, int(state.now())
        edit(self.user_id, charge_id, at_s, is_cancelled=self.is_canceled)
        return True


class GetStarTransactions(Method):
    offset: Annotated[int, Field(ge=0)] = 0
    limit: Annotated[int, Field(ge=1, le=100)] = 100

    async def act(self, call: Call) -> Any:
        found = call.state.stars.transactions[self.offset : self.offset + self.limit]
        return {"transactions": found}


# The bot itself


class GetMe(Method):
    async def act(self, call: Call) -> Any:
        return call.state.bot | {
            "can_join_groups": True,
            "can_read_all_group_messages": False,
            "supports_inline_queries": True,
            "supports_guest_queries": True,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }


class GetFile(Method):
    file_id: str

    async def act(self, call: Call) -> Any:
        file = call.state.files.find(self.file_id)
        if file is None:
            raise bad_request("invalid file_id")
        if file.size_bytes > _DOWNLOAD_BYTES:
            raise bad_request("file is too big")
        return file.handles() | {"file_path": file.file_path}


class GetMyCommands(Method):
    scope: JsonText[BotCommandScope] = BotCommandScope()
    language_code: Language = ""

    @property
    def place(self) -> tuple[str, int, str]:
        return self.scope.type, self.scope.chat_id, self.language_code

    async def act(self, call: Call) -> Any:
        return call.state.commands.get(self.place, [])


class SetMyCommands(GetMyCommands):
    commands: Annotated[JsonText[list[BotCommand]], Field(max_length=100)]

    async def act(self, call: Call) -> Any:
        call.state.commands[self.place] = [command.given() for command in self.commands]
        call.state.events.publish("commands", commands=call.state.private_commands())
        return True


class SetMyDescription(Method):
    """Checked; nobody reads it here."""

    description: Annotated[str, Field(max_length=512)] = ""
    language_code: Language = ""

    async def act(self, call: Call) -> Any:  # noqa: ARG002
        return True


class SetMyShortDescription(SetMyDescription):
    short_description: Annotated[str, Field(max_length=120)] = ""

    act = SetMyDescription.act


METHODS: Mapping[str, type[Method]] = Method.by_name
