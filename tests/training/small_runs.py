"""A small GAN run for tests of the loop: seconds on one core, with everything that a checkpoint can hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.training.objective import Batch, Losses, Turn
from wildsr.training.processes import Hardware
from wildsr.training.settings import (
    FileSettings,
    Rate,
    Run,
    RunSettings,
    TrainSettings,
    ValidationSettings,
)

FP32 = Hardware("cpu", precision="fp32")
BF16 = Hardware("cpu", precision="bf16")
BATCH = 4


def small_generator() -> SRVGGNetCompact:
    torch.manual_seed(1)
    return SRVGGNetCompact(4, 1, 2)


def small_discriminator() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 3))


@dataclass
class SmallGan:
    """A generator with a pixel and an adversarial loss, which adds random noise to its input, then a discriminator."""

    networks: Mapping[str, nn.Module] = field(
        default_factory=lambda: {"g": small_generator(), "d": small_discriminator()}
    )
    result: str = "g"

    def turns(self, step: int) -> Sequence[Turn]:
        return [
            Turn("generator", self.generator),
            *([Turn("discriminator", self.discriminator)] if step != 1 else []),
        ]

    def generator(self, batch: Batch) -> Losses:
        sr = self.networks["g"](batch["lr"] + 0.01 * torch.randn_like(batch["lr"]))
        batch["sr"] = sr.detach()
        judged = self.networks["d"](sr)
        return {
            "g": {"l1": (sr - batch["hr"]).abs().mean(), "adversarial": 0.1 * (judged - 1).square().mean()}
        }

    def discriminator(self, batch: Batch) -> Losses:
        real, fake = self.networks["d"](batch["hr"]), self.networks["d"](batch["sr"])
        return {"d": {"real": (real - 1).square().mean(), "fake": fake.square().mean()}}

    def to_device(self, device: str) -> None:
        pass


@dataclass
class Pixel:
    """The pixel loss alone."""

    networks: Mapping[str, nn.Module] = field(default_factory=lambda: {"g": small_generator()})
    result: str = "g"

    def turns(self, step: int) -> Sequence[Turn]:  # noqa: ARG002
        return [Turn("pixel", self.losses)]

    def losses(self, batch: Batch) -> Losses:
        return {"g": {"l1": (self.networks["g"](batch["lr"]) - batch["hr"]).abs().mean()}}

    def to_device(self, device: str) -> None:
        pass


def optimizers_of(networks: Mapping[str, nn.Module]) -> dict[str, Optimizer]:
    return {name: torch.optim.Adam(network.parameters()) for name, network in networks.items()}


def rates_of(networks: Mapping[str, nn.Module]) -> dict[str, Rate]:
    return {name: lambda step: 1e-3 / (1 + step) for name in networks}


@dataclass
class RandomBatches:
    """Endless batches of random images, of which this process gets its part. ``seen`` lists the requested steps."""

    rank: int = 0
    processes: int = 1
    seen: list[int] = field(default_factory=list)

    def __call__(self, first_step: int) -> Iterator[Batch]:
        part = BATCH // self.processes
        step = first_step
        while True:
            self.seen.append(step)
            rng = torch.Generator().manual_seed(step)
            hr = torch.rand(BATCH, 3, 16, 16, generator=rng)[self.rank * part :][:part]
            yield {"hr": hr, "lr": nn.functional.avg_pool2d(hr, 2)}
            step += 1


def run_in(folder: Path, **identity: str) -> Run:
    return Run(folder, "small", "name: small\n", identity, {"licence": "Apache-2.0"})


def settings(steps: int, **changes: object) -> RunSettings:
    """Settings of a short run; ``changes`` name fields of all groups."""
    given: dict[str, object] = {
        "steps": steps,
        "batch_size": BATCH,
        "ema": 0.9,
        "log_every": 2,
        "save_every": 3,
        "tensorboard": False,
        **changes,
    }
    groups = [
        kind(**{name: given.pop(name) for name in list(given) if name in kind.model_fields})
        for kind in (TrainSettings, FileSettings, ValidationSettings)
    ]
    return RunSettings(*groups, **given)  # type: ignore[arg-type]
