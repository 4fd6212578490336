"""What a run writes and tells, at the hands of its first process alone."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import nn

from wildsr.image import ImageError
from wildsr.training.checkpoint import save_model
from wildsr.training.errors import TrainingError
from wildsr.training.events import Event, Note, OnEvent, Saved, Validated
from wildsr.training.files import load_state, save_state, write_whole
from wildsr.training.logs import Logs
from wildsr.training.plan import Plan, Run, Validate
from wildsr.training.state import State


class Record:
    """The files of a run, and whoever listens. Every method is called by all processes."""

    def __init__(
        self, fabric: Fabric, plan: Plan, run: Run, validate: Validate | None, on_event: OnEvent | None
    ) -> None:
        self.fabric, self.plan, self.run = fabric, plan, run
        self.validate, self.on_event = validate, on_event
        self.waited = 0.0
        """Seconds spent waiting for data since the last line of the log."""
        self._first = fabric.global_rank == 0
        self._logs: Logs | None = None
        self._line_time, self._line_step = time.monotonic(), 0

    def load(self) -> dict[str, Any] | None:
        """The last state, the same for all processes, or None. Raises ``TrainingError``."""
        content: dict[str, Any] | None = self._by_first(lambda: load_state(self.run))
        return content

    def go_on(self, step: int) -> None:
        """Log from ``step`` on."""
        self._line_time, self._line_step, self.waited = time.monotonic(), step, 0.0
        if self._logs is not None:
            self._logs.go_back(step)
        elif self._first:
            recipe = self.run.recipe.encode()
            write_whole(self.run.folder / "recipe.yaml", lambda file: file.write(recipe))
            self._logs = Logs(self.run, step, self.plan.tensorboard)

    def tell(self, event: Event) -> None:
        """Tell whoever listens."""
        if self._first and self.on_event is not None:
            self.on_event(event)

    def note(self, step: int, text: str) -> None:
        """Tell a person something, and log it."""
        self.tell(Note(step, text))
        self._line(step, {"note": text})

    def log(self, step: int, losses: Mapping[str, float], rates: Mapping[str, float]) -> None:
        """Write a line with mean losses, learning rates, seconds per step and the share of them waiting for data."""
        passed = max(1e-9, time.monotonic() - self._line_time)
        pace = {
            "seconds_per_step": passed / max(1, step - self._line_step),
            "waiting_for_data": self.waited / passed,
        }
        rates = {f"rate/{name}": rate for name, rate in rates.items()}
        self._line(step, {**losses, **rates, **pace})
        self._line_time, self._line_step, self.waited = time.monotonic(), step, 0.0

    def judge(self, state: State, network: nn.Module) -> None:
        """Validate ``network``, and keep it as the best model if it is."""
        if self.validate is None:
            return
        began = time.monotonic()
        state.best = self._by_first(lambda: self._judged(state, network))
        self._line_time += time.monotonic() - began

    def begin(self, state: State, models: Iterable[str]) -> None:
        """Save the state of a run that has none, which shows early that saving is possible.

        Raises:
            TrainingError: when it is not, or one of ``models`` is there, of another run.
        """

        def write() -> None:
            for path in (self.path_of(name) for name in models):
                if path.exists():
                    raise TrainingError(
                        f"{path} exists, but no state from which its training could go on; choose another folder, or "
                        "move it away"
                    )
            self.tell(Saved(state.step, save_state(self.run, state.content(), self.plan.keep)))

        self._by_first(write)

    def save(self, state: State, models: Mapping[str, nn.Module], *, must: bool) -> None:
        """Save networks by name, and the state. Unless it ``must`` succeed, the run goes on without when it cannot."""

        def write() -> None:
            # In this order: a run whose last state is there is taken as finished.
            for name, network in models.items():
                self._write_model(self.path_of(name), network, state.step)
            self.tell(Saved(state.step, save_state(self.run, state.content(), self.plan.keep)))

        self._by_first(write if must else lambda: self._goes_on(state.step, write))

    def path_of(self, name: str) -> Path:
        """The file of a network."""
        return self.run.folder / f"{name}.safetensors"

    def close(self) -> None:
        """Write what is still waiting."""
        if self._logs is not None:
            self._logs.close()

    def _judged(self, state: State, network: nn.Module) -> tuple[float, int] | None:
        assert self.validate is not None
        with _evaluating(network):
            found = self.validate(network)
        by = self.plan.best_by
        if by is not None and by not in found.metrics:
            raise TrainingError(
                f"the best model cannot be chosen by '{by}': there is {', '.join(found.metrics)}"
            )
        best, better, step = state.best, False, state.step
        if by is not None:
            value = found.metrics[by]
            path = self.path_of(f"{self.run.name}-best")
            better = best is None or (value > best[0] if self.plan.higher_is_better else value < best[0])
            better = better and self._goes_on(step, lambda: self._write_model(path, network, step))
            best = (value, step) if better else best
        self._line(step, {f"validation/{name}": value for name, value in found.metrics.items()})
        if self._logs is not None:
            logs = self._logs
            self._goes_on(step, lambda: logs.images(step, found.images))
        self.tell(Validated(step, dict(found.metrics), better))
        return best

    def _line(self, step: int, values: Mapping[str, float | str]) -> None:
        if self._logs is not None:
            logs = self._logs
            self._goes_on(step, lambda: logs.line(step, values))

    def _goes_on(self, step: int, work: Callable[[], object]) -> bool:
        """Whether a file could be written; if not, that is told, and training goes on."""
        try:
            work()
        except (OSError, TrainingError, ImageError) as error:
            self.tell(Note(step, f"{error}. Training goes on without it"))
            return False
        return True

    def _write_model(self, path: Path, network: nn.Module, step: int) -> None:
        save_model(path, network, {**self.run.header, "steps": str(step)})

    def _by_first(self, work: Callable[[], Any]) -> Any:
        """What the first process gets from ``work``; its failure is everybody's."""
        if self.fabric.world_size == 1:
            return work()
        result, failure = None, None
        if self._first:
            try:
                result = work()
            except Exception as error:
                failure = error
        result, message = self.fabric.broadcast((result, None if failure is None else str(failure)))
        if failure is not None:
            raise failure
        if message is not None:
            raise TrainingError(message)
        return result


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """The network in evaluation mode without gradients; then everything in it as it was."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
