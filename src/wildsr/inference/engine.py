"""The interface of engines, which run one network on tiles."""

from collections.abc import Callable
from typing import Literal, Protocol

from torch import Tensor

Precision = Literal["auto", "exact", "half"]
"""``exact`` computes in float32; ``half`` in bfloat16 or float16; ``auto`` in half precision where the network keeps
:data:`wildsr.inference.fidelity.FAITHFUL` dB to float32."""


class Engine(Protocol):
    """Runs one network on tiles of any shape; the first tile of a shape may need a compilation."""

    name: str

    def run(self, tile: Tensor) -> Tensor:
        """Network output for a float32 (1, 3, h, w) tile on the CPU, as float32 on the CPU."""
        ...


class OutOfMemory(RuntimeError):
    """A tile did not fit into memory; a smaller one may."""


Maker = Callable[[bool], Engine]
"""Makes an engine for one network: in half precision, or in float32."""
