"""Methods that deliver updates: long poll and webhook."""

import re
from typing import Any, cast

from imgbot.sandbox.api_errors import WEBHOOK_ACTIVE, ApiError, bad_request
from imgbot.sandbox.arguments import Arguments
from imgbot.sandbox.methods import Methods, RawJson
from imgbot.sandbox.polling import MAX_TIMEOUT_S
from imgbot.sandbox.state import SandboxState
from imgbot.sandbox.webhook import WebhookTarget, checked_url

_MAX_UPDATES = 100
_SET_WEBHOOK = "Conflict: terminated by setWebhook request"


async def get_updates(world: SandboxState, arguments: Arguments) -> Any:
    if world.webhook.target:
        raise ApiError(409, WEBHOOK_ACTIVE)
    _allow(world, arguments)
    limit = arguments.integer("limit", _MAX_UPDATES)
    limit = limit if 1 <= limit <= _MAX_UPDATES else _MAX_UPDATES
    timeout_s = min(max(arguments.integer("timeout"), 0), MAX_TIMEOUT_S)
    found = await world.poller.poll(
        arguments.integer("offset"), limit, timeout_s, arguments.is_caller_gone
    )
    return RawJson(f"[{','.join(update.text for update in found)}]")


async def set_webhook(world: SandboxState, arguments: Arguments) -> Any:
    url = arguments.text("url")
    if not url:
        return await delete_webhook(world, arguments)
    secret = arguments.text("secret_token")
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
        raise bad_request("secret token contains unallowed characters")
    target = WebhookTarget(checked_url(url), secret, arguments.integer("max_connections", 40))
    _allow(world, arguments)
    if arguments.flag("drop_pending_updates"):
        world.updates.clear()
    world.poller.interrupt(_SET_WEBHOOK)
    world.webhook.aim(target)
    return True


async def delete_webhook(world: SandboxState, arguments: Arguments) -> Any:
    if arguments.flag("drop_pending_updates"):
        world.updates.clear()
    world.webhook.aim(None)
    return True


async def get_webhook_info(world: SandboxState, _arguments: Arguments) -> Any:
    return world.webhook.info()


def _allow(world: SandboxState, arguments: Arguments) -> None:
    """Set the kinds of updates; without a list the last one stays."""
    kinds = arguments.json("allowed_updates", "allowed updates")
    if isinstance(kinds, list):
        world.updates.allow(frozenset(str(kind) for kind in cast("list[Any]", kinds)))


METHODS: Methods = {
    "getUpdates": get_updates,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
}
