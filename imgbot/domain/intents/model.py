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
from typing import Any

STEP = 1 / 16
"""Difference between two neighbouring weights."""

FOLDER = files("imgbot.domain.intents")
SHIPPED_WEIGHTS = FOLDER / "weights.bin"
UTTERANCES = tuple(FOLDER / "utterances" / f"{language}.toml" for language in ("en", "ru"))


@dataclass(frozen=True, slots=True)
class Model:
    """Weights of each label in each bucket; a label is an intent, with its topic if it has one."""

    labels: tuple[str, ...]
    weights: memoryview
    digest: str
    """Of the utterances that the weights were learned from; of an operator's: see `use`."""

    def probabilities(self, buckets: Sequence[int]) -> Mapping[str, float]:
        """Return the probability of each label for a text with these features."""
        count = len(self.labels)
        rows = [self.weights[at * count : (at + 1) * count] for at in buckets]
        known = [row for row in rows if any(row)]
        scale = STEP / math.sqrt(max(len(known), 1))
        scores = [sum(column) * scale for column in zip(*known, strict=True)]
        return probabilities_of(self.labels, scores)


def probabilities_of(labels: Sequence[str], scores: Sequence[float]) -> Mapping[str, float]:
    """Return the probability of each label, by its score."""
    highest = max(scores)
    powers = [math.exp(each - highest) for each in scores]
    total = sum(powers)
    return {label: each / total for label, each in zip(labels, powers, strict=True)}


_own: list[Model] = []
"""Model with the weights of the operator, once there are any."""


def model() -> Model:
    """Return the model in use."""
    return _own[0] if _own else _shipped()


@cache
def _shipped() -> Model:
    return unpacked(SHIPPED_WEIGHTS.read_bytes())


def use(content: bytes) -> None:
    """Use a file of weights, whose digest is that of the shipped ones, instead of those.

    Their digest changes with the utterances, and with what is made of them. Raises ValueError.
    """
    labels = json.loads(SHIPPED_WEIGHTS.read_bytes().partition(b"\n")[0])["labels"]
    if content.partition(b"\n")[0] != _head(labels, digest_of([SHIPPED_WEIGHTS])):
        raise ValueError("it is damaged, or belongs to another version")
    try:
        _own[:] = [unpacked(content)]
    except lzma.LZMAError:
        raise ValueError("it is damaged") from None


def unpacked(content: bytes) -> Model:
    """Read a file of weights."""
    known, weights = first_line_and_weights(content)
    return Model(tuple(known["labels"]), weights, known["digest"])


def first_line_and_weights(content: bytes) -> tuple[dict[str, Any], memoryview]:
    line, _, compressed = content.partition(b"\n")
    return json.loads(line), memoryview(lzma.decompress(compressed)).cast("b")


def packed(labels: Sequence[str], weights: bytes, digest: str, **others: Any) -> bytes:
    """Return a file of weights; `others` are further facts of its first line."""
    return _head(labels, digest, **others) + b"\n" + lzma.compress(weights, preset=9)


def _head(labels: Sequence[str], digest: str, **others: Any) -> bytes:
    return json.dumps({"labels": labels, "digest": digest, **others}).encode()


def digest_of(paths: Sequence[Traversable]) -> str:
    """Return the digest of files."""
    return sha256(b"".join(each.read_bytes() for each in paths)).hexdigest()
