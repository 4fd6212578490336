"""The processes of a run, on Lightning Fabric: how they start, and the exchange of gradients and weights."""

import atexit
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
import torch.distributed
from lightning.fabric import Fabric
from torch import Tensor, nn

from wildsr.training.errors import TrainingError
from wildsr.training.settings import Precision

Accelerator = Literal["auto", "cpu", "gpu", "mps"]
_PRECISIONS = {"bf16": "bf16-mixed", "fp16": "16-mixed", "fp32": "32-true"}


@dataclass(frozen=True)
class Hardware:
    """Hardware of a run: ``devices`` of one kind, a number or their indices, on each of ``nodes`` machines, one process
    per device.
    """

    accelerator: Accelerator = "auto"
    devices: int | tuple[int, ...] = 1
    nodes: int = 1
    precision: Precision = "bf16"


def start(hardware: Hardware) -> Fabric:
    """Start the processes; each continues from here, with its own rank.

    On one machine the command line is run again for each further device. Processes that ``torchrun``, SLURM or another
    system started are used as they are.

    Raises:
        TrainingError: this machine has no such devices, or they cannot compute in that precision.
    """
    devices = hardware.devices if isinstance(hardware.devices, int) else list(hardware.devices)
    several = (devices if isinstance(devices, int) else len(devices)) * hardware.nodes > 1
    try:
        with _quiet(), warnings.catch_warnings():
            # Fabric would use bf16 instead; below, this is an error.
            warnings.filterwarnings("ignore", ".*AMP with fp16 is not supported on CPU")
            fabric = Fabric(
                accelerator=hardware.accelerator,
                strategy="ddp" if several else "auto",
                devices=devices,
                num_nodes=hardware.nodes,
                precision=_PRECISIONS[hardware.precision],
            )
    except (RuntimeError, ValueError) as error:
        raise TrainingError(f"{hardware} cannot be used: {error}") from error
    if hardware.precision == "fp16" and fabric.device.type == "cpu":
        raise TrainingError("CPUs do not train in fp16; choose bf16 or fp32")
    with _quiet():
        fabric.launch()
    if several:
        # If they live until the interpreter exits, the threads of a process group may abort the process.
        atexit.register(_leave_group)
    return fabric


def _leave_group() -> None:
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences Fabric's messages on stderr, which would mix with those of a command."""
    # After an import of lightning.pytorch, Fabric logs through the logger of that.
    loggers = [logging.getLogger(name) for name in ("lightning.fabric", "lightning.pytorch")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def average_gradients(tensors: Sequence[Tensor]) -> None:
    """Replace the tensors by their means over all processes, in place, with one all-reduce."""
    if not tensors:
        return
    joined = torch.cat([tensor.reshape(-1) for tensor in tensors])
    torch.distributed.all_reduce(joined)
    joined /= torch.distributed.get_world_size()
    first = 0
    for tensor in tensors:
        tensor.copy_(joined[first : first + tensor.numel()].view_as(tensor))
        first += tensor.numel()


def broadcast_weights(networks: Iterable[nn.Module]) -> None:
    """Copy the weights and buffers of rank 0 to all processes."""
    for network in networks:
        for tensor in (*network.parameters(), *network.buffers()):
            torch.distributed.broadcast(tensor.data, src=0)


def broadcast_buffers(networks: Iterable[nn.Module]) -> None:
    """Copy the buffers (statistics of batch norm) of rank 0 to all processes."""
    for network in networks:
        for tensor in network.buffers():
            torch.distributed.broadcast(tensor.data, src=0)
