"""Telegram as the bot meets it: reachable, the token, a webhook, a second poller, the clock."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp

from imgbot.domain.findings import Finding, ok, warning, wrong

_CALL_TIMEOUT_S = 10.0
PROBE_S = 5
"""So long another poller is waited for: it comes back a second or two after it was interrupted."""

_OFF_S = 30.0
_FAR_OFF_S = 300.0
_SET_CLOCK = "sudo timedatectl set-ntp true"
_RENEW = "ask @BotFather for the right one; then: sudo imgbot install --token-file -"

_HEAR_MENTIONS = (
    "for mentions: @BotFather, /setprivacy, the bot, Disable; then restart imgbot, remove the bot "
    "from each group and add it again"
)


@dataclass(frozen=True, slots=True)
class TelegramReport:
    """Telegram's answers; None for what was not asked or not answered."""

    api: str
    silence: str = ""
    """Why there was no answer, in a word; never an address, which contains the token."""
    refusal: int = 0
    me: Mapping[str, Any] | None = None
    webhook: Mapping[str, Any] | None = None
    conflict: str | None = None
    """Error of getUpdates; empty when no other process polls."""
    skew_s: float | None = None
    """By how much this machine's clock is ahead of Telegram's."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: Mapping[str, Any]
    skew_s: float | None


async def ask(api: str, token: str, *, may_poll: bool) -> TelegramReport:
    """Ask who the bot is; getUpdates only if `may_poll`: it briefly interrupts another poller.

    Nothing is confirmed by it, so no message is lost. Never raises for what the network does.
    """
    said = TelegramReport(api)
    try:
        async with aiohttp.ClientSession(f"{api}/bot{token}/") as session:
            answer = await _call(session, "getMe")
            said = replace(said, skew_s=answer.skew_s)
            if answer.status != 200:
                return replace(said, refusal=answer.status)
            said = replace(said, me=_result(answer))
            said = replace(said, webhook=_result(await _call(session, "getWebhookInfo")))
            if may_poll and not (said.webhook or {}).get("url"):
                probe = await _call(session, "getUpdates", timeout=PROBE_S, limit=1)
                is_refused = probe.status == 409
                conflict = str(probe.body.get("description", "409"))[:200] if is_refused else ""
                said = replace(said, conflict=conflict)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return replace(said, silence=type(error).__name__)
    return said


async def delete_webhook(api: str, token: str) -> bool:
    """Delete the webhook; updates that wait there are kept."""
    try:
        async with aiohttp.ClientSession(f"{api}/bot{token}/") as session:
            return (await _call(session, "deleteWebhook")).status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


async def _call(session: aiohttp.ClientSession, method: str, **values: int) -> _Answer:
    began_s = time.time()
    async with (
        asyncio.timeout(_CALL_TIMEOUT_S + values.get("timeout", 0)),
        session.post(method, json=values, allow_redirects=False) as answer,
    ):
        skew_s = _skew_s(answer.headers.get("Date", ""), (began_s + time.time()) / 2)
        try:
            body = await answer.json(content_type=None)
        except ValueError:
            body = None
        is_slow = "timeout" in values
        return _Answer(
            answer.status, body if isinstance(body, dict) else {}, None if is_slow else skew_s
        )


def _result(answer: _Answer) -> Mapping[str, Any]:
    result = answer.body.get("result")
    return result if isinstance(result, dict) else {}


def _skew_s(date: str, now_s: float) -> float | None:
    try:
        return now_s - parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


def evaluate(said: TelegramReport, polling_trouble: str | None) -> list[Finding]:
    """Evaluate the answers; `polling_trouble` is the running bot's polling error, None without one.

    An empty one says that it polls undisturbed.
    """
    if said.silence and said.me is None:
        mend = f"curl -sS -o /dev/null -w '%{{http_code}}\\n' {said.api}"
        return [wrong("telegram", f"{said.api} does not answer ({said.silence})", mend)]
    found = [ok("telegram", f"{said.api} answers"), *_clock(said.skew_s)]
    if said.me is None:
        return [*found, _refused(said.refusal)]
    name = str(said.me.get("username", "?"))[:64]
    found += [ok("token", f"valid: @{name}"), *_groups(said.me)]
    found += _webhook(said.webhook)
    if not (said.webhook or {}).get("url"):
        found += _pollers(said.conflict, polling_trouble)
    return found


def _refused(status: int) -> Finding:
    if status in {401, 404}:
        return wrong("token", "unknown to Telegram, or revoked", _RENEW)
    return warning("token", f"Telegram answers getMe with HTTP {status}", "imgbot doctor")


def _groups(me: Mapping[str, Any]) -> list[Finding]:
    if not me.get("can_join_groups", True):
        return [ok("groups", "the bot cannot be added to groups", "@BotFather: /setjoingroups")]
    if me.get("can_read_all_group_messages"):
        text = (
            "privacy mode is off: the bot sees all messages, mentions too, in groups that added "
            "it since"
        )
        return [ok("groups", text)]
    text = (
        "privacy mode is on: in groups the bot sees commands and replies to its messages only, "
        "so users must begin with a command such as /create; mentions do not reach it"
    )
    return [ok("groups", text, _HEAR_MENTIONS)]


def _webhook(info: Mapping[str, Any] | None) -> list[Finding]:
    if info is None:
        return []
    if not info.get("url"):
        return [ok("webhook", "none is set: the bot polls for updates")]
    text = "a webhook is set: it receives the updates, so the bot cannot poll for them"
    return [wrong("webhook", text, "sudo imgbot doctor --fix", ("delete_webhook",))]


def _pollers(conflict: str | None, polling_trouble: str | None) -> list[Finding]:
    if conflict or (polling_trouble and "409" in polling_trouble):
        text = "another program polls with this token and takes its updates (409)"
        return [wrong("second poller", text, "stop the other one, or ask @BotFather for /revoke")]
    if polling_trouble:
        return [warning("second poller", f"unknown: this bot reports {polling_trouble}")]
    if conflict is None and polling_trouble is None:
        return [warning("second poller", "unknown: the running bot does not answer")]
    return [ok("second poller", "nobody else polls with this token")]


def _clock(skew_s: float | None) -> list[Finding]:
    if skew_s is None:
        return [warning("clock", "Telegram sent no time to compare with", _SET_CLOCK)]
    if abs(skew_s) < _OFF_S:
        return [ok("clock", "agrees with Telegram's")]
    side = "ahead of" if skew_s > 0 else "behind"
    text = f"{abs(skew_s):.0f} s {side} Telegram's"
    far = abs(skew_s) >= _FAR_OFF_S
    return [wrong("clock", text, _SET_CLOCK) if far else warning("clock", text, _SET_CLOCK)]
