"""Model of the intents: a softmax over the features of a text, with weights learned from examples.

The file of weights is a line of JSON and one compressed byte for each weight.
"""

import json
import lzma
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

STEP = 1 / 16
"""Difference between two neighbouring weights."""

FOLDER = files("imgbot.domain.intents")
WEIGHTS = FOLDER / "weights.bin"


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of each label in each bucket; a label is an intent, with its topic if it has one."""

    labels: tuple[str, ...]
    weights: memoryview

    def probabilities(self, buckets: Sequence[int]) -> Mapping[str, float]:
        """Return the probability of each label for a text with these features."""
        count = len(self.labels)
        rows = [self.weights[at * count : (at + 1) * count] for at in buckets]
        known = [row for row in rows if any(row)]
        scale = STEP / math.sqrt(max(len(known), 1))
        scores = [sum(column) * scale for column in zip(*known, strict=True)]
        highest = max(scores)
        powers = [math.exp(each - highest) for each in scores]
        total = sum(powers)
        return {label: each / total for label, each in zip(self.labels, powers, strict=True)}


@cache
def model() -> Model:
    """Return the model that comes with the program."""
    line, _, compressed = WEIGHTS.read_bytes().partition(b"\n")
    weights = memoryview(lzma.decompress(compressed)).cast("b")
    return Model(tuple(json.loads(line)["labels"]), weights)
