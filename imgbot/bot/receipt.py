"""Receipt of a result: what was ordered, what made it, how long that took, and its price. Pure."""

from imgbot.domain.operations import Operation
from imgbot.domain.texts import in_time, t
from imgbot.storage.results import Result

_BUILTIN = "builtin"


def receipt_of(result: Result, language: str, price: str) -> str:
    """Return the receipt."""
    words = result.words or t(language, f"title_{result.operation}")
    lines = [t(language, "receipt_prompt", words=words)]
    if result.sent:
        lines.append(t(language, "receipt_sent", words=result.sent))
    if result.negative:
        lines.append(t(language, "receipt_negative", things=result.negative))
    if result.ignored:
        lines.append(t(language, "receipt_ignored", flags=result.ignored))
    if result.undrawn:
        is_created = result.operation is Operation.CREATE
        key = "caption_undrawn" if is_created else "caption_unknown"
        lines.append(t(language, key, words=", ".join(result.undrawn)))
    if result.lettering:
        lines.append(t(language, "receipt_lettering", words=result.lettering))
    lines += [*_made(result, language), price]
    if result.variant:
        lines.append(t(language, "receipt_variant", number=result.variant))
    return "\n".join(lines)


def _made(result: Result, language: str) -> list[str]:
    key = "receipt_engine" if result.model == _BUILTIN else "receipt_model"
    lines = [t(language, key, model=result.model)]
    if result.takes_seed:
        lines.append(t(language, "receipt_seed", seed=result.seed))
    elif result.operation is Operation.CREATE:
        lines.append(t(language, "receipt_no_seed"))
    lines.append(t(language, "receipt_size", size=result.size.replace("x", "×")))
    # What was found after its answer was lost took an unknown time.
    if result.took_ms:
        queue, took = (_time(ms, language) for ms in (result.queue_ms, result.took_ms))
        lines.append(t(language, "receipt_time", queue=queue, took=took))
    return lines


def _time(ms: int, language: str) -> str:
    return in_time(language, max(round(ms / 1000), 1))
