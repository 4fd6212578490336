"""Writes the models, checkpoints, logs and events of a run; rank 0 only."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import nn

from wildsr.image import ImageError
from wildsr.storage.file_lock import held
from wildsr.training.errors import TrainingError
from wildsr.training.events import Event, OnEvent, Saved, TrainingNote, Validated
from wildsr.training.export import save_model
from wildsr.training.logs import Logs
from wildsr.training.settings import Run, RunSettings, Validate, Validation
from wildsr.training.state import State
from wildsr.training.state_files import load_state, save_state, write_whole


class RunWriter:
    """The files of a run, and the callback for its events. Every method must be called by all processes."""

    def __init__(
        self,
        fabric: Fabric,
        settings: RunSettings,
        run: Run,
        validate: Validate | None,
        on_event: OnEvent | None,
    ) -> None:
        self.fabric, self.settings, self.run = fabric, settings, run
        self.validate, self.on_event = validate, on_event
        self.waited = 0.0
        """Seconds spent waiting for data since the last line of the log."""
        self._first = fabric.global_rank == 0
        self._logs: Logs | None = None
        self._line_time, self._line_step = time.monotonic(), 0

    @property
    def validates(self) -> bool:
        """Whether the run is validated."""
        return self.validate is not None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the folder within the block.

        Raises:
            TrainingError: another process is training in this folder, or the folder cannot be written.
        """
        with ExitStack() as stack:
            self._by_first(lambda: stack.enter_context(_only_run(self.run.folder)))
            yield

    def load(self) -> dict[str, Any] | None:
        """The last checkpoint, the same for all processes, or None. Raises ``TrainingError``."""
        content: dict[str, Any] | None = self._by_first(
            lambda: load_state(self.run, self.settings.validation.best_by)
        )
        return content

    def resume(self, step: int) -> None:
        """Continue the log from ``step``."""
        self._line_time, self._line_step, self.waited = time.monotonic(), step, 0.0
        if self._logs is not None:
            self._logs.rewind(step)
        elif self._first:
            recipe = self.run.recipe.encode()
            write_whole(self.run.folder / "recipe.yaml", lambda file: file.write(recipe))
            self._logs = Logs(self.run, step, self.settings.files.tensorboard)

    def send(self, event: Event) -> None:
        """Pass an event to the callback."""
        if self._first and self.on_event is not None:
            self.on_event(event)

    def note(self, step: int, text: str) -> None:
        """Send a message for the user, and log it."""
        self.send(TrainingNote(step, text))
        self._line(step, {"note": text})

    def log(self, step: int, losses: Mapping[str, float], rates: Mapping[str, float]) -> None:
        """Log mean losses, learning rates, seconds per step and the share of them spent waiting for data."""
        passed = max(1e-9, time.monotonic() - self._line_time)
        pace = {
            "seconds_per_step": passed / max(1, step - self._line_step),
            "waiting_for_data": self.waited / passed,
        }
        rates = {f"rate/{name}": rate for name, rate in rates.items()}
        self._line(step, {**losses, **rates, **pace})
        self._line_time, self._line_step, self.waited = time.monotonic(), step, 0.0

    def validate_network(self, state: State, network: nn.Module) -> None:
        """Validate ``network``, and write it for each metric by which it is the best so far."""
        if self.validate is None:
            return
        began = time.monotonic()
        state.best = self._by_first(lambda: self._validated(state, network))
        self._line_time += time.monotonic() - began

    def begin(self, state: State, models: Iterable[str]) -> None:
        """Save the first checkpoint of a run, which shows early that saving is possible.

        Raises:
            TrainingError: it is not possible, or one of ``models`` exists, from another run.
        """

        def write() -> None:
            for path in (self.path_of(name) for name in models):
                if path.exists():
                    raise TrainingError(
                        f"{path} exists, but no checkpoint from which its training could resume; choose another "
                        "folder, or move it away"
                    )
            self.send(Saved(state.step, save_state(self.run, state.content(), self.settings.files.keep)))

        self._by_first(write)

    def save(self, state: State, models: Mapping[str, nn.Module], *, must: bool) -> None:
        """Save networks by name, and a checkpoint. If that fails, the run continues unless it ``must`` succeed."""

        def write() -> None:
            # In this order: a run with a checkpoint of its last step counts as finished.
            for name, network in models.items():
                self._write_model(self.path_of(name), network, state.step)
            self.send(Saved(state.step, save_state(self.run, state.content(), self.settings.files.keep)))

        self._by_first(write if must else lambda: self._tried(state.step, write))

    def path_of(self, name: str) -> Path:
        """The file of a network."""
        return self.run.folder / f"{name}.safetensors"

    def close(self) -> None:
        """Flush the log."""
        if self._logs is not None:
            self._logs.close()

    def _validated(self, state: State, network: nn.Module) -> dict[str, tuple[float, int]]:
        assert self.validate is not None
        with _evaluating(network):
            found = self.validate(network)
        step, best = state.step, dict(state.best)
        better = [metric for metric in self._wanted(found) if _is_better(found, metric, best)]
        for metric in list(better):
            path = self._best_path(metric)
            if self._tried(step, lambda path=path: self._write_model(path, network, step)):  # type: ignore[misc]
                best[metric] = (found.metrics[metric], step)
            else:
                better.remove(metric)
        self._line(step, {f"validation/{name}": value for name, value in found.metrics.items()})
        if self._logs is not None:
            logs = self._logs
            self._tried(step, lambda: logs.images(step, found.images))
        self.send(Validated(step, dict(found.metrics), bool(better), tuple(better)))
        return best

    def _wanted(self, found: Validation) -> list[str]:
        """The metrics by which best models are kept; those that cannot be computed here are left out."""
        by = self.settings.validation.best_by
        wanted = [metric for metric in by if metric in found.metrics]
        if by and not wanted:
            raise TrainingError(
                f"the best model cannot be chosen by '{by[0]}': there is {', '.join(found.metrics)}"
            )
        return wanted

    def _best_path(self, metric: str) -> Path:
        several = len(self.settings.validation.best_by) > 1
        return self.path_of(f"{self.run.name}-best{f'-{metric}' if several else ''}")

    def _line(self, step: int, values: Mapping[str, float | str]) -> None:
        if self._logs is not None:
            logs = self._logs
            self._tried(step, lambda: logs.line(step, values))

    def _tried(self, step: int, work: Callable[[], object]) -> bool:
        """Whether a file could be written; if not, a note is sent and training continues."""
        try:
            work()
        except (OSError, TrainingError, ImageError) as error:
            self.send(TrainingNote(step, f"{error}. Training continues without it"))
            return False
        return True

    def _write_model(self, path: Path, network: nn.Module, step: int) -> None:
        save_model(path, network, {**self.run.header, "steps": str(step)})

    def _by_first(self, work: Callable[[], Any]) -> Any:
        """The result of ``work``, which only rank 0 does; its failure is raised in all processes."""
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
def _only_run(folder: Path) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(held(folder / ".lock", wait=False))
        except BlockingIOError as error:
            raise TrainingError(
                f"another process is training in {folder}; wait for it, stop it, or choose another folder"
            ) from error
        except OSError as error:
            raise TrainingError(f"{folder} cannot be written: {error.strerror or error}") from error
        yield


def _is_better(found: Validation, metric: str, best: Mapping[str, tuple[float, int]]) -> bool:
    if metric not in best:
        return True
    value, record = found.metrics[metric], best[metric][0]
    return value < record if metric in found.lower_is_better else value > record


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """The network in evaluation mode without gradients; afterwards each module in its former mode."""
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode
