"""Learn the head of the optional sentence encoder from the program's utterances; needs numpy."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from imgbot.domain.intents.features import shape_of
from imgbot.domain.intents.model import packed
from imgbot.domain.intents.words import read
from imgbot.imaging.encoder import encodings
from tests.fixtures.utterances import Utterance

_HEADS = 2
"""Heads that are learned apart and averaged: they err in different places."""
_UNITS = 256
"""Units of each."""
_EPOCHS = 20
_RATE = 1e-3
_BATCH = 64
_DROPPED = (0.2, 0.5)
"""Shares of the inputs and of the units that each step of the training leaves out."""
_SEEN_AT_LEAST = 3
_HELD = 3
"""Weight of an utterance that must never be mistaken."""


def train_head(utterances: Sequence[Utterance], digest: str) -> bytes:
    """Return a file of weights of the head."""
    shapes = [set(shape_of(read(each.text), each.facts)) for each in utterances]
    seen = Counter(part for shape in shapes for part in shape)
    parts = sorted(part for part in seen if seen[part] >= _SEEN_AT_LEAST)
    labels = sorted({each.label for each in utterances})
    inputs = np.array([[part in shape for part in parts] for shape in shapes], np.float32)
    inputs = np.hstack([encodings([each.text for each in utterances]), inputs])
    expected = np.array([labels.index(each.label) for each in utterances])
    importance = np.array([_HELD if each.mark else 1 for each in utterances], np.float32)
    learned = [_learn(inputs, expected, importance, seed) for seed in range(_HEADS)]
    of_input, of_label = (np.hstack(tables) for tables in zip(*learned, strict=True))
    tables = of_input[-len(parts) :], of_label / _HEADS, of_input[: -len(parts)]
    steps = [float(np.abs(each).max()) / 127 for each in tables]
    weights = [
        np.round(each / step).astype(np.int8) for each, step in zip(tables, steps, strict=True)
    ]
    content = b"".join(each.tobytes() for each in weights)
    return packed(labels, content, digest, parts=parts, units=_HEADS * _UNITS, steps=steps)


def _learn(
    inputs: np.ndarray, expected: np.ndarray, importance: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of the inputs and of the labels in each unit, by Adam with dropout."""
    dice = np.random.default_rng(seed)
    count, labels = len(inputs), int(expected.max()) + 1
    of_input = dice.normal(0, inputs.shape[1] ** -0.5, (inputs.shape[1], _UNITS))
    of_label = dice.normal(0, _UNITS**-0.5, (labels, _UNITS))
    tables = [of_input.astype(np.float32), of_label.astype(np.float32)]
    means = [np.zeros_like(each) for each in tables]
    squares = [np.zeros_like(each) for each in tables]
    last = _EPOCHS * (count // _BATCH)
    for step, chosen in enumerate(_batches(count, dice)):
        found = _gradients(tables, inputs[chosen], expected[chosen], importance[chosen], dice)
        rate = _RATE * (1 - step / last)
        for table, mean, square, gradient in zip(tables, means, squares, found, strict=True):
            mean[:] += 0.1 * (gradient - mean)
            square[:] += 0.001 * (gradient**2 - square)
            unbiased = np.sqrt(square / (1 - 0.999 ** (step + 1))) + 1e-8
            table[:] -= rate * (mean / (1 - 0.9 ** (step + 1))) / unbiased
    return tables[0], tables[1]


def _batches(count: int, dice: np.random.Generator) -> Iterator[np.ndarray]:
    for _ in range(_EPOCHS):
        order = dice.permutation(count)
        yield from (order[at * _BATCH :][:_BATCH] for at in range(count // _BATCH))


def _gradients(
    tables: Sequence[np.ndarray],
    inputs: np.ndarray,
    expected: np.ndarray,
    importance: np.ndarray,
    dice: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    of_input, of_label = tables
    inputs = inputs * _kept(inputs.shape, _DROPPED[0], dice)
    kept = _kept((len(inputs), _UNITS), _DROPPED[1], dice)
    units = np.maximum(inputs @ of_input, 0) * kept
    scores = units @ of_label.T
    errors = np.exp(scores - scores.max(1, keepdims=True))
    errors /= errors.sum(1, keepdims=True)
    errors[np.arange(len(expected)), expected] -= 1
    errors *= importance[:, None] / len(expected)
    return inputs.T @ ((errors @ of_label) * kept * (units > 0)), errors.T @ units


def _kept(shape: tuple[int, ...], dropped: float, dice: np.random.Generator) -> np.ndarray:
    return (dice.random(shape, np.float32) > dropped).astype(np.float32) / np.float32(1 - dropped)
