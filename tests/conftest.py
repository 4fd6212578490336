"""Tests keep their caches and models to themselves, and small images do not need many threads."""

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
    """Where a test draws without a generator of its own, it draws the same in every run and in every order."""
    torch.manual_seed(0)
