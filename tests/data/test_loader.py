"""Batches do not depend on the workers or the first step; a killed worker is reported as an error."""

import os
import signal
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor

from image_folders import damage, save_folder
from wildsr.data.datasets import DegradedPairs
from wildsr.data.errors import DataError
from wildsr.data.image_sets import find_images
from wildsr.data.loader import Batches
from wildsr.data.patches import Picker
from wildsr.degradations.presets import preset


def dataset(folder: Path, kept: bool = True) -> DegradedPairs:
    images = find_images(folder, 64)
    if kept:
        images.keep()
    return DegradedPairs(Picker(images, 1), preset("wild"), 64, 12, 1)


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[role], other[role]) for role in one)


def test_workers_make_the_same_batches_from_any_step(tmp_path: Path) -> None:
    save_folder(tmp_path, 3)
    alone = list(islice(Batches(dataset(tmp_path), 4)(0), 4))
    assert alone[0]["lr"].shape == (4, 3, 12, 12)
    helped = list(islice(Batches(dataset(tmp_path), 4, workers=2)(1), 3))
    assert all(equal(one, other) for one, other in zip(alone[1:], helped, strict=True))


def test_processes_share_a_batch(tmp_path: Path) -> None:
    save_folder(tmp_path, 3)
    whole = next(Batches(dataset(tmp_path), 4)(2))
    parts = [next(Batches(dataset(tmp_path), 4, rank=rank, processes=2)(2)) for rank in range(2)]
    assert equal(whole, {role: torch.cat([part[role] for part in parts]) for role in whole})
    with pytest.raises(DataError, match="cannot be divided equally among 3"):
        Batches(dataset(tmp_path), 4, processes=3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="only memory for a CUDA device can be pinned")
@pytest.mark.parametrize("workers", [0, 1])
def test_batches_can_be_pinned(tmp_path: Path, workers: int) -> None:
    save_folder(tmp_path, 3)
    plain, pinned = (
        next(Batches(dataset(tmp_path), 4, workers=workers, pinned=pinned)(0)) for pinned in (False, True)
    )
    assert equal(plain, pinned)
    assert [tensor.is_pinned() for tensor in (*plain.values(), *pinned.values())] == [False] * 2 + [True] * 2


@pytest.mark.parametrize("workers", [0, 1])
def test_problems_are_told_once(tmp_path: Path, workers: int) -> None:
    save_folder(tmp_path, 21, 64, 64)
    damage(tmp_path / "03.png")
    told: list[str] = []
    batches = Batches(dataset(tmp_path, kept=False), 21, workers=workers, on_problem=told.append)
    list(islice(batches(0), 2))
    assert len(told) == 1
    assert "03.png" in told[0]


class Deadly:
    """A dataset whose third sample kills the process that makes it, or raises an error."""

    pickers: Sequence[Picker] = ()

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def sample(self, index: int) -> dict[str, Tensor]:
        if index == 2 and self.error is None:
            os.kill(os.getpid(), signal.SIGKILL)
        if index == 2 and self.error is not None:
            raise self.error
        return {"lr": torch.zeros(1)}


def test_a_killed_worker_is_an_error() -> None:
    batches = Batches(Deadly(None), 1, workers=1)(0)
    with pytest.raises(DataError, match=r"was killed(.|\n)*use fewer workers"):
        list(islice(batches, 4))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_a_worker_arrives_as_it_is(workers: int) -> None:
    batches = Batches(Deadly(DataError("too many images are damaged")), 1, workers=workers)(0)
    with pytest.raises(DataError) as caught:
        list(islice(batches, 4))
    assert str(caught.value) == "too many images are damaged"


def test_a_mistake_in_the_program_is_not_taken_for_a_dead_worker() -> None:
    batches = Batches(Deadly(RuntimeError("a mistake")), 1, workers=1)(0)
    with pytest.raises(RuntimeError, match="a mistake"):
        list(islice(batches, 4))
