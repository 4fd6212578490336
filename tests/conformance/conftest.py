"""Numbers computed by the original implementations; ``WILDSR_GOLDEN`` names another folder of them."""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
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


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """As the originals were run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    if not FOLDER.is_dir():
        pytest.skip(f"no golden data in {FOLDER} (set WILDSR_GOLDEN)")
    return FOLDER


@pytest.fixture(scope="session")
def golden(golden_folder: Path) -> Callable[[str], Golden]:
    """Reads a golden file by name; skips the test when the folder lacks it."""

    def read(name: str) -> Golden:
        path = golden_folder / f"{name}.safetensors"
        if not path.is_file():
            pytest.skip(f"{golden_folder} has no {path.name}")
        with safe_open(path, framework="pt") as file:
            return Golden({key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata()))  # noqa: SIM118

    return read
