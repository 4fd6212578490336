"""The interface of engines, which run one network on tiles."""

from collections.abc import Callable
from typing import Any, Literal, Protocol

import numpy as np

from wildsr.inference.tile_costs import TileCosts

Array = np.ndarray[Any, Any]
Precision = Literal["auto", "exact", "half"]
"""``exact`` computes in float32; ``half`` in bfloat16 or float16; ``auto`` in half precision where the network keeps
:data:`wildsr.inference.fidelity.FAITHFUL` dB to float32."""

Wait = Callable[[], Array]
"""Waits for tiles that were started and returns the result. Raises :class:`OutOfMemory` and :class:`NotFinite`."""


class Engine(Protocol):
    """Runs one network on tiles of any shape; the first tile of a shape may need a compilation.

    Attributes:
        name: runtime, device and precision.
        version: of the runtime.
        costs: time per pixel of tiles of different sizes.
    """

    name: str
    version: str
    costs: TileCosts

    def start(self, tiles: Array, levels: bool) -> Wait:
        """Begin to compute the network's output for float32 tiles (n, 3, h, w).

        The result is (n, 3, H, W) float32, or with ``levels`` (n, H, W, 3) uint8: clamped to [0, 1], times 255, rounded
        half to even. Two computations can be under way; the result of one is valid until the next but one is started.

        Raises:
            OutOfMemory: a smaller tile, or fewer, may fit.
        """
        ...

    def batch(self, height: int, width: int) -> int:
        """The number of tiles of this size that are best computed at once."""
        ...


class OutOfMemory(RuntimeError):
    """A tile did not fit into memory; a smaller one may."""


class NotFinite(ArithmeticError):
    """The output of the network holds NaN or infinite values."""


Maker = Callable[[bool], Engine]
"""Makes an engine for one network: in half precision, or in float32."""
