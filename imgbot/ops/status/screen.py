"""The status document as one screen of a terminal."""

import textwrap
from collections.abc import Callable, Iterator
from typing import Any

from imgbot.ops.formatting import count, duration, money, share, size
from imgbot.ops.status.document import Document
from imgbot.telemetry.thresholds import Level

Paint = Callable[[str, str], str]
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
_STATUSES = ("ok", "failed", "rejected", "cancelled")
_MOST_ROWS = 10
_LABEL = 12
"""Columns of the words that a line begins with."""


def plain(_style: str, text: str) -> str:
    return text


def coloured(style: str, text: str) -> str:
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m"


def screen_of(document: Document, paint: Paint = plain, width: int = 80) -> list[str]:
    """Lay the document out in lines. Raises KeyError or TypeError for one of another kind."""
    document = _clean(document)
    sections = (
        _health(document, paint, width),
        _problems(document, paint, width),
        _jobs(document, paint),
        _workers(document, paint),
        _outside(document, paint, width),
    )
    lines = [_head(document, paint, width)]
    for section in sections:
        found = list(section)
        lines += ["", *found] if found else []
    return lines


def _head(document: Document, paint: Paint, width: int) -> str:
    level = document["level"]
    up = duration(document["up_s"])
    left = f"imgbot {document['version']}  {document['provider']}  up {up}"
    right = f"● {level.upper()}"
    space = max(2, width - len(left) - len(right))
    return paint("bold", left) + " " * space + paint(level, right)


def _health(document: Document, paint: Paint, width: int) -> Iterator[str]:
    indicators, recent = document["vitals"], duration(document["recent_s"])
    texts = {
        "queue_jobs": ("Queue", _queue_text(document["queue"]), "{:.0f}"),
        "job_time_s": ("Job time", _time_text(document), "{:.0f} s"),
        "cpu_ratio": ("CPU", _cpu_text(document), "{:.0f} %"),
        "memory_ratio": ("Memory", _memory_text(document), "{:.0f} %"),
        "error_ratio": ("Errors", _error_text(document, recent), "{:.0f} %"),
        "update_age_s": ("Updates", _update_text(indicators["update_age_s"]["value"]), "{:.0f} s"),
    }
    for name, (label, text, form) in texts.items():
        indicator = indicators[name]
        level = indicator["level"]
        word = "" if level == Level.NORMAL else f" {level}"
        scale = 100 if name.endswith("_ratio") else 1
        bound = f"< {form.format(indicator['attention'] * scale)}"
        if indicator["critical"] is not None:
            bound += f", critical > {form.format(indicator['critical'] * scale)}"
        marked = f"{paint(level, '●')} {label:<{_LABEL - 1}} {text}"
        marked += paint(level, word) if word else ""
        space = width - (_LABEL + 2 + len(text) + len(word) + len(bound))
        # Where there is no room, the figure is worth more than what it is measured by.
        yield marked + (" " * space + paint("dim", bound) if space > 0 else "")


def _queue_text(queue: Document) -> str:
    oldest = queue["oldest_waiting_s"]
    waits = "" if oldest is None else f", oldest for {duration(oldest)}"
    return f"{count(queue['waiting'], 'waiting', 'waiting')}{waits}"


def _time_text(document: Document) -> str:
    seconds = document["vitals"]["job_time_s"]["value"]
    longest = document["queue"]["oldest_running_s"]
    runs = "" if longest is None else f", longest running for {duration(longest)}"
    return "no recent jobs" if seconds is None else f"95 % in {duration(seconds)}{runs}"


def _cpu_text(document: Document) -> str:
    cores = document["resources"]["cores"]
    return f"{share(document['vitals']['cpu_ratio']['value'])} of {count(cores, 'core')}"


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


def _error_text(document: Document, recent: str) -> str:
    ended = document["ended"].values()
    failed = sum(statuses.get("failed", 0) for statuses in ended)
    judged = failed + sum(statuses.get("ok", 0) for statuses in ended)
    if not judged:
        return "no recent jobs"
    indicator = document["vitals"]["error_ratio"]
    is_odd = indicator["level"] == Level.NORMAL and indicator["value"] >= indicator["attention"]
    few = ", too few to judge" if is_odd else ""
    return f"{share(indicator['value'])}, {failed} of {count(judged, 'job')} in {recent}{few}"


def _update_text(age_s: float | None) -> str:
    return f"oldest waiting for {duration(age_s)}" if age_s else "none waiting"


def _problems(document: Document, paint: Paint, width: int) -> Iterator[str]:
    for problem in document["problems"]:
        yield f"{paint(problem['level'], '▲')} {problem['what']}"
        advice = problem["advice"].replace("`", "")
        for i, line in enumerate(textwrap.wrap(advice, max(20, width - 4))):
            yield paint("dim", f"  {'→' if i == 0 else ' '} {line}")


def _jobs(document: Document, paint: Paint) -> Iterator[str]:
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
    for name in operations[:_MOST_ROWS]:
        was = _listed(ended.get(name, {}), _STATUSES)
        yield f"  {name:<{_LABEL}}{now[name]:<{wide}}  {was}"


def _listed(counts: Document, names: tuple[str, ...]) -> str:
    return ", ".join(f"{counts[name]} {name}" for name in names if counts.get(name)) or "-"


def _workers(document: Document, paint: Paint) -> Iterator[str]:
    workers = document["workers"]
    busy = [worker for worker in workers if worker["about"]]
    idle = [worker for worker in workers if not worker["about"] and worker["pid"]]
    parts = [f"{len(busy)} of {len(workers)} busy"]
    if idle:
        parts.append(f"{len(idle)} idle")
    if resting := len(workers) - len(busy) - len(idle):
        parts.append(f"{resting} not started yet")
    yield f"{paint('bold', 'Workers'.ljust(_LABEL))}  {', '.join(parts)}"
    for worker in busy[:_MOST_ROWS]:
        about = f"{worker['about']} for {duration(worker['for_s'])}"
        detail = f"{size(worker['memory_bytes'])}, pid {worker['pid']}"
        yield f"{worker['number']:>4}  {about:<32} {paint('dim', detail)}"
    if len(busy) > _MOST_ROWS:
        yield paint("dim", f"      and {len(busy) - _MOST_ROWS} more")


def _outside(document: Document, paint: Paint, width: int) -> Iterator[str]:
    rows = {
        "Provider": _provider(document),
        "Spend": _spend(document["providers"]),
        "Rate limit": _refusals(document),
        "Telegram": _telegram(document),
        "Unknown": _unknown(document),
        "Redis": document.get("redis") or "unknown",
    }
    for label, text in rows.items():
        first, *others = textwrap.wrap(text, max(20, width - _LABEL - 2))
        yield f"{paint('bold', label.ljust(_LABEL))}  {first}"
        yield from (" " * (_LABEL + 2) + other for other in others)


def _provider(document: Document) -> str:
    found = document["providers"]
    parts = []
    for name, is_up in found["up"].items():
        times = found["took_by"].get(name, {})
        took = f" ({_took(times)})" if times.get("count") else ""
        parts.append(f"{name} {'up' if is_up else 'DOWN'}{took}")
    if found["took"] and not any("(" in part for part in parts):
        parts.append(_took(found["took"]))
    wrong = ", ".join(f"{number} {kind}" for kind, number in found["recent_errors"].items())
    return f"{', '.join(parts)}; {'errors: ' + wrong if wrong else 'no errors'}"


def _took(times: Document) -> str:
    return f"{duration(times['mean_s'])} on average, 95 % in {duration(times['p95_s'])}"


def _spend(providers: Document) -> str:
    budget = providers["budget_usd"]
    of = "" if budget is None else f" of {money(budget)}"
    since = ", ".join(f"{name} {money(usd)}" for name, usd in providers["spend_usd"].items())
    return f"{money(providers['spend_today_usd'])} spent or reserved today{of}" + (
        f"; since the start: {since}" if since else ""
    )


def _refusals(document: Document) -> str:
    found = document["rate_limit"]
    text = f"{count(found['recent_refusals'], 'refusal')} in {duration(document['recent_s'])}"
    users = found["users"][:4]
    most = ", ".join(f"{user.get('user_id', '?')} ({user['refusals']})" for user in users)
    return f"{text}; most in 2 h: {most}" if most else text


def _telegram(document: Document) -> str:
    found = document["telegram"]
    waits = count(found["recent_flood_waits"], "flood wait")
    return (
        f"{waits} in {duration(document['recent_s'])}; "
        f"answered {duration(found['answered_s_ago'])} ago"
        if found["answered_s_ago"] is not None
        else f"{waits}; has not answered yet"
    )


def _unknown(document: Document) -> str:
    total = document["queue"]["unknown"]
    latest = document["unknown_jobs"][:1]
    if not latest:
        return count(total, "job")
    [job] = latest
    age = duration(max(0.0, document["at_s"] - job["at_s"]))
    name = f"{job['operation']} {job.get('id', '')}".strip()
    return f"{count(total, 'job')}; the latest: {name} ({job['reason']}) {age} ago"


def _clean(value: Any) -> Any:
    """Replace control characters: some of the texts come from outside."""
    match value:
        case dict():
            return {_clean(name): _clean(each) for name, each in value.items()}
        case list():
            return [_clean(each) for each in value]
        case str():
            return "".join(c if c.isprintable() else "?" for c in value[:300])
        case _:
            return value
