"""Buttons of admins; access is checked by the callback handler."""

from collections.abc import Sequence

from imgbot.domain.texts import t
from imgbot.domain.texts.buttons import Button, Keyboard

_IN_A_ROW = 3


def stuck(language: str, jobs: Sequence[tuple[str, bool]]) -> Keyboard:
    """Buttons under the list of stuck jobs: by number, retry (if possible) or end."""
    rows: Keyboard = []
    for number, (job_id, has_way_back) in enumerate(jobs, 1):
        again = [Button(f"🔁 {number}", f"stuck:again.{job_id}")] if has_way_back else []
        rows.append([*again, Button(f"✖️ {number}", f"stuck:end.{job_id}")])
    return [*rows, [Button(t(language, "button_refresh"), "stuck:list")]]


def undo(action: str, ids: Sequence[int]) -> Keyboard:
    """Buttons under a list of ids: each removes its entry."""
    made = [Button(f"✖️ {some_id}", f"{action}:undo.{some_id}") for some_id in ids]
    return [made[start : start + _IN_A_ROW] for start in range(0, len(made), _IN_A_ROW)]


def broadcast_preview(language: str, broadcast_id: str) -> Keyboard:
    """Buttons under the preview of a broadcast."""
    return [
        [Button(t(language, "button_cast_go"), f"cast:go.{broadcast_id}")],
        [Button(t(language, "button_cast_drop"), f"cast:drop.{broadcast_id}")],
    ]


def broadcast_running(language: str, broadcast_id: str) -> Keyboard:
    """Buttons under the progress of a broadcast."""
    return [[Button(t(language, "button_cast_stop"), f"cast:stop.{broadcast_id}")]]
