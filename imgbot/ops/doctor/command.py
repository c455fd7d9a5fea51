"""`imgbot doctor`: every part of an installation checked side by side, each with a deadline.

A check that fails to run is a finding itself, and stops nothing else. `--fix` does only what is
safe and a finding has named: it deletes a webhook (what waits there is kept) and closes secrets
to others; everything else, from a setting to the kernel, is left to the operator.
"""

import asyncio
import json
import logging
import os
import platform
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from imgbot.config.place import service_place
from imgbot.config.setting_types import ClusterUrl
from imgbot.config.settings import Settings, key_names_of, key_variables
from imgbot.config.sources import SettingsSource
from imgbot.domain.errors import ConfigError
from imgbot.domain.findings import Finding, Severity, ok, warning, wrong
from imgbot.ops import dns, state_directory
from imgbot.ops.doctor import bot_state, extras, guide, machine, telegram
from imgbot.ops.doctor.cluster import judge_cluster
from imgbot.ops.formatting import count, say, strip_control
from imgbot.ops.installation import STATE, Layout, credentials_of_service, environ_of_service
from imgbot.providers import factory
from imgbot.providers.protocol import ProviderConfig, Timeouts
from imgbot.storage.server.check import RedisReport, check_program, check_redis
from imgbot.storage.server.cluster import look
from imgbot.storage.server.process import url_of
from imgbot.telemetry.logs import Redactor
from imgbot.version import version

_MARKS = {Severity.OK: "ok     ", Severity.WARNING: "warning", Severity.WRONG: "WRONG  "}
_DEADLINE_S = 25.0
_ASK_S = 10.0


@dataclass(slots=True)
class Report:
    """Findings of all checks; `secrets` are redacted from the output."""

    findings: Sequence[Finding]
    repairs: list[str] = field(default_factory=list[str])
    secrets: tuple[str, ...] = ()

    @property
    def exit_status(self) -> int:
        return int(any(finding.level is Severity.WRONG for finding in self.findings))

    def text(self, columns: int = 0) -> str:
        """Return a line per finding, and below it what fixes it, whole, to be copied.

        In so many columns, a finding that is longer goes on below its beginning.
        """
        width = max((len(finding.check) for finding in self.findings), default=0)
        room = max(20, columns - width - 11) if columns else sys.maxsize
        wrapped = textwrap.TextWrapper(room, break_long_words=False, break_on_hyphens=False).wrap
        lines = [f"fixed    {line}" for line in self.repairs]
        for finding in self.findings:
            mark, text = _MARKS[finding.level], strip_control(finding.text)
            first, *others = wrapped(text) or [text]
            lines.append(f"{mark}  {finding.check:<{width}}  {first}")
            lines += [f"{'':<{width + 11}}{each}" for each in others]
            if finding.advice:
                lines.append(f"{'':<{width + 11}}→ {strip_control(finding.advice)}")
        counts = Counter(finding.level for finding in self.findings)
        fixable = sum(bool(finding.fix) for finding in self.findings)
        hint = f"; `imgbot doctor --fix` fixes {fixable}" if fixable else ""
        lines.append(
            f"{counts[Severity.WRONG]} wrong, {count(counts[Severity.WARNING], 'warning')}, "
            f"{counts[Severity.OK]} ok{hint}"
        )
        return Redactor(self.secrets)("\n".join(lines))

    def json(self) -> str:
        """Return version, findings as [{check, level, text, mend}], `mended`, counts by level."""
        counts = Counter(finding.level for finding in self.findings)
        findings = [
            {"check": each.check, "level": each.level, "text": each.text, "mend": each.advice}
            for each in self.findings
        ]
        content = {
            "version": version(),
            "python": platform.python_version(),
            "system": platform.platform(),
            "findings": findings,
            "mended": self.repairs,
            "wrong": counts[Severity.WRONG],
            "warning": counts[Severity.WARNING],
        }
        return Redactor(self.secrets)(json.dumps(content, ensure_ascii=False, indent=2))


async def run_doctor(*, provider: str | None, is_fixing: bool, is_json: bool) -> int:
    """Check the installation, or a provider's file alone; return the exit status."""
    if provider:
        say("\n".join(factory.dry_run_spec(provider)))
        return 0
    report = await run_checks(os.environ, is_fixing=is_fixing)
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    say(report.json() if is_json else report.text(columns))
    return report.exit_status


async def run_checks(environ: Mapping[str, str], *, is_fixing: bool) -> Report:
    """Check the installation that these variables describe; fix what is safe and check again."""
    # Their warnings are reported as findings.
    logging.disable(logging.CRITICAL)
    environ = environ_of_service(environ)
    settings, first = _settings(environ)
    report = Report(
        [*first, *await _check_all(environ, settings)], secrets=settings.secrets if settings else ()
    )
    if is_fixing and any(finding.fix for finding in report.findings):
        report.repairs = await _apply_fixes(report.findings, settings)
        report.findings = [*first, *await _check_all(environ, settings)]
    return report


def _settings(environ: Mapping[str, str]) -> tuple[Settings | None, list[Finding]]:
    file, folder = environ.get("IMGBOT_ENVIRONMENT_FILE", ""), credentials_of_service(environ)
    try:
        settings = SettingsSource(environ).read()
    except ConfigError as error:
        advice = f"sudoedit {file}" if file else f"set {error.setting}"
        if error.setting in {"IMGBOT_TOKEN", *key_variables()} and error.is_missing:
            if folder:
                advice = f"sudo imgbot install, which asks for it and puts it into {folder}"
            elif not file:
                advice += "; or set up the service, which asks for it: sudo imgbot install"
        elif isinstance(error.__context__, PermissionError):
            advice = "sudo imgbot doctor"
        return None, [wrong("settings", str(error), advice)]
    return settings, [ok("settings", f"valid{f', from {file}' if file else ''}")]


async def _apply_fixes(findings: Iterable[Finding], settings: Settings | None) -> list[str]:
    """Do what the findings allow; return, in sentences, what was done."""
    done: list[str] = []
    for finding in findings:
        match finding.fix:
            case ("delete_webhook",) if settings is not None:
                api, token = settings.telegram_api, settings.token.get_secret_value()
                # Updates that wait there are kept.
                with suppress(*telegram.NETWORK_ERRORS):
                    if (await telegram.call_once(api, token, "deleteWebhook"))[0] == 200:
                        done.append("webhook deleted")
            case ("chmod", mode, path):
                with suppress(OSError):
                    await asyncio.to_thread(Path(path).chmod, int(mode, 8))
                    done.append(f"{path} has mode {mode}")
            case _:
                continue
    return done


async def _check_all(environ: Mapping[str, str], settings: Settings | None) -> list[Finding]:
    folder = settings.state_dir if settings else Path(environ.get("STATE_DIRECTORY", STATE))
    needed = [each.extras for each in settings.of_features] if settings else []
    parts: dict[str, Awaitable[list[Finding]]] = {
        "machine": asyncio.to_thread(machine.check_machine, folder, settings),
        "files": asyncio.to_thread(machine.check_files, environ),
        "extras": asyncio.to_thread(extras.check_extras, needed),
    }
    if credentials_of_service(environ):
        parts["dns"] = asyncio.to_thread(lambda: list(dns.examine(Layout())))
    if settings is not None:
        parts |= _parts_of(settings, environ)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_within(name, part)) for name, part in parts.items()]
    return [_placed(finding, environ) for task in tasks for finding in task.result()]


def _parts_of(
    settings: Settings, environ: Mapping[str, str]
) -> dict[str, Awaitable[list[Finding]]]:
    """Return the checks that depend on the settings."""
    parts: dict[str, Awaitable[list[Finding]]] = {
        "state": asyncio.to_thread(lambda: [state_directory.examine(settings.state_dir)]),
        "bot": _check_bot(settings),
        **{
            f"provider {name} {url}".rstrip(): _check_provider(settings, name, url, environ)
            for name in settings.providers
            for url in settings.urls_of(name)
        },
    }
    if settings.is_clustered:
        parts["cluster"] = _check_cluster(settings.redis_address)
    return parts


async def _within(name: str, part: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(_DEADLINE_S):
            return await part
    except TimeoutError:
        return [warning(name, f"not checked: no result in {_DEADLINE_S:.0f} s")]
    except Exception as error:  # noqa: BLE001 -- any failure; the others are checked
        return [warning(name, f"could not be checked ({type(error).__name__})")]


def _placed(finding: Finding, environ: Mapping[str, str]) -> Finding:
    """Add to a setting that is advised in which file it belongs."""
    file = environ.get("IMGBOT_ENVIRONMENT_FILE", "")
    if not file or not finding.advice.startswith("IMGBOT_"):
        return finding
    where = f"sudoedit {file}; then: sudo systemctl restart {service_place(environ).unit}"
    return replace(finding, advice=f"{finding.advice}: {where}")


async def _check_bot(settings: Settings) -> list[Finding]:
    """Check the bot, Telegram, Redis and the guide's points: each depends on whether it runs."""
    seen = await asyncio.to_thread(bot_state.inspect, settings)
    is_running, token = seen.pid is not None, settings.token.get_secret_value()
    # Where a start would be refused, the state's own finding says what helps.
    is_startable = state_directory.examine(settings.state_dir).level is not Severity.WRONG
    start = f"sudo systemctl start {service_place().unit}" if is_startable else ""
    if is_running:
        found = bot_state.evaluate(seen)
    else:
        may_move = bool(settings.spare_http_ports)
        found = [
            warning("service", "imgbot is not running", start),
            bot_state.check_port(settings.http, may_move=may_move),
        ]
    found += await telegram.check_telegram(
        settings.telegram_api,
        token,
        # A bot that runs here polls: another getUpdates would interrupt it.
        may_poll=not is_running,
        polling_trouble=None if seen.status is None else seen.status["checks"].get("telegram"),
    )
    redis = await _check_redis(settings, token.partition(":")[0], is_running=is_running)
    return [
        *found,
        *redis.findings,
        *guide.evaluate(
            settings,
            redis.maxmemory_bytes,
            await asyncio.to_thread(guide.read_record, settings.state_dir),
            watched_at=None if seen.status is None else seen.address,
            start=start,
        ),
    ]


async def _check_redis(settings: Settings, bot_id: str, *, is_running: bool) -> RedisReport:
    """Check the Redis of the bot, or the program of the embedded one while it does not run."""
    if url := settings.redis_address:
        return await check_redis(url, bot_id, is_embedded=False)
    if not is_running:
        return check_program(settings.redis_memory_bytes)
    return await check_redis(url_of(settings.state_dir), bot_id, is_embedded=True)


async def _check_cluster(url: str) -> list[Finding]:
    return judge_cluster(await look(ClusterUrl.parse(url)))


async def _check_provider(
    settings: Settings, name: str, url: str, environ: Mapping[str, str]
) -> list[Finding]:
    key, variable = settings.key_of(name), key_names_of(name).key
    config = ProviderConfig(
        url=url,
        key=key.get_secret_value() if key else "",
        deadlines=Timeouts(ask_s=_ASK_S),
    )
    advice = f"set {variable} anew"
    if folder := credentials_of_service(environ):
        advice = (
            f"sudo install -m 0600 /dev/stdin {folder}/{variable} (type it, Enter, Ctrl-D), "
            f"then: sudo systemctl restart {service_place(environ).unit}"
        )
    found = await factory.check_provider(name, config, variable, advice)
    is_one_of_several = len(settings.urls_of(name)) > 1
    return [replace(found, check=f"{found.check} at {url}") if is_one_of_several else found]


def examine_provider(settings: Settings, name: str) -> Finding:
    """Check one provider without cost, for `imgbot install`."""
    url = settings.urls_of(name)[0]
    [found] = asyncio.run(_within(f"provider {name}", _check_provider(settings, name, url, {})))
    return found
