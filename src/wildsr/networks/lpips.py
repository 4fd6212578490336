"""LPIPS, the learned perceptual distance (Zhang et al., 2018, section 3), version 0.1."""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.networks.vgg import IMAGENET_MEAN, IMAGENET_STD, vgg_layers

Backbone = Literal["alex", "squeeze", "vgg"]


class Lpips(nn.Module):
    """Distance (B,) of two batches (B, 3, H, W) RGB in [0, 1], at least 64 pixels a side; 0 for equal images.

    The backbones are AlexNet, SqueezeNet 1.1 and VGG-16. The state dict has torchvision's names for them
    (``features.0.weight`` ...), and the channel weights as ``lin0``, ``lin1``, ..., each (C,).
    """

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone = "alex") -> None:
        super().__init__()
        levels = _LEVELS[backbone]
        layers = {"alex": _alexnet, "squeeze": _squeezenet, "vgg": _vgg16}[backbone]()
        self.ends = {level.layer for level in levels}
        self.steps = tuple(level.step for level in levels)
        self.features = nn.Sequential(*list(layers)[: max(self.ends) + 1])
        for index, level in enumerate(levels):
            self.register_parameter(f"lin{index}", nn.Parameter(torch.zeros(level.width)))
        self.register_buffer("mean", torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(IMAGENET_STD).view(1, 3, 1, 1), persistent=False)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """The distance of each pair."""
        distance = first.new_zeros(len(first))
        for level in self.maps(first, second):
            distance = distance + level.mean(dim=(1, 2))
        return distance

    def maps(self, first: Tensor, second: Tensor) -> list[Tensor]:
        """The weighted distance (B, h, w) at every position of every level; the means of all add up to LPIPS."""
        pairs = zip(self._levels(first), self._levels(second), strict=True)
        found = []
        for index, (one, other) in enumerate(pairs):
            weight = self.get_parameter(f"lin{index}").view(1, -1, 1, 1)
            found.append((weight * (_unit(one) - _unit(other)).square()).sum(1))
        return found

    def _levels(self, images: Tensor) -> list[Tensor]:
        # LPIPS is defined on [-1, 1] with its own shift and scale; on [0, 1] these are ImageNet's.
        x = (images - self.mean) / self.std
        levels = []
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.ends:
                levels.append(x)
        return levels


class _Level(NamedTuple):
    layer: int  # number of the layer that ends it
    width: int
    step: int  # pixels from one position to the next


_LEVELS: dict[Backbone, tuple[_Level, ...]] = {
    "alex": (
        _Level(1, 64, 4),
        _Level(4, 192, 8),
        _Level(7, 384, 16),
        _Level(9, 256, 16),
        _Level(11, 256, 16),
    ),
    "squeeze": (
        _Level(1, 64, 2),
        _Level(4, 128, 4),
        _Level(7, 256, 8),
        _Level(9, 384, 16),
        _Level(10, 384, 16),
        _Level(11, 512, 16),
        _Level(12, 512, 16),
    ),
    "vgg": (
        _Level(3, 64, 1),
        _Level(8, 128, 2),
        _Level(15, 256, 4),
        _Level(22, 512, 8),
        _Level(29, 512, 16),
    ),
}


def _alexnet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
    )


def _squeezenet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, stride=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        _Fire(64, 16, 64),
        _Fire(128, 16, 64),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        _Fire(128, 32, 128),
        _Fire(256, 32, 128),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        _Fire(256, 48, 192),
        _Fire(384, 48, 192),
        _Fire(384, 64, 256),
        _Fire(512, 64, 256),
    )


def _vgg16() -> nn.Sequential:
    return vgg_layers(16)


class _Fire(nn.Module):
    """SqueezeNet's module (Iandola et al., 2016, section 3.1): few channels, then 1x1 and 3x3 in parallel."""

    def __init__(self, width_in: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(width_in, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.squeeze(x))
        return F.relu(torch.cat((self.expand1x1(x), self.expand3x3(x)), 1))


def _unit(features: Tensor) -> Tensor:
    return F.normalize(features, dim=1, eps=1e-10)
