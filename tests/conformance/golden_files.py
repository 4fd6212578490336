"""Golden files: the full set if it is available, else the small one in this repository.

The full set is the folder that ``WILDSR_GOLDEN`` names, or ``../shared/golden``; docs/conformance.md says more.
"""

import json
import lzma
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load
from torch import Tensor

ROOT = Path(__file__).parents[2]
SMALL = Path(__file__).parent / "golden"
"""The committed subset; its files end in ``.safetensors.xz``."""
FULL = Path(os.environ.get("WILDSR_GOLDEN", ROOT.parent / "shared" / "golden"))
FOLDER = FULL if FULL.is_dir() or "WILDSR_GOLDEN" in os.environ else SMALL


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


def golden_path(name: str, folder: Path = FOLDER) -> Path | None:
    """The file of an item, if there is one."""
    paths = (folder / f"{name}.safetensors", folder / f"{name}.safetensors.xz")
    return next((path for path in paths if path.is_file()), None)


def golden_names(pattern: str, folder: Path = FOLDER) -> list[str]:
    """The items whose names match a glob, in order."""
    found = (path.relative_to(folder).as_posix() for path in folder.glob(f"{pattern}.safetensors*"))
    return sorted(name.removesuffix(".xz").removesuffix(".safetensors") for name in found)


def read_golden(path: Path) -> Golden:
    """The tensors and the metadata of a file, compressed or not."""
    content = path.read_bytes()
    if path.suffix == ".xz":
        content = lzma.decompress(content)
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    # In the order of their names, which is that of the layers in some files.
    return Golden(dict(sorted(load(content).items())), header.get("__metadata__", {}))


def bchw(image: Tensor) -> Tensor:
    return image.permute(2, 0, 1).unsqueeze(0)


def hwc(images: Tensor) -> Tensor:
    return images[0].permute(1, 2, 0)


def assert_close(result: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(result, expected, rtol=0, atol=tolerance)
