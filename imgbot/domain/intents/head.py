"""Head: what the encoding of a text by the optional sentence encoder says about its intent.

A layer of units stands between the encoding, the shape of the text in its chat, and the labels.
The encoder's worker adds up the share of the encoding in each unit; it is the same in every chat.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import mul

from imgbot.domain.intents.model import FOLDER, first_line_and_weights, probabilities_of

FILE = FOLDER / "encoder_head.bin"


@dataclass(frozen=True, slots=True)
class Head:
    """Weights of the units: rows of the parts of a shape, of the labels, of the encoding."""

    parts: Mapping[str, int]
    """Number of the row of each part of a shape."""
    labels: tuple[str, ...]
    digest: str
    """Of the utterances that the weights were learned from."""
    units: int
    steps: Sequence[float]
    """Differences between two neighbouring weights in the three kinds of rows."""
    weights: memoryview

    @property
    def of_encoding(self) -> memoryview:
        """The rows of the encoding, one for each of its numbers."""
        return self.weights[(len(self.parts) + len(self.labels)) * self.units :]

    def probabilities(self, share: Sequence[float], shape: Iterable[str]) -> Mapping[str, float]:
        """Return the probability of each label; `share` is that of the encoding in the units."""
        of_part, of_label, _ = self.steps
        rows = [self._row(self.parts[each]) for each in shape if each in self.parts]
        sums = [sum(column) * of_part for column in zip(*rows, strict=True)]
        units = [max(sum(each), 0.0) * of_label for each in zip(share, sums, strict=True)]
        first = len(self.parts)
        rows = [self._row(first + at) for at in range(len(self.labels))]
        return probabilities_of(self.labels, [sum(map(mul, units, row)) for row in rows])

    def _row(self, number: int) -> memoryview:
        return self.weights[number * self.units : (number + 1) * self.units]


@cache
def head() -> Head:
    """Return the head that comes with the program, read once."""
    known, weights = first_line_and_weights(FILE.read_bytes())
    parts = {each: at for at, each in enumerate(known["parts"])}
    labels, digest = tuple(known["labels"]), known["digest"]
    return Head(parts, labels, digest, known["units"], known["steps"], weights)
