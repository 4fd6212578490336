"""Threads of training while other processes are busy."""

import pytest
import torch

from wildsr.training import threads
from wildsr.training.events import TrainingNote
from wildsr.training.threads import threads_for


@pytest.fixture
def three_threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """PyTorch computes with three threads; the list gets every other number that is set."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    numbers: list[int] = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(torch, "set_num_threads", numbers.append)
    return numbers


@pytest.mark.parametrize(("free", "expected"), [(1, [1, 3]), (2, [2, 3]), (3, []), (8, [])])
def test_no_more_threads_than_free_cores(
    three_threads: list[int], monkeypatch: pytest.MonkeyPatch, free: int, expected: list[int]
) -> None:
    monkeypatch.setattr(threads, "free_cores", lambda: free)
    notes: list[object] = []
    with threads_for("cpu", notes.append):
        assert three_threads == expected[:1]
    assert three_threads == expected
    assert [
        isinstance(note, TrainingNote) and f"with {free} of 3 threads" in note.text for note in notes
    ] == [True] * bool(expected)


def test_a_chosen_number_and_a_gpu_are_left_alone(
    three_threads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "free_cores", lambda: 1)
    with threads_for("cuda"):
        pass
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    with threads_for("cpu"):
        pass
    assert three_threads == []
