"""The memory budget for images."""

from pathlib import Path

import pytest

from wildsr.data import memory

GIB = 1 << 30


@pytest.mark.parametrize(
    ("stat", "free"),
    [("anon 1\ninactive_file 6442450944\nactive_file 5\n", 7), ("inactive_file", 1), (None, 1)],
)
def test_cached_files_of_a_container_count_as_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stat: str | None, free: int
) -> None:
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    monkeypatch.setattr(memory, "_SHARED", tmp_path / "none")
    monkeypatch.setattr(memory, "_system_memory", lambda: 64 * GIB)
    assert memory.image_budget() == 32 * GIB
    (tmp_path / "memory.max").write_text(f"{8 * GIB}\n")
    (tmp_path / "memory.current").write_text(f"{7 * GIB}\n")
    if stat is not None:
        (tmp_path / "memory.stat").write_text(stat)
    assert memory.image_budget() == free * GIB // 2
