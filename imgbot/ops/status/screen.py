"""The status document as one screen of a terminal."""

import textwrap
import time
from collections.abc import Callable, Iterator
from typing import Any

from imgbot.ops.formatting import count, duration, money, share, size, strip_control
from imgbot.ops.status import STATUSES, Document

_Paint = Callable[[str, str], str]
"""(style, text) → the text in that style: a level, `dim` or `bold`."""

_CODES = {
    "normal": "32",
    "attention": "33",
    "critical": "1;31",
    "unknown": "2",
    "dim": "2",
    "bold": "1",
}
_STATES = ("queued", "submitting", "painting", "polling", "rendering", "delivering")
_LABEL = 12
"""Columns of the words that a line begins with."""


def screen_of(document: Document, width: int = 80, *, is_coloured: bool = False) -> list[str]:
    """Lay the document out in lines. Raises KeyError or TypeError for one of another kind."""

    def paint(style: str, text: str) -> str:
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if is_coloured else text

    document = _clean(document)
    level, up = document["level"], duration(document["up_s"])
    left = f"imgbot {document['version']}  {document['provider']}  up {up}"
    is_idle = document["is_standby"] and level == "normal"
    right = f"● {'STANDING BY' if is_idle else level.upper()}"
    space = " " * max(2, width - len(left) - len(right))
    lines = [paint("bold", left) + space + paint(level, right)]
    for section in (
        _indicators(document, paint, width),
        _problems(document, paint, width),
        _jobs(document, paint),
        _workers(document, paint),
        _outside(document, paint, width),
    ):
        found = list(section)
        lines += ["", *found] if found else []
    return lines


def _indicators(document: Document, paint: _Paint, width: int) -> Iterator[str]:
    vitals, queue = document["vitals"], document["queue"]
    value = {name: found["value"] for name, found in vitals.items()}
    cores, age_s = count(document["resources"]["cores"], "core"), value["update_age_s"]
    waiting = count(queue["waiting"], "waiting", "waiting")
    job_time = f"95 % in {duration(value['job_time_s'])}"
    texts = {
        "queue_jobs": ("Queue", waiting + _since(", oldest for", queue["oldest_waiting_s"])),
        "job_time_s": (
            "Job time",
            "no recent jobs"
            if value["job_time_s"] is None
            else job_time + _since(", longest running for", queue["oldest_running_s"]),
        ),
        "cpu_ratio": ("CPU", f"{share(value['cpu_ratio'])} of {cores}"),
        "memory_ratio": ("Memory", _memory_text(document)),
        "error_ratio": ("Errors", _error_text(document)),
        "update_age_s": ("Updates", _since("oldest waiting for", age_s or None) or "none waiting"),
    }
    for name, (label, text) in texts.items():
        level, bound = vitals[name]["level"], _bound_text(name, vitals[name])
        # The text itself says that a figure is unknown.
        word = "" if level in {"normal", "unknown"} else f" {level}"
        space = width - (_LABEL + 2 + len(text) + len(word) + len(bound))
        marked = f"{paint(level, '●')} {label:<{_LABEL - 1}} {text}{paint(level, word)}"
        # Where there is no room, the figure is worth more than what it is measured by.
        yield marked + (" " * space + paint("dim", bound) if space > 0 else "")


def _since(words: str, seconds: float | None) -> str:
    return "" if seconds is None else f"{words} {duration(seconds)}"


def _bound_text(name: str, found: Document) -> str:
    scale, unit = (
        (100, " %") if name.endswith("_ratio") else (1, " s" if name.endswith("_s") else "")
    )
    attention, critical = found["attention"], found["critical"]
    more = "" if critical is None else f", critical > {critical * scale:.0f}{unit}"
    return f"< {attention * scale:.0f}{unit}{more}"


def _memory_text(document: Document) -> str:
    found = document["resources"]
    if found["memory_bytes"] is None:
        return "unknown"
    of = "the limit" if found["has_limit"] else "the machine"
    ratio = share(document["vitals"]["memory_ratio"]["value"])
    of_redis = found["parts_bytes"].get("redis", found["redis_bytes"])
    redis = "" if of_redis is None else f"; Redis {size(of_redis)}"
    limit = size(found["memory_limit_bytes"])
    return f"{size(found['memory_bytes'])}, {ratio} of {of} ({limit}){redis}"


def _error_text(document: Document) -> str:
    ended = document["ended"].values()
    failed = sum(statuses.get("failed", 0) for statuses in ended)
    judged = failed + sum(statuses.get("ok", 0) for statuses in ended)
    if not judged:
        return "no recent jobs"
    found = document["vitals"]["error_ratio"]
    is_odd = found["level"] == "normal" and found["value"] >= found["attention"]
    few = ", too few to judge" if is_odd else ""
    of = f"{failed} of {count(judged, 'job')} in {duration(document['recent_s'])}"
    return f"{share(found['value'])}, {of}{few}"


def _problems(document: Document, paint: _Paint, width: int) -> Iterator[str]:
    for problem in document["problems"]:
        parts = ((problem["level"], "▲ ", problem["what"]), ("dim", "  → ", problem["advice"]))
        for style, mark, text in parts:
            lines = textwrap.wrap(
                text.replace("`", ""),
                max(20, width),
                initial_indent=mark,
                subsequent_indent=" " * len(mark),
            )
            yield from (paint(style, line) for line in lines)


def _jobs(document: Document, paint: _Paint) -> Iterator[str]:
    alive, ended = document["jobs"], document["ended"]
    title = paint("bold", "Jobs".ljust(_LABEL))
    if alive is None:
        yield f"{title}  unknown: Redis does not answer"
        return
    operations = [*alive, *(name for name in ended if name not in alive)]
    if not operations:
        yield f"{title}  {paint('dim', 'none running, none recent')}"
        return
    now = {name: _listed(alive.get(name, {}), _STATES) for name in operations}
    wide = max(len(text) for text in (*now.values(), "now"))
    heads = f"{'now':<{wide}}  ended in {duration(document['recent_s'])}"
    yield f"{title}  {paint('dim', heads)}"
    for name in operations:
        was = _listed(ended.get(name, {}), STATUSES)
        yield f"  {name:<{_LABEL}}{now[name]:<{wide}}  {was}"


def _listed(counts: Document, names: tuple[str, ...]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in names if counts.get(name)) or "-"


def _workers(document: Document, paint: _Paint) -> Iterator[str]:
    workers = document["workers"]
    busy = sum(bool(worker["about"]) for worker in workers)
    idle = sum(bool(worker["pid"] and not worker["about"]) for worker in workers)
    resting = len(workers) - busy - idle
    parts = [f"{busy} of {len(workers)} busy"]
    parts += [f"{idle} idle"] if idle else []
    parts += [f"{resting} not started yet"] if resting else []
    yield f"{paint('bold', 'Workers'.ljust(_LABEL))}  {', '.join(parts)}"


def _outside(document: Document, paint: _Paint, width: int) -> Iterator[str]:
    recent, limit = duration(document["recent_s"]), document["rate_limit"]
    telegram = document["telegram"]
    refusals = f"{count(limit['recent_refusals'], 'refusal')} in {recent}"
    users = limit["users"][:4]
    if most := ", ".join(f"{user.get('user') or '?'}: {user['refusals']}" for user in users):
        refusals += f"; most in 2 h: {most}"
    waits, age_s = count(telegram["recent_flood_waits"], "flood wait"), telegram["answered_s_ago"]
    answered = f" in {recent}; answered {duration(age_s)} ago"
    unasked = "; asked by the leader" if document["is_standby"] else "; has not answered yet"
    rows = {
        "Provider": _provider(document["providers"]),
        "Spend": _spend(document["providers"]),
        "Rate limit": refusals,
        "Telegram": waits + (unasked if age_s is None else answered),
        "Unknown": _unknown(document),
        "Redis": document.get("redis") or "where: sudo imgbot status",
        **({"Cluster": _cluster(document)} if document["cluster"] else {}),
    }
    for label, text in rows.items():
        first, *others = textwrap.wrap(text, max(20, width - _LABEL - 2))
        yield f"{paint('bold', label.ljust(_LABEL))}  {first}"
        yield from (" " * (_LABEL + 2) + other for other in others)


def _cluster(document: Document) -> str:
    found, number = document["cluster"], len(document["cluster"]["in_sync"])
    since, takeover = found["lead"]["since_s"], found["lead"]["takeover_s"]
    lead = f"{found['lead']['host']} leads" if found["lead"]["host"] else "NOBODY LEADS"
    lead += f" for {duration(document['at_s'] - since)}" if since else ""
    lead += f" (took over in {duration(takeover)})" if takeover else ""
    servers = ", ".join(filter(None, found["in_sync"])) or count(number, "server")
    behind = f"lag {size(found['lag_bytes'])}, {duration(found['lag_s'])}"
    parts = (
        found["state"],
        lead,
        f"{servers} in the record" if number else "NO RECORD",
        behind if found["has_replica"] else "REPLICA AWAY",
        "" if found["has_quorum"] else "NO QUORUM",
    )
    return "; ".join(filter(None, parts))


def _provider(found: Document) -> str:
    parts = [_provider_state(name, found) for name in found["up"]]
    if found["took"] and not any(times["count"] for times in found["took_by"].values()):
        parts.append(_took(found["took"]))
    wrong = ", ".join(f"{number} {kind}" for kind, number in found["recent_errors"].items())
    errors = f"errors: {wrong}" if wrong else "no errors"
    return f"{', '.join(parts) or 'not asked yet'}; {errors}"


def _provider_state(name: str, found: Document) -> str:
    times, limit = found["took_by"].get(name, {}), found["held_back"].get(name)
    took = f" ({_took(times)})" if times.get("count") else ""
    held = f", held back by the provider: {limit}" if limit else ""
    return f"{name} {'up' if found['up'][name] else 'DOWN'}{took}{held}"


def _took(times: Document) -> str:
    return f"{duration(times['mean_s'])} on average, 95 % in {duration(times['p95_s'])}"


def _spend(found: Document) -> str:
    budget = found["budget_usd"]
    of = "" if budget is None else f" of {money(budget)}"
    since = ", ".join(f"{name} {money(usd)}" for name, usd in found["spend_usd"].items())
    today = f"{money(found['spend_today_usd'])} spent or reserved today{of}"
    return f"{today}; since the start: {since}" if since else today


def _unknown(document: Document) -> str:
    total = count(document["queue"]["unknown"], "job")
    if not document["unknown_jobs"]:
        return total
    job = document["unknown_jobs"][0]
    age = duration(max(0.0, document["at_s"] - job["at_s"]))
    name = f"{job['operation']} {job.get('id', '')}".strip()
    return f"{total}; the latest: {name} ({job['reason']}) {age} ago"


def jobs_of(document: Document) -> list[str]:
    """Return a line for each of the jobs that ended last: time, end, operation, user, words."""
    jobs = _clean(document["ended_jobs"])
    if not jobs:
        return ["no job has ended yet"]
    return [_ended_line(job) for job in jobs]


def _ended_line(job: Document) -> str:
    at = time.strftime("%H:%M", time.localtime(job["at_s"]))
    about = " · ".join(filter(None, (job["user"], job["words"], job["reason"])))
    return f"{at}  {job['status']:<9} {job['operation']:<9} {duration(job['took_s']):>7}  {about}"


def _clean(value: Any) -> Any:
    """Make text safe for a terminal: some of it comes from outside."""
    match value:
        case dict():
            return {_clean(name): _clean(each) for name, each in value.items()}
        case list():
            return [_clean(each) for each in value]
        case str():
            return strip_control(value[:2000])
        case _:
            return value
