"""Batches of samples, made by worker processes, starting at any step."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

import torch
from torch.utils.data import DataLoader

from wildsr.data.datasets import Dataset, TrainingSample
from wildsr.data.errors import DataError
from wildsr.degradations.degradation import DegradationError
from wildsr.image import ImageError

OnProblem = Callable[[str], None]
"""Called once for each image that was skipped, with the reason."""


class _Made(NamedTuple):
    """Result of a worker: a sample or a batch with problems, or the message of an error."""

    sample: TrainingSample
    problems: list[str]
    error: str | None = None


@dataclass
class _Samples:
    """A dataset with the interface of PyTorch."""

    dataset: Dataset

    def __getitem__(self, index: int) -> _Made:
        # An exception would be wrapped in the traceback of the worker.
        try:
            sample = self.dataset.sample(index)
        except (DataError, DegradationError, ImageError) as error:
            return _Made({}, [], str(error))
        problems = [problem for picker in self.dataset.pickers for problem in picker.problems.values()]
        return _Made(sample, problems)


def _gathered(made: list[_Made]) -> _Made:
    """Collate a batch in the worker: one tensor per role is faster to transfer than many."""
    for one in made:
        if one.error is not None:
            return one
    problems = list(dict.fromkeys(problem for one in made for problem in one.problems))
    return _Made({role: torch.stack([one.sample[role] for one in made]) for role in made[0].sample}, problems)


@dataclass
class Batches:
    """``batches(first_step)`` yields the batches from that step on, without end.

    Batch n consists of the samples n·batch_size to (n+1)·batch_size - 1, for any number of workers. Process ``rank`` of
    ``processes`` gets part ``rank`` of each batch, of batch_size / processes samples.

    Attributes:
        dataset: source of samples.
        batch_size: samples per batch, of all processes together.
        workers: worker processes; 0 makes samples in the training process.
        rank: number of this process.
        processes: number of training processes.
        on_problem: called for every image that could not be read and was skipped.
        pinned: put batches into pinned memory, for asynchronous copies to a CUDA device.
    """

    dataset: Dataset
    batch_size: int
    workers: int = 0
    rank: int = 0
    processes: int = 1
    on_problem: OnProblem | None = None
    pinned: bool = False
    _told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        # Problems found when the images were listed have been reported.
        self._told.update(problem for picker in self.dataset.pickers for problem in picker.images.unreadable)
        if self.batch_size % self.processes:
            raise DataError(
                f"a batch of {self.batch_size} cannot be divided equally among {self.processes} processes; choose "
                f"another batch size"
            )

    def __call__(self, first_step: int) -> Iterator[TrainingSample]:
        """Yield the batches from ``first_step`` on.

        Raises:
            DataError: while iterating, if too many images cannot be read, or a worker process died.
        """
        loader: DataLoader[_Made] = DataLoader(
            _Samples(self.dataset),  # type: ignore[arg-type]
            batch_sampler=_Indices(first_step, self.batch_size, self.rank, self.processes),
            num_workers=self.workers,
            collate_fn=_gathered,
            pin_memory=self.pinned,
            worker_init_fn=_start_worker if self.workers else None,
            # After a fork, libvips would wait for threads that only exist in the parent.
            multiprocessing_context="spawn" if self.workers else None,
        )
        iterator = iter(loader)
        while True:
            try:
                made: _Made = next(iterator)
            # Besides PyTorch's own error, a pipe or socket of the dead worker may fail first.
            except (RuntimeError, ConnectionError, EOFError) as error:
                if isinstance(error, RuntimeError) and "DataLoader worker (pid" not in str(error):
                    raise
                if not isinstance(error, RuntimeError):
                    _await_signal()
                raise DataError(
                    f"a worker process that prepares images was killed ({_first_line(error)}). Most often memory "
                    "ran out: use fewer workers (--set data.workers=0 uses none), then repeat the command to continue"
                ) from error
            yield self._batch(made)

    def _batch(self, made: _Made) -> TrainingSample:
        if made.error is not None:
            raise DataError(made.error)
        for problem in made.problems:
            if problem not in self._told:
                self._told.add(problem)
                if self.on_problem is not None:
                    self.on_problem(problem)
        return made.sample


@dataclass(frozen=True)
class _Indices:
    """Sample indices of every batch, starting at one step."""

    first_step: int
    batch_size: int
    rank: int
    processes: int

    def __iter__(self) -> Iterator[list[int]]:
        part = self.batch_size // self.processes
        for step in count(self.first_step):
            start = step * self.batch_size + self.rank * part
            yield list(range(start, start + part))


def _start_worker(_: int) -> None:
    # Ctrl-C reaches all processes of a terminal; only the main one handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _await_signal() -> None:
    """Wait for PyTorch's handler of dying workers, so that its error is raised and suppressed here."""
    with suppress(RuntimeError):
        time.sleep(1)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(". ")
