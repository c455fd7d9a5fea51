"""Receipt of a result: what was ordered, what made it, how long that took, and its price. Pure."""

from imgbot.bot.dialogue import Dialogue
from imgbot.domain.holds import amount_spent
from imgbot.domain.job import Job
from imgbot.domain.operations import Operation
from imgbot.domain.texts import in_time, price, t

_BUILTIN = "builtin"


def receipt_of(result: Job, model: str, dialogue: Dialogue, *, is_limited: bool) -> str:
    """Return the receipt for the user who asked for the picture, which a `model` made.

    `is_limited` if each user has a budget.
    """
    request, progress, language = result.request, result.progress, dialogue.language
    words = request.prompt or t(language, f"title_{request.operation}")
    lines = [t(language, "receipt_prompt", words=words)]
    if request.sent:
        lines.append(t(language, "receipt_sent", words=request.sent))
    if request.negative:
        lines.append(t(language, "receipt_negative", things=request.negative))
    if request.ignored:
        lines.append(t(language, "receipt_ignored", flags=request.ignored))
    if undrawn := ", ".join(progress.parts_of("unknown")):
        is_created = request.operation is Operation.CREATE
        key = "caption_undrawn" if is_created else "caption_unknown"
        lines.append(t(language, key, words=undrawn))
    if progress.lettering:
        lines.append(t(language, "receipt_lettering", words=progress.lettering))
    lines += _made(result, model, language)
    lines += filter(None, (note(result, language) for note in dialogue.added.receipt_notes))
    lines += [_price(result, dialogue, is_limited=is_limited)]
    if result.variant:
        lines.append(t(language, "receipt_variant", number=result.variant))
    return "\n".join(lines)


def _price(result: Job, dialogue: Dialogue, *, is_limited: bool) -> str:
    micro, key = result.charge.price_micro, "receipt_free"
    if micro and (is_limited or dialogue.is_by_admin):
        key = "receipt_price" if is_limited else "receipt_free_owner"
    spent = amount_spent(result.charge.holds)
    own = dialogue.payment.receipt(spent, dialogue.language) if spent else ""
    return own or dialogue.t(key, price=price(micro))


def _made(result: Job, model: str, language: str) -> list[str]:
    request, progress = result.request, result.progress
    key = "receipt_engine" if progress.order_model == _BUILTIN else "receipt_model"
    lines = [t(language, key, model=model)]
    if progress.takes_seed:
        lines.append(t(language, "receipt_seed", seed=request.seed))
    elif request.operation is Operation.CREATE:
        lines.append(t(language, "receipt_no_seed"))
    size, took_ms = (str(progress.facts.get(name, "")) for name in ("size", "took_ms"))
    lines.append(t(language, "receipt_size", size=size.replace("x", "×")))
    # What was found after its answer was lost took an unknown time.
    if int(took_ms or 0):
        queue_ms = progress.submit_ms - result.created_ms
        queue, took = (_time(ms, language) for ms in (queue_ms, int(took_ms)))
        lines.append(t(language, "receipt_time", queue=queue, took=took))
    return lines


def _time(ms: int, language: str) -> str:
    return in_time(language, max(round(ms / 1000), 1))
