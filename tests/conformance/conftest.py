"""Numbers computed by the original implementations."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from golden_files import FOLDER, SMALL, Golden, golden_path, read_golden


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Compute with the settings with which the originals were run."""
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
        path = golden_path(name, golden_folder)
        if path is None:
            of = "; the small set has no such file" if golden_folder == SMALL else ""
            pytest.skip(f"{golden_folder} has no {name}.safetensors{of}")
        return read_golden(path)

    return read
