"""One training step: the turns of an objective, each followed by the updates of its networks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer

from wildsr.training.objective import Batch, Objective, Turn

AverageGradients = Callable[[Sequence[Tensor]], None]
"""Replaces the tensors by their means over all processes, in place."""


def training_step(
    objective: Objective,
    step: int,
    batch: Batch,
    optimizers: Mapping[str, Optimizer],
    *,
    accumulate: int = 1,
    clip: float | None = None,
    autocast: Callable[[], AbstractContextManager[object]] = nullcontext,
    average: AverageGradients | None = None,
    scaler: GradScaler | None = None,
) -> dict[str, Tensor]:
    """Train the networks of ``objective`` on one batch and return its losses, named ``network/loss``.

    Every network gets the gradient of the sum of its own losses only. All gradients of a turn are taken at the weights
    before it; then its networks are updated, in the order of the turn's losses. The returned losses are detached
    scalars on the device, so nothing waits for it.

    Args:
        objective: networks and losses.
        step: number of the step, counted from zero; an objective may have different turns in different steps.
        batch: tensors whose first axis counts samples; the dictionary itself is not changed.
        optimizers: one for each network, by its name.
        accumulate: number of parts in which the batch is computed, one after the other, to save memory. The gradients
            are those of the whole batch if losses are means over samples and networks have no batch statistics.
        clip: largest norm of the gradients of one network; None for no clipping.
        autocast: gives the context in which losses are computed, for mixed precision.
        average: averages gradients over all processes.
        scaler: keeps float16 gradients in range; None for other precisions.
    """
    parts = _split(batch, accumulate)
    reported: dict[str, Tensor] = {}
    for turn in objective.turns(step):
        for optimizer in optimizers.values():
            optimizer.zero_grad(set_to_none=True)
        named: list[str] = []
        for part, share in parts:
            losses = _add_gradients(objective.networks, turn, part, share, autocast, scaler)
            named = list(dict.fromkeys(name.split("/", 1)[0] for name in losses))
            for name, value in losses.items():
                reported[name] = reported[name] + value if name in reported else value
        for network in named:
            parameters = [p for p in objective.networks[network].parameters() if p.grad is not None]
            _update(parameters, optimizers[network], clip, average, scaler)
        if scaler is not None:
            scaler.update()
    return reported


def _split(batch: Batch, parts: int) -> list[tuple[Batch, float]]:
    """The parts of a batch, each a new dictionary, and their shares of the samples."""
    if parts == 1:
        return [(dict(batch), 1.0)]
    chunks = {name: tensor.chunk(parts) for name, tensor in batch.items()}
    sizes = [len(chunk) for chunk in next(iter(chunks.values()))]
    if any([len(chunk) for chunk in other] != sizes for other in chunks.values()):
        raise ValueError("the tensors of a batch must all have the same number of samples")
    return [
        ({name: chunk[number] for name, chunk in chunks.items()}, size / sum(sizes))
        for number, size in enumerate(sizes)
    ]


def _add_gradients(
    networks: Mapping[str, nn.Module],
    turn: Turn,
    part: Batch,
    share: float,
    autocast: Callable[[], AbstractContextManager[object]],
    scaler: GradScaler | None,
) -> dict[str, Tensor]:
    """Add the gradients of one part of the batch, and return its losses times its share."""
    with autocast():
        losses = turn.losses(part)
        totals = {network: _sum(named.values()) * share for network, named in losses.items()}
    for number, (network, total) in enumerate(totals.items(), start=1):
        parameters = [p for p in networks[network].parameters() if p.requires_grad]
        scaled = total if scaler is None else scaler.scale(total)
        # Networks of one turn may share a graph, which must be retained until the last of them.
        torch.autograd.backward([scaled], inputs=parameters, retain_graph=number < len(totals))
    return {
        f"{network}/{name}": value.detach() * share
        for network, named in losses.items()
        for name, value in named.items()
    }


def _sum(values: Iterable[Tensor]) -> Tensor:
    first, *others = values
    for other in others:
        first = first + other
    return first


def _update(
    parameters: list[nn.Parameter],
    optimizer: Optimizer,
    clip: float | None,
    average: AverageGradients | None,
    scaler: GradScaler | None,
) -> None:
    if average is not None:
        average([p.grad for p in parameters if p.grad is not None])
    if scaler is not None and clip is not None:
        scaler.unscale_(optimizer)
    if clip is not None:
        nn.utils.clip_grad_norm_(parameters, clip)
    if scaler is None:
        optimizer.step()
    else:
        scaler.step(optimizer)
