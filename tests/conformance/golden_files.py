"""Golden files; ``WILDSR_GOLDEN`` names another folder of them."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("WILDSR_GOLDEN", ROOT.parent / "shared" / "golden"))


@dataclass(frozen=True)
class Golden:
    """One file: tensors by name, and metadata that is JSON or plain text."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def under(self, prefix: str) -> dict[str, Tensor]:
        """The tensors below ``prefix``, without it; stored halves become float32."""
        return {
            name.removeprefix(prefix): value.float() if value.dtype == torch.float16 else value
            for name, value in self.tensors.items()
            if name.startswith(prefix)
        }

    def json(self, key: str) -> Any:
        return json.loads(self.metadata[key])

    def text(self, key: str) -> str:
        return self.metadata[key].strip('"')

    def tolerance(self, pattern: str) -> float:
        """The number that follows ``pattern`` (a regular expression) in the file's own tolerance."""
        match = re.search(pattern + r"\s*([\d.]+(?:e[+-]?\d+)?)", self.metadata["tolerance"])
        assert match, f"no {pattern!r} in {self.metadata['tolerance']!r}"
        return float(match[1])


Read = Callable[[str], Golden]


def bchw(image: Tensor) -> Tensor:
    return image.permute(2, 0, 1).unsqueeze(0)


def hwc(images: Tensor) -> Tensor:
    return images[0].permute(1, 2, 0)


def assert_close(result: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(result, expected, rtol=0, atol=tolerance)
