"""Device, sizes and networks of the benchmark for GPUs."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from skimage import data
from torch import Tensor, nn

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.edl import EDLNet
from wildsr.networks.msrresnet import MSRResNet
from wildsr.networks.resunet import ResUNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.span import SPAN
from wildsr.networks.srrescgan import SRResCGAN

Row = tuple[str, str]


@dataclass(frozen=True)
class Bench:
    """Device and sizes of a run."""

    device: torch.device
    small: bool
    folder: Path

    def size(self, large: int, small: int) -> int:
        """One of two sizes."""
        return small if self.small else large

    def wait(self) -> float:
        """The time when the device has done all that it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def seconds(self, work: Callable[[], object], repeat: int = 5) -> float:
        """Time of one run, after two that warm up."""
        for _ in range(1 if self.small else 2):
            work()
        began = self.wait()
        for _ in range(repeat):
            work()
        return (self.wait() - began) / repeat


def photo(side: int, count: int = 1) -> Tensor:
    """Parts of a photo, (count, 3, side, side) in [0, 1]."""
    pixels = torch.from_numpy(data.astronaut().copy()).permute(2, 0, 1).float() / 255
    places = torch.randint(512 - side + 1, (count, 2), generator=torch.Generator().manual_seed(0)).tolist()
    return torch.stack([pixels[:, top : top + side, left : left + side] for top, left in places])


def networks(bench: Bench) -> dict[str, Callable[[], nn.Module]]:
    """Every upscaling network, as published or tiny."""
    if bench.small:
        return {
            "RRDBNet": lambda: RRDBNet(features=8, blocks=1, growth=4),
            "SRVGGNetCompact": lambda: SRVGGNetCompact(features=8, convs=2, scale=4),
            "ResUNet": lambda: ResUNet(features=8, width=8, blocks=1, scale=4),
            "MSRResNet": lambda: MSRResNet(features=8, blocks=1, scale=4),
            "SPAN": lambda: SPAN(features=8, scale=4),
            "EDLNet": lambda: EDLNet(features=8, blocks=1, growth=4),
            "SRResCGAN": lambda: SRResCGAN(features=8, blocks=1),
        }
    return {
        "RRDBNet": RRDBNet,
        "SRVGGNetCompact": lambda: SRVGGNetCompact(64, 32, 4),
        "ResUNet": lambda: ResUNet(scale=4),
        "MSRResNet": lambda: MSRResNet(scale=4),
        "SPAN": lambda: SPAN(scale=4),
        "EDLNet": EDLNet,
        "SRResCGAN": SRResCGAN,
    }
