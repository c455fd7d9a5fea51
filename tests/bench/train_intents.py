"""Learn the weights of the intents that come with the program: from utterances and dialogues.

A softmax regression in plain Python: its weights are the same each time. What has several right
labels is learned by those that are found likelier.
"""

import json
import lzma
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from zlib import crc32

from imgbot.domain.intents.features import BUCKETS, features_of
from imgbot.domain.intents.model import STEP, WEIGHTS
from imgbot.domain.intents.words import parse_text
from imgbot.domain.words.learned import facts_of
from tests.bench.dialogue_file import LEARNED, read_scripts
from tests.bench.talk import messages
from tests.fixtures.utterances import KNOWN, Utterance, digest_of_known, utterances_in

_EPOCHS = 10
_RATE = 8.0
_DECAY = 5e-4
_SEEN_AT_LEAST = 4
"""Utterances that a feature must be seen in."""
_NEGLIGIBLE = 0.01
_FAINT = 2
"""Steps up to which a weight is dropped: such decide nothing, and fill a quarter of the file."""
_HELD = 3
"""Weight of an utterance that must never be mistaken, and of a message of a dialogue."""

_TALK = ("small_talk", "complaint", "help")
_LABELS = {
    "new": ("create",), "change": ("change",), "redraw": ("change", "again"), "again": ("again",),
    "show": ("undo",), "talk": _TALK, "nothing": _TALK, "cancel": ("cancel",),
    "upscale": ("operation:upscale",), "retouch": ("operation:retouch", "change"),
    "cutout": ("operation:removebg",), "merge": ("operation:merge",),
    "sticker": ("operation", "change"), "file": ("command:file",), "delete": ("command:delete",),
    "info": ("command:receipt",), "price": ("question:price",), "queue": ("question:status",),
    "help": ("question:abilities", "help"),
}  # fmt: skip
"""Labels of the actions in dialogues; where nobody could know, nothing is learned."""


def dialogue_messages() -> Iterator[Utterance]:
    """Yield the messages of the dialogues to learn from, each in its chat."""
    for name in LEARNED:
        for script in read_scripts(name):
            for text, chat, action in messages(script):
                first, *others = _LABELS.get(action.kind, ("",))
                if first:
                    yield Utterance(text, facts_of(chat), first, frozenset(others), "dialogue")


def trained(utterances: Iterable[Utterance], digest: str) -> bytes:
    """Return a file of weights learned from utterances."""
    rows = [(features_of(parse_text(each.text), each.facts), each) for each in utterances]
    seen = Counter(bucket for buckets, _ in rows for bucket in buckets)
    kept = {bucket: at for at, bucket in enumerate(b for b in seen if seen[b] >= _SEEN_AT_LEAST)}
    labels = sorted({each.label for _, each in rows})
    examples = [
        (
            [kept[each] for each in buckets if each in kept],
            _right(utterance, labels),
            _HELD if utterance.mark else 1,
        )
        for buckets, utterance in rows
    ]
    # What is seen often has to move less each time.
    speeds = [(_SEEN_AT_LEAST / seen[bucket]) ** 0.5 for bucket in kept]
    weights = _learn(examples, speeds, len(labels))
    table = bytearray(BUCKETS * len(labels))
    for bucket, at in kept.items():
        steps = (min(max(int(each[at] / STEP), -127), 127) for each in weights)
        found = bytes(each & 0xFF if abs(each) > _FAINT else 0 for each in steps)
        table[bucket * len(labels) : (bucket + 1) * len(labels)] = found
    line = json.dumps({"labels": labels, "digest": digest}).encode()
    return line + b"\n" + lzma.compress(table, preset=9)


def _right(utterance: Utterance, labels: Sequence[str]) -> frozenset[int]:
    also = utterance.also if utterance.mark == "dialogue" else frozenset()
    return frozenset(labels.index(each) for each in {utterance.label, *also})


def _learn(
    examples: Sequence[tuple[list[int], frozenset[int], int]], speeds: Sequence[float], labels: int
) -> list[list[float]]:
    """Return the weights of each label, by stochastic descent."""
    weights = [[0.0] * len(speeds) for _ in range(labels)]
    numbers = range(len(examples))
    for epoch in range(_EPOCHS):
        shuffled = sorted(numbers, key=lambda each, epoch=epoch: crc32(b"%d %d" % (epoch, each)))
        rate = _RATE * (1 - epoch / _EPOCHS)
        for at, right, weight in map(examples.__getitem__, shuffled):
            for other, error in _errors(weights, at, right):
                step = rate * error * weight / math.sqrt(len(at))
                row = weights[other]
                for each in at:
                    row[each] -= speeds[each] * (step + rate * _DECAY * row[each])
    return weights


def _errors(
    weights: Sequence[list[float]], at: Sequence[int], right: frozenset[int]
) -> Iterator[tuple[int, float]]:
    """Yield the labels whose probability is wrong, and by how much."""
    scale = 1 / math.sqrt(len(at))
    powers = [math.exp(sum(map(each.__getitem__, at)) * scale) for each in weights]
    total, total_of_right = sum(powers), sum(map(powers.__getitem__, right))
    for other, power in enumerate(powers):
        error = power / total - (power / total_of_right if other in right else 0)
        if abs(error) > _NEGLIGIBLE:
            yield other, error


if __name__ == "__main__":
    known = [*(each for file in KNOWN for each in utterances_in(file)), *dialogue_messages()]
    Path(str(WEIGHTS)).write_bytes(trained(known, digest_of_known()))
