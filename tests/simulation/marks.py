"""Marks of rare events: over many seeds, each must have been reached."""

from collections import Counter

REACHED = Counter[str]()


def sometimes(what: str) -> None:
    """Note that something rare has happened."""
    REACHED[what] += 1
