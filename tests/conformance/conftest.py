"""Numbers computed by the original implementations."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from golden_files import FOLDER, Golden
from safetensors import safe_open


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
