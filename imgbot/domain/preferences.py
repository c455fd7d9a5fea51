"""What a person likes, and what of it the words of one request override. Pure."""

from dataclasses import dataclass

RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
"""Shapes offered by buttons; words may name others."""

VARIANTS = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Preferences:
    """Stays until changed; an empty language is that of the person's Telegram."""

    language: str = ""
    ratio: str = ""
    variants: int = 1
    is_file: bool = False
    is_quiet: bool = False
    is_unsubscribed: bool = False
    """Whether broadcasts of the bot's owner are unwanted."""
