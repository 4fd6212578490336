"""The one training loop, for every method.

A run is a function of its recipe: batch n depends on n only, and every step seeds PyTorch's default generators with the
seed of the run, the step and the rank of the process. So a run that was stopped and resumed gives the same result as
one that was not, whatever an objective samples.
"""

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer

from wildsr.storage.out_of_memory import is_out_of_memory
from wildsr.training.ema import Average
from wildsr.training.errors import Interrupted, TrainingError
from wildsr.training.events import OnEvent, TrainingNote, TrainingProgress
from wildsr.training.export import is_known
from wildsr.training.loss_tracker import Bad, LossTracker
from wildsr.training.objective import Batch, Objective
from wildsr.training.precision import autocast_type, float32_results
from wildsr.training.processes import average_gradients, broadcast_buffers, broadcast_weights
from wildsr.training.run_writer import RunWriter
from wildsr.training.settings import Batches, Rate, Run, RunSettings, TrainSettings, Validate
from wildsr.training.state import State
from wildsr.training.state_files import state_path
from wildsr.training.step import training_step
from wildsr.training.stopping import StopRequest, stop_request

_CHECK_EVERY = 16
"""Steps between checks of the losses on an accelerator; each check waits for it."""


def fit(
    fabric: Fabric,
    objective: Objective,
    optimizers: Mapping[str, Optimizer],
    rates: Mapping[str, Rate],
    batches: Batches,
    settings: RunSettings,
    run: Run,
    *,
    validate: Validate | None = None,
    on_event: OnEvent | None = None,
) -> Path:
    """Train, or resume the run in ``run.folder``, and return the model file.

    ``fabric`` comes from :func:`wildsr.training.processes.start`, and determines devices, processes and precision;
    ``optimizers`` and ``rates`` have one entry for each of ``objective.networks``. Networks stay in the mode (training
    or evaluation) that they are in. The folder must be the same for all processes of a machine; only rank 0 writes
    and validates. Beside the model, all networks are written as they are.

    Raises:
        Interrupted: after SIGTERM or SIGINT, once a checkpoint is saved. A second signal ends the process at once.
        TrainingError: losses are repeatedly not finite, the first or last checkpoint cannot be written (others
            are tried again later), or the checkpoint in the folder belongs to another recipe. Errors of ``batches``
            pass through; a single process saves a checkpoint before.
    """
    for name in objective.networks:
        if name not in optimizers or name not in rates:
            raise ValueError(f"the network '{name}' needs an optimizer and a learning rate")
    known = {name: is_known(network) for name, network in objective.networks.items()}
    with ExitStack() as stack:
        devices = [fabric.device] if fabric.device.type == "cuda" else []
        stack.enter_context(torch.random.fork_rng(devices))
        request = stack.enter_context(stop_request())
        writer = RunWriter(fabric, settings, run, validate, on_event)
        stack.enter_context(writer.locked())
        stack.callback(writer.close)
        state = _state(fabric, objective, optimizers, settings.train)
        stack.enter_context(float32_results(fabric, objective.networks.values()))
        loop = _Loop(fabric, objective, rates, batches, settings, writer, state, request)
        stack.callback(loop.close_data)
        loop.begin()
        if not known[objective.result]:
            name = type(objective.networks[objective.result]).__name__
            text = f"{name} is not one of wildsr's networks: load the weights of the model file into a {name}"
            writer.send(TrainingNote(state.step, text))
        try:
            while state.step < settings.train.steps:
                loop.next_step()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise TrainingError(
                f"memory ran out in step {state.step + 1}: compute the batch in more parts (accumulate), or train on "
                "smaller batches or patches. The same command resumes from the last checkpoint"
            ) from error
        return writer.path_of(run.name)


class _Loop:
    """A run in progress: its steps, and what is due after them."""

    def __init__(
        self,
        fabric: Fabric,
        objective: Objective,
        rates: Mapping[str, Rate],
        batches: Batches,
        settings: RunSettings,
        writer: RunWriter,
        state: State,
        request: StopRequest,
    ) -> None:
        self.fabric, self.objective, self.rates, self.batches = fabric, objective, rates, batches
        self.settings, self.train_settings = settings, settings.train
        self.writer, self.state, self.request = writer, state, request
        self.several = fabric.world_size > 1
        self.check_every = 1 if fabric.device.type == "cpu" else _CHECK_EVERY
        self.failures = 0
        self.data: Iterator[Batch] | None = None
        self.began, self.first_step = time.monotonic(), 0

    @property
    def result(self) -> nn.Module:
        """The result network, averaged if the settings say so."""
        average = self.state.average
        return self.objective.networks[self.objective.result] if average is None else average.network

    @property
    def models(self) -> dict[str, nn.Module]:
        """The networks that are written, by the names of their files: the model, and all networks as they are."""
        name, result = self.writer.run.name, self.objective.result
        others = {
            f"{name}-{role}": network for role, network in self.objective.networks.items() if role != result
        }
        trained = {} if self.state.average is None else {f"{name}-G": self.objective.networks[result]}
        return {name: self.result, **trained, **others}

    def begin(self) -> None:
        """Resume from the last checkpoint, or save the first one, which shows early that saving is possible."""
        content = self.writer.load()
        if content is None:
            self.writer.begin(self.state, self.models)
        else:
            self.restore(content)
        self.began, self.first_step = time.monotonic(), self.state.step
        self.writer.resume(self.state.step)

    def restore(self, content: Mapping[str, Any]) -> None:
        try:
            self.state.restore(content)
        except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise TrainingError(
                f"the checkpoint in {self.writer.run.folder} does not fit these networks and optimizers, so the run "
                f"cannot resume; train in another folder ({error})"
            ) from error

    def next_step(self) -> None:
        """Do one step, and what is due after it."""
        batch = self.next_batch()
        self.train(batch)
        step, steps, files = self.state.step, self.train_settings.steps, self.settings.files
        log, save = self.due(files.log_every), self.due(files.save_every)
        validate = self.writer.validates and self.due(self.settings.validation.every)
        asked = self.request.signal is not None and not self.several
        if not (step % self.check_every == 0 or log or validate or save or asked):
            return
        fetched = self.state.seen.fetch(self.request.signal is not None)
        bad = fetched.bad
        if bad is None and (validate or save or fetched.stop):
            bad = self.bad_weights()
        if bad is not None:
            self.go_back(bad)
            return
        pace = (time.monotonic() - self.began) / (step - self.first_step)
        self.writer.send(TrainingProgress(step, steps, fetched.last, pace * (steps - step)))
        if log:
            rates = {name: self.rates[name](step - 1) for name in self.objective.networks}
            self.writer.log(step, self.state.seen.means(), rates)
        if validate or save or fetched.stop:
            self.keep(validate=validate, must=fetched.stop or step == steps, save=save or fetched.stop)
        if fetched.stop and step < steps:
            raise Interrupted(self.request.signal or signal.SIGTERM, step, state_path(self.writer.run, step))

    def due(self, every: int) -> bool:
        step = self.state.step
        return step == self.train_settings.steps or step % every == 0

    def next_batch(self) -> Batch:
        """The batch of the next step, on the device."""
        began = time.monotonic()
        try:
            if self.data is None:
                self.data = self.batches(self.state.step + self.state.skipped)
            batch = next(self.data)
        except StopIteration as error:
            raise TrainingError("the data ended before the run; batches must be endless") from error
        except Exception:
            self.leave()
            raise
        self.writer.waited += time.monotonic() - began
        return {name: self.placed(tensor) for name, tensor in batch.items()}

    def placed(self, tensor: Tensor) -> Tensor:
        if self.train_settings.channels_last and tensor.ndim == 4:
            return tensor.to(self.fabric.device, non_blocking=True, memory_format=torch.channels_last)
        return tensor.to(self.fabric.device, non_blocking=True)

    def train(self, batch: Batch) -> None:
        state, train = self.state, self.train_settings
        if state.step in train.fresh_optimizers_at:
            state.reset_optimizers()
        for name, optimizer in state.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = self.rates[name](state.step)
        _seed_generators(self.fabric.device, self.settings.seed, state.step, self.fabric.global_rank)
        losses = training_step(
            self.objective,
            state.step,
            batch,
            state.optimizers,
            accumulate=train.accumulate,
            clip=train.clip,
            autocast=self.fabric.autocast,
            average=average_gradients if self.several else None,
            scaler=state.scaler,
        )
        state.seen.add(state.step, losses)
        if state.average is not None:
            state.average.update(self.objective.networks[self.objective.result], state.step)
        state.step += 1

    def keep(self, *, validate: bool, save: bool, must: bool) -> None:
        """Validate, then save, so that the checkpoint has the best values."""
        if self.several:
            broadcast_buffers(self.objective.networks.values())
            if self.state.average is not None:
                broadcast_buffers([self.state.average.network])
        if validate:
            self.writer.validate_network(self.state, self.result)
        if save:
            self.writer.save(self.state, self.models, must=must)
            self.failures = 0

    def bad_weights(self) -> Bad | None:
        """The first network with a weight that is not finite, which is possible even if all losses were finite."""
        for name, network in self.objective.networks.items():
            finite = torch.stack([torch.isfinite(parameter).all() for parameter in network.parameters()])
            if not bool(finite.all()):
                return Bad(self.state.step - 1, f"{name}/weights", float("nan"))
        return None

    def go_back(self, bad: Bad) -> None:
        """Return to the last checkpoint, and continue with the images after those that led to a bad loss."""
        content = self.writer.load()
        assert content is not None
        what = f"'{bad.name}' was {bad.value} in step {bad.step + 1}"
        self.failures += 1
        if self.failures > self.settings.attempts:
            raise TrainingError(
                f"{what}; this is failure {self.failures} since step {content['step']}, each with other images. "
                f"Lower the learning rate of '{bad.name.split('/')[0]}', clip its gradients (clip), or, if this is "
                f"fp16, train in bf16 or fp32. The checkpoint of step {content['step']} is kept; the same command "
                "resumes from it"
            )
        skipped = self.state.skipped + bad.step + 1 - content["step"]
        self.restore(content)
        self.state.skipped = skipped
        self.close_data()
        self.writer.resume(self.state.step)
        self.writer.note(
            self.state.step, f"{what}; training continues from step {self.state.step} with other images"
        )

    def leave(self) -> None:
        """Save a checkpoint before an exception ends the run, which may have been caused by a signal."""
        if self.several or self.state.step == self.first_step:
            return
        if self.state.seen.fetch().bad is None and self.bad_weights() is None:
            self.keep(validate=False, save=True, must=self.request.signal is not None)
            if self.request.signal is not None:
                path = state_path(self.writer.run, self.state.step)
                raise Interrupted(self.request.signal, self.state.step, path)

    def close_data(self) -> None:
        """End the worker processes."""
        close = getattr(self.data, "close", None)
        if close is not None:
            close()
        self.data = None


def _state(
    fabric: Fabric, objective: Objective, optimizers: Mapping[str, Optimizer], train: TrainSettings
) -> State:
    networks = objective.networks
    for network in networks.values():
        network.to(fabric.device)
        if train.channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    objective.to_device(str(fabric.device))
    if fabric.world_size > 1:
        broadcast_weights(networks.values())
    average = Average(networks[objective.result], train.ema, train.ema_warmup) if train.ema else None
    scaler = GradScaler(fabric.device.type) if autocast_type(fabric) == torch.float16 else None
    return State(networks, optimizers, average, scaler, LossTracker(fabric.world_size))


def _seed_generators(device: torch.device, seed: int, step: int, rank: int) -> None:
    """Seed PyTorch's default generators of the CPU and of this device for a step."""
    number = int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0])
    # torch.manual_seed would queue a call, with its stack, for every kind of device that is not in use, in every step.
    torch.default_generator.manual_seed(number)
    if device.type == "cuda":
        torch.cuda.manual_seed(number)
    elif device.type == "mps":
        torch.mps.manual_seed(number)
