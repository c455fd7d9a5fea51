"""Buttons of administrators about users and jobs."""

from collections.abc import Sequence

from imgbot.domain.buttons import Button, Keyboard, button, in_rows

_IN_A_ROW = 3


def stuck(language: str, jobs: Sequence[tuple[str, bool]]) -> Keyboard:
    """Buttons under the list of stuck jobs: by number, retry (if possible) or end."""
    rows: Keyboard = []
    for number, (job_id, has_way_back) in enumerate(jobs, 1):
        again = [Button(f"🔁 {number}", f"stuck:again.{job_id}")] if has_way_back else []
        rows.append([*again, Button(f"✖️ {number}", f"stuck:end.{job_id}")])
    return [*rows, [button(language, "refresh", "stuck:list")]]


def user(language: str, user_id: int, actions: Sequence[str]) -> Keyboard:
    """Buttons under what is known of a user, by their actions, one in a row."""
    return [[button(language, f"user_{each}", f"user:{each}.{user_id}")] for each in actions]


def to_user(language: str, user_id: int) -> list[Button]:
    return [button(language, "back", f"user:card.{user_id}")]


def undo(action: str, ids: Sequence[int]) -> Keyboard:
    """Buttons under a list of ids: each removes its entry."""
    return in_rows([Button(f"✖️ {each}", f"{action}:undo.{each}") for each in ids], _IN_A_ROW)
