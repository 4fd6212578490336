"""Fixtures of all tests: private folders for caches and models, a fixed seed, few threads."""

import os
from collections.abc import Iterator
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # processes share the cores, and so do those that tests start
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WILDSR_CACHE", str(folder / "cache"))
        patch.setenv("WILDSR_MODELS", str(folder / "models"))
        patch.setenv("WILDSR_DATA", str(folder / "data"))
        yield folder


@pytest.fixture(autouse=True)
def same_draws_every_time() -> None:
    """Seed PyTorch's global generator before each test."""
    torch.manual_seed(0)
