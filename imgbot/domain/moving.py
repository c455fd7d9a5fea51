"""Move of a subject, from where the engine has put it into another picture. Pure."""

from typing import NamedTuple


class Move(NamedTuple):
    """Size to what it was, and the way in shares of the picture's width and height."""

    size: float = 1.0
    right: float = 0.0
    down: float = 0.0

    def then(self, other: "Move") -> "Move":
        """Return both, one after the other."""
        return Move(self.size * other.size, self.right + other.right, self.down + other.down)


UNMOVED = Move()
