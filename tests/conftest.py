"""Tests keep their caches and models to themselves, and small pictures do not need many threads."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True, scope="session")
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("own")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WILDSR_CACHE", str(folder / "cache"))
        patch.setenv("WILDSR_MODELS", str(folder / "models"))
        yield folder
