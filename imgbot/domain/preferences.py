"""Preferences of a user, which the prompt of one request may override. Pure."""

from dataclasses import dataclass

RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
"""Aspect ratios offered by buttons; a prompt may name others."""

VARIANTS = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Preferences:
    """Stored preferences of a user; an empty language means that of their Telegram client."""

    language: str = ""
    ratio: str = ""
    variants: int = 1
    is_file: bool = False
    is_quiet: bool = False
    is_unsubscribed: bool = False
    """True if the user has unsubscribed from broadcasts."""
