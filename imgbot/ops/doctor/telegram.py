"""Telegram as the bot meets it: reachable, the token, a webhook, a second poller, the clock."""

import asyncio
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from imgbot.domain.findings import Finding, ok, warning, wrong

_CALL_TIMEOUT_S = 10.0
_PROBE_S = 5
"""Seconds to wait for another poller, which comes back a second or two after an interruption."""

_OFF_S = 30.0
_FAR_OFF_S = 300.0
NETWORK_ERRORS = (aiohttp.ClientError, TimeoutError, OSError)


async def check_telegram(
    api: str, token: str, *, may_poll: bool, polling_trouble: str | None
) -> list[Finding]:
    """Ask who the bot is; getUpdates only if `may_poll`: it briefly interrupts another poller.

    Nothing is confirmed by it, so no message is lost. `polling_trouble` is the running bot's
    polling error, None without one; an empty one says that it polls undisturbed. No finding shows
    an address with the token in it.
    """
    async with aiohttp.ClientSession(f"{api}/bot{token}/") as session:
        try:
            status, body, skew_s = await _call(session, "getMe")
        except NETWORK_ERRORS as error:
            advice = f"curl -sS -o /dev/null -w '%{{http_code}}\\n' {api}"
            return [wrong("telegram", f"{api} does not answer ({type(error).__name__})", advice)]
        found = [ok("telegram", f"{api} answers"), clock(skew_s)]
        if status != 200:
            return [*found, refused(status)]
        me = _result(body)
        found += [ok("token", f"valid: @{str(me.get('username', '?'))[:64]}"), groups(me)]
        try:
            _, body, _ = await _call(session, "getWebhookInfo")
            if _result(body).get("url"):
                text = "a webhook is set: it receives the updates, so the bot cannot poll for them"
                fix = ("delete_webhook",)
                return [*found, wrong("webhook", text, "sudo imgbot doctor --fix", fix)]
            found.append(ok("webhook", "none is set: the bot polls for updates"))
            if may_poll:
                status, _, _ = await _call(session, "getUpdates", timeout=_PROBE_S, limit=1)
                polling_trouble = "409" if status == 409 else ""
        except NETWORK_ERRORS as error:
            polling_trouble = f"no answer from Telegram ({type(error).__name__})"
        return [*found, second_poller(polling_trouble)]


async def call_once(api: str, token: str, method: str) -> tuple[int, Mapping[str, Any]]:
    """Return the status and the result of a method. Raises NETWORK_ERRORS."""
    async with aiohttp.ClientSession(f"{api}/bot{token}/") as session:
        status, body, _ = await _call(session, method)
        return status, _result(body)


async def _call(
    session: aiohttp.ClientSession, method: str, **values: int
) -> tuple[int, Any, float | None]:
    """Return the status, the body, and by how much this machine's clock is ahead of Telegram's."""
    began_s = time.time()
    async with (
        asyncio.timeout(_CALL_TIMEOUT_S + values.get("timeout", 0)),
        session.post(method, json=values, allow_redirects=False) as answer,
    ):
        try:
            skew_s = (began_s + time.time()) / 2 - parsedate_to_datetime(
                answer.headers.get("Date", "")
            ).timestamp()
        except ValueError:
            skew_s = None
        try:
            body = await answer.json(content_type=None)
        except ValueError:
            body = None
        return answer.status, body, skew_s


def _result(body: Any) -> Mapping[str, Any]:
    result = body.get("result") if isinstance(body, dict) else None
    return result if isinstance(result, dict) else {}


def refused(status: int) -> Finding:
    if status in {401, 404}:
        renew = "ask @BotFather for the right one; then: sudo imgbot install --token-file -"
        return wrong("token", "unknown to Telegram, or revoked", renew)
    return warning("token", f"Telegram answers getMe with HTTP {status}", "imgbot doctor")


def groups(me: Mapping[str, Any]) -> Finding:
    if not me.get("can_join_groups", True):
        return ok("groups", "the bot cannot be added to groups", "@BotFather: /setjoingroups")
    if me.get("can_read_all_group_messages"):
        return ok(
            "groups",
            "privacy mode is off: the bot sees all messages, mentions too, in groups that added "
            "it since",
        )
    return ok(
        "groups",
        "privacy mode is on: in groups the bot sees commands and replies to its messages only, "
        "so users must begin with a command such as /create; mentions do not reach it",
        "for mentions: @BotFather, /setprivacy, the bot, Disable; then restart imgbot, remove the "
        "bot from each group and add it again",
    )


def second_poller(trouble: str | None) -> Finding:
    if trouble is None:
        return warning("second poller", "unknown: the running bot does not answer")
    if "409" in trouble:
        text = "another program polls with this token and takes its updates (409)"
        return wrong("second poller", text, "stop the other one, or ask @BotFather for /revoke")
    if trouble:
        return warning("second poller", f"unknown: {trouble}")
    return ok("second poller", "nobody else polls with this token")


def clock(skew_s: float | None) -> Finding:
    advice = "sudo timedatectl set-ntp true"
    if skew_s is None:
        return warning("clock", "Telegram sent no time to compare with", advice)
    if abs(skew_s) < _OFF_S:
        return ok("clock", "agrees with Telegram's")
    text = f"{abs(skew_s):.0f} s {'ahead of' if skew_s > 0 else 'behind'} Telegram's"
    return (wrong if abs(skew_s) >= _FAR_OFF_S else warning)("clock", text, advice)
