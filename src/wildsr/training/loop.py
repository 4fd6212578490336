"""The one training loop, for every method.

A run is a function of its recipe: batch n depends on n only, and every step seeds PyTorch's default generators with the
plan's seed, the step and the rank of the process. So whatever an objective draws, a run that was stopped goes on as if
nothing had happened.
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

from wildsr.inference.engine import is_out_of_memory
from wildsr.training.checkpoint import model_header
from wildsr.training.ema import Average
from wildsr.training.errors import Interrupted, TrainingError
from wildsr.training.events import OnEvent, Progress
from wildsr.training.files import state_path
from wildsr.training.losses_seen import Bad, LossesSeen
from wildsr.training.objective import Batch, Objective
from wildsr.training.plan import Batches, Plan, Rate, Run, Validate
from wildsr.training.precision import autocast_type, float32_results
from wildsr.training.processes import average_gradients, broadcast_buffers, broadcast_weights
from wildsr.training.record import Record
from wildsr.training.state import State
from wildsr.training.step import training_step
from wildsr.training.stopping import StopRequest, stop_request

_CHECK_EVERY = 16
"""Steps between looks at the losses on an accelerator, which has to finish its work for each."""


def fit(
    fabric: Fabric,
    objective: Objective,
    optimizers: Mapping[str, Optimizer],
    rates: Mapping[str, Rate],
    batches: Batches,
    plan: Plan,
    run: Run,
    *,
    validate: Validate | None = None,
    on_event: OnEvent | None = None,
) -> Path:
    """Train, or go on where the run in ``run.folder`` stopped, and return the model file.

    ``fabric`` comes from :func:`wildsr.training.processes.start`, and says which devices, how many processes and which
    precision; ``optimizers`` and ``rates`` have one entry for each of ``objective.networks``. Networks stay in the mode
    (training or evaluation) that they come in. The folder must be the same one for all processes on its machine;
    the first process alone writes and validates. The objective's by-products are written beside the model.

    Raises:
        Interrupted: after SIGTERM or SIGINT, once the state is saved. A second signal ends the process at once.
        TrainingError: when losses stay not finite, the first or last state cannot be written (others are tried again
            later), or the state in the folder belongs to another recipe. What ``batches`` raises passes through; a
            single process saves its state before.
    """
    for name in objective.networks:
        if name not in optimizers or name not in rates:
            raise ValueError(f"the network '{name}' needs an optimizer and a learning rate")
    for name in (objective.result, *objective.by_products):
        model_header(objective.networks[name])
    with ExitStack() as stack:
        devices = [fabric.device] if fabric.device.type == "cuda" else []
        stack.enter_context(torch.random.fork_rng(devices))
        request = stack.enter_context(stop_request())
        record = Record(fabric, plan, run, validate, on_event)
        stack.callback(record.close)
        state = _state(fabric, objective, optimizers, plan)
        stack.enter_context(float32_results(fabric, objective.networks.values()))
        loop = _Loop(fabric, objective, rates, batches, plan, record, state, request)
        stack.callback(loop.close_data)
        loop.begin()
        try:
            while state.step < plan.steps:
                loop.next_step()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise TrainingError(
                f"memory ran out in step {state.step + 1}: compute the batch in more parts (accumulate), or train on "
                "smaller batches or patches. The same command goes on from the last state"
            ) from error
        return record.path_of(run.name)


class _Loop:
    """A run in progress: what is done in a step, and after how many of them."""

    def __init__(
        self,
        fabric: Fabric,
        objective: Objective,
        rates: Mapping[str, Rate],
        batches: Batches,
        plan: Plan,
        record: Record,
        state: State,
        request: StopRequest,
    ) -> None:
        self.fabric, self.objective, self.rates, self.batches = fabric, objective, rates, batches
        self.plan, self.record, self.state, self.request = plan, record, state, request
        self.several = fabric.world_size > 1
        self.check_every = 1 if fabric.device.type == "cpu" else _CHECK_EVERY
        self.failures = 0
        self.data: Iterator[Batch] | None = None
        self.began, self.first_step = time.monotonic(), 0

    @property
    def result(self) -> nn.Module:
        """The network that the run is for: averaged, if the plan says so."""
        average = self.state.average
        return self.objective.networks[self.objective.result] if average is None else average.network

    @property
    def models(self) -> dict[str, nn.Module]:
        """The networks that are written, by the names of their files."""
        name, networks = self.record.run.name, self.objective.networks
        return {name: self.result} | {f"{name}-{one}": networks[one] for one in self.objective.by_products}

    def begin(self) -> None:
        """Go on from the last state, or save the first one, which shows early that saving is possible."""
        content = self.record.load()
        if content is None:
            self.record.begin(self.state, self.models)
        else:
            self.restore(content)
        self.began, self.first_step = time.monotonic(), self.state.step
        self.record.go_on(self.state.step)

    def restore(self, content: Mapping[str, Any]) -> None:
        try:
            self.state.restore(content)
        except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            raise TrainingError(
                f"the state in {self.record.run.folder} does not fit these networks and optimizers, so that the "
                f"run cannot go on; train in another folder ({error})"
            ) from error

    def next_step(self) -> None:
        """One step, and what is due after it."""
        batch = self.next_batch()
        self.train(batch)
        step, plan = self.state.step, self.plan
        log, validate, save = (
            self.due(plan.log_every),
            self.due(plan.validate_every),
            self.due(plan.save_every),
        )
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
        self.record.tell(Progress(step, plan.steps, fetched.last, pace * (plan.steps - step)))
        if log:
            rates = {name: self.rates[name](step - 1) for name in self.objective.networks}
            self.record.log(step, self.state.seen.means(), rates)
        if validate or save or fetched.stop:
            self.keep(validate=validate, must=fetched.stop or step == plan.steps, save=save or fetched.stop)
        if fetched.stop and step < plan.steps:
            raise Interrupted(self.request.signal or signal.SIGTERM, step, state_path(self.record.run, step))

    def due(self, every: int) -> bool:
        step = self.state.step
        return step == self.plan.steps or (every > 0 and step % every == 0)

    def next_batch(self) -> Batch:
        """The batch of the next step, on the device."""
        began = time.monotonic()
        try:
            if self.data is None:
                self.data = self.batches(self.state.step + self.state.skipped)
            batch = next(self.data)
        except StopIteration as error:
            raise TrainingError("the data ended before the run; batches must go on without end") from error
        except Exception:
            self.leave()
            raise
        self.record.waited += time.monotonic() - began
        return {name: self.placed(tensor) for name, tensor in batch.items()}

    def placed(self, tensor: Tensor) -> Tensor:
        if self.plan.channels_last and tensor.ndim == 4:
            return tensor.to(self.fabric.device, non_blocking=True, memory_format=torch.channels_last)
        return tensor.to(self.fabric.device, non_blocking=True)

    def train(self, batch: Batch) -> None:
        state, plan = self.state, self.plan
        if state.step in plan.fresh_optimizers_at:
            state.forget_moments()
        for name, optimizer in state.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = self.rates[name](state.step)
        _seed_generators(self.fabric.device, plan.seed, state.step, self.fabric.global_rank)
        losses = training_step(
            self.objective,
            state.step,
            batch,
            state.optimizers,
            accumulate=plan.accumulate,
            clip=plan.clip,
            autocast=self.fabric.autocast,
            average=average_gradients if self.several else None,
            scaler=state.scaler,
        )
        state.seen.add(state.step, losses)
        if state.average is not None:
            state.average.update(self.objective.networks[self.objective.result], state.step)
        state.step += 1

    def keep(self, *, validate: bool, save: bool, must: bool) -> None:
        """Validate, then save, so that the state knows the best value."""
        if self.several:
            broadcast_buffers(self.objective.networks.values())
            if self.state.average is not None:
                broadcast_buffers([self.state.average.network])
        if validate:
            self.record.judge(self.state, self.result)
        if save:
            self.record.save(self.state, self.models, must=must)
            self.failures = 0

    def bad_weights(self) -> Bad | None:
        """The first network with a weight that is not finite, which a step with finite losses can leave behind."""
        for name, network in self.objective.networks.items():
            finite = torch.stack([torch.isfinite(parameter).all() for parameter in network.parameters()])
            if not bool(finite.all()):
                return Bad(self.state.step - 1, f"{name}/weights", float("nan"))
        return None

    def go_back(self, bad: Bad) -> None:
        """Go on from the last state with the images after those that led to a loss that is not finite."""
        content = self.record.load()
        assert content is not None
        what = f"'{bad.name}' was {bad.value} in step {bad.step + 1}"
        self.failures += 1
        if self.failures > self.plan.attempts:
            raise TrainingError(
                f"{what}, for the {self.failures}. time since step {content['step']}, each time with other images. "
                f"Lower the learning rate of '{bad.name.split('/')[0]}', clip its gradients (clip), or, if this is "
                f"fp16, train in bf16 or fp32. The state of step {content['step']} is kept; the same recipe would go "
                "on from it"
            )
        skipped = self.state.skipped + bad.step + 1 - content["step"]
        self.restore(content)
        self.state.skipped = skipped
        self.close_data()
        self.record.go_on(self.state.step)
        self.record.note(
            self.state.step, f"{what}; training goes on from step {self.state.step} with other images"
        )

    def leave(self) -> None:
        """Save what there is before an exception ends the run; it may be one that a signal brought about."""
        if self.several or self.state.step == self.first_step:
            return
        if self.state.seen.fetch().bad is None and self.bad_weights() is None:
            self.keep(validate=False, save=True, must=self.request.signal is not None)
            if self.request.signal is not None:
                path = state_path(self.record.run, self.state.step)
                raise Interrupted(self.request.signal, self.state.step, path)

    def close_data(self) -> None:
        """End the worker processes."""
        close = getattr(self.data, "close", None)
        if close is not None:
            close()
        self.data = None


def _state(fabric: Fabric, objective: Objective, optimizers: Mapping[str, Optimizer], plan: Plan) -> State:
    networks = objective.networks
    for network in networks.values():
        network.to(fabric.device)
        if plan.channels_last:
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    objective.to_device(str(fabric.device))
    if fabric.world_size > 1:
        broadcast_weights(networks.values())
    average = Average(networks[objective.result], plan.ema, plan.ema_warmup) if plan.ema else None
    scaler = GradScaler(fabric.device.type) if autocast_type(fabric) == torch.float16 else None
    return State(networks, optimizers, average, scaler, LossesSeen(fabric.world_size))


def _seed_generators(device: torch.device, seed: int, step: int, rank: int) -> None:
    """Seed what a step draws from by default: PyTorch's generators of the CPU and of this device."""
    number = int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0])
    # torch.manual_seed would note a call, with its stack, for every kind of device that is not in use, in every step.
    torch.default_generator.manual_seed(number)
    if device.type == "cuda":
        torch.cuda.manual_seed(number)
    elif device.type == "mps":
        torch.mps.manual_seed(number)
