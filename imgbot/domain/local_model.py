"""A diffusion model on the operator's own server."""

from dataclasses import dataclass

BUFFERS_BYTES = 800 << 20
"""Measured beyond the file: libraries, and the largest buffers for 512 × 512 pixels."""


@dataclass(frozen=True, slots=True)
class LocalModel:
    """File of a model, and how pictures are made with it."""

    path: str
    size_bytes: int
    """0 if the operator's own is not there."""
    steps: int
    guidance: float
    side_px: int
    url: str = ""
    """Address of the download; it and what follows are empty for the operator's own."""
    sha256: str = ""
    terms: str = ""

    @property
    def needed_bytes(self) -> int:
        """Memory for one picture."""
        return self.size_bytes + BUFFERS_BYTES
