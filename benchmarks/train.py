"""Overhead of the training loop, whether data loading keeps up, and on a GPU the share of its peak.

    python benchmarks/train.py [--steps 60] [--photos FOLDER] [--network compact|rrdbnet] [--precision fp32]

First, steps of the loop and of a hand-written PyTorch loop, in turn in one process, with the same network, images,
optimizer and average of weights: while the loop asks for its next batch, the other makes its step on that batch. The
ratio of their times is the loop's price. Then the share of the time that the loop waits for images which worker
processes degrade as BSRGAN does. On CUDA also RRDBNet-23 in bf16, as a share of what large matrix products reach.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import torch
import torch.nn.functional as F
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from wildsr.data.datasets import DegradedPairs
from wildsr.data.image_sets import find_images
from wildsr.data.loader import Batches
from wildsr.data.patches import Picker
from wildsr.degradations.methods.bsrgan import Bsrgan
from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.training.loop import fit
from wildsr.training.objective import Batch
from wildsr.training.objectives.pixel import PixelObjective
from wildsr.training.objectives.terms import Term
from wildsr.training.processes import Hardware, start
from wildsr.training.settings import FileSettings, Run, RunSettings, TrainSettings

SKIPPED = 5
"""Steps in the beginning that are not counted: memory is allocated, kernels are chosen."""
DECAY = 0.999


def network_of(name: str) -> nn.Module:
    torch.manual_seed(0)
    return SRVGGNetCompact(64, 16, 4) if name == "compact" else RRDBNet()


class PlainLoop:
    """A loop written by hand: forward, L1, backward, Adam, averaged weights."""

    def __init__(self, network: nn.Module, device: torch.device, precision: str) -> None:
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = deepcopy(self.network).requires_grad_(False)
        self.optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
        self.device, self.half = device, precision == "bf16"

    def step(self, batch: Batch) -> Tensor:
        """One training step; its loss."""
        lr = batch["lr"].to(self.device, memory_format=torch.channels_last)
        hr = batch["hr"].to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            sr = self.network(lr)
        loss = F.l1_loss(sr.float(), hr)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            kept, now = list(self.average.parameters()), list(self.network.parameters())
            torch._foreach_lerp_(kept, now, 1 - DECAY)
        return loss.detach()


def ours(
    fabric: Fabric, network: nn.Module, batches: object, steps: int, folder: Path, log_every: int
) -> None:
    """The loop, saving only at its two ends."""
    objective = PixelObjective(network, {"l1": Term(1.0, F.l1_loss)})
    optimizers = {"generator": torch.optim.Adam(network.parameters())}
    settings = RunSettings(
        TrainSettings(steps=steps, batch_size=1, ema=DECAY),
        FileSettings(log_every=log_every, save_every=steps),
    )
    run = Run(folder, "benchmark", "", {})
    fit(fabric, objective, optimizers, {"generator": lambda _: 1e-4}, batches, settings, run)  # type: ignore[arg-type]


def overhead(fabric: Fabric, options: argparse.Namespace, batch: Batch) -> None:
    """Both loops in turn, step by step."""
    plain = PlainLoop(network_of(options.network), fabric.device, options.precision)
    hand_written: list[float] = []
    engine: list[float] = []

    def alternating(_: int) -> Iterator[Batch]:
        while True:
            began = now(fabric.device)
            plain.step(batch)
            handed_over = now(fabric.device)
            yield batch
            hand_written.append(handed_over - began)
            engine.append(now(fabric.device) - handed_over)

    with tempfile.TemporaryDirectory() as folder:
        # The last step is followed by saving, and no further batch is asked for.
        ours(fabric, network_of(options.network), alternating, options.steps + 1, Path(folder), 20)
    first, second = hand_written[SKIPPED:], engine[SKIPPED:]
    ratios = [b / a for a, b in zip(first, second, strict=True)]
    print(
        f"hand-written loop {statistics.median(first) * 1e3:8.1f} ms per step (median of {len(first)})\n"
        f"wildsr's loop     {statistics.median(second) * 1e3:8.1f} ms per step\n"
        f"ratio             {statistics.median(ratios):8.3f} (median), {sum(second) / sum(first):.3f} (of the sums)"
    )


def now(device: torch.device) -> float:
    """The time when the device has finished what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def waiting(fabric: Fabric, options: argparse.Namespace) -> None:
    """The share of waiting, from the loop's own log."""
    images = find_images(options.photos, 320)
    images.keep()
    dataset = DegradedPairs(Picker(images, 0), Bsrgan(4), 320, options.patch, 0)
    batches = Batches(dataset, options.batch, options.workers)
    with tempfile.TemporaryDirectory() as folder:
        every = max(1, options.wait_steps // 4)
        ours(fabric, network_of(options.network), batches, 4 * every, Path(folder), every)
        lines = [json.loads(line) for line in (Path(folder) / "log.jsonl").read_text().splitlines()]
    # The first quarter waits for the workers to start.
    share = statistics.mean(line["waiting_for_data"] for line in lines[1:])
    seconds = statistics.mean(line["seconds_per_step"] for line in lines[1:])
    print(
        f"BSRGAN's degradation in {options.workers} worker processes: {100 * share:.1f} % of the time waits for data, "
        f"{options.batch / seconds:.2f} pairs/s"
    )


def throughput(fabric: Fabric) -> None:
    """RRDBNet-23 in bf16, 16 LR patches of 72x72, beside products of 8192x8192 matrices."""
    batch = {"lr": torch.rand(16, 3, 72, 72), "hr": torch.rand(16, 3, 288, 288)}
    batch = {name: tensor.to(fabric.device) for name, tensor in batch.items()}
    counted = network_of("rrdbnet").to(fabric.device)
    with FlopCounterMode(display=False) as counter:
        F.l1_loss(counted(batch["lr"]), batch["hr"]).backward()
    del counted
    times: list[float] = []

    def endless(_: int) -> Iterator[Batch]:
        while True:
            if len(times) % 10 == 0:
                torch.cuda.synchronize(fabric.device)
            times.append(time.perf_counter())
            yield batch

    with tempfile.TemporaryDirectory() as folder:
        ours(fabric, network_of("rrdbnet"), endless, 61, Path(folder), 20)
    seconds = (times[60] - times[20]) / 40
    matrix = torch.rand(8192, 8192, device=fabric.device, dtype=torch.bfloat16)
    for _ in range(5):
        matrix @ matrix
    began = now(fabric.device)
    for _ in range(20):
        matrix @ matrix
    peak = 20 * 2 * 8192**3 / (now(fabric.device) - began)
    reached = counter.get_total_flops() / seconds
    print(
        f"RRDBNet-23, bf16: {16 / seconds:.1f} pairs/s; {reached / 1e12:.1f} of {peak / 1e12:.1f} TFLOP/s measured in "
        f"matrix products ({100 * reached / peak:.0f} %)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--wait-steps", type=int, default=40)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--network", choices=("compact", "rrdbnet"), default="compact")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="fp32")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--patch", type=int, default=48, help="LR pixels on a side")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch, on a CPU")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    fabric = start(Hardware(precision=options.precision))
    size = options.patch
    batch = {
        "lr": torch.rand(options.batch, 3, size, size),
        "hr": torch.rand(options.batch, 3, 4 * size, 4 * size),
    }
    print(
        f"{options.network}, {options.precision}, {options.batch} patches of {size}x{size}, {fabric.device}"
    )
    overhead(fabric, options, batch)
    if options.photos:
        waiting(fabric, options)
    if fabric.device.type == "cuda":
        throughput(start(Hardware(precision="bf16")))


if __name__ == "__main__":
    main()
