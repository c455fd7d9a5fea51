"""Model of the intents: a softmax over the features of a text, with weights learned from examples.

A file of weights is a line of JSON and one compressed byte for each weight.
"""

import json
import lzma
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable

STEP = 1 / 16
"""Difference between two neighbouring weights."""

FOLDER = files("imgbot.domain.intents")
WEIGHTS = FOLDER / "weights.bin"
UTTERANCES = tuple(FOLDER / "utterances" / f"{language}.toml" for language in ("en", "ru"))


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of each label in each bucket; a label is an intent, with its topic if it has one."""

    labels: tuple[str, ...]
    weights: memoryview
    digest: str
    """Of the utterances that the weights were learned from."""

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
    known, weights = json.loads(line), memoryview(lzma.decompress(compressed)).cast("b")
    return Model(tuple(known["labels"]), weights, known["digest"])


def packed(labels: Sequence[str], weights: bytes, digest: str) -> bytes:
    """Return a file of weights."""
    line = json.dumps({"labels": labels, "digest": digest}).encode()
    return line + b"\n" + lzma.compress(weights, preset=9)


def digest_of(paths: Sequence[Traversable]) -> str:
    """Return the digest of files."""
    return sha256(b"".join(each.read_bytes() for each in paths)).hexdigest()
