"""Features of VGG (Simonyan and Zisserman, 2015, configurations D and E), from torchvision's weight files."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

Depth = Literal[16, 19]
_CONVOLUTIONS: dict[int, tuple[int, ...]] = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
_WIDTHS = (64, 128, 256, 512, 512)


class VGGFeatures(nn.Module):
    """Features of images at layers of VGG-16 or VGG-19; the network ends at the deepest of them.

    Input (B, 3, H, W) RGB in ``value_range``; output by name of layer, (B, C, H / 2^n, W / 2^n). ``conv5_4`` is
    before its ReLU, ``relu5_4`` after it; :func:`layer_names` lists all. ``normalise`` subtracts the mean colour of
    ImageNet and divides by its deviation, as the weights expect; SRResCGAN feeds [0, 255] as if it were [0, 1],
    DDNSR omits the normalisation.

    The state dict has torchvision's names, ``features.0.weight`` and so on. ``widths`` are the channels of each
    convolution up to the deepest layer, for a network that is narrower than the published one.

    Raises:
        ValueError: for a layer that does not exist.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        layers: Sequence[str],
        depth: Depth = 19,
        normalise: bool = True,
        value_range: tuple[float, float] = (0.0, 1.0),
        widths: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        names = layer_names(depth)
        if unknown := [layer for layer in layers if layer not in names]:
            raise ValueError(f"VGG-{depth} has no layer {unknown[0]}; its layers are {', '.join(names)}")
        self.layers = {names.index(layer): layer for layer in layers}
        self.features = nn.Sequential(*list(vgg_layers(depth, widths))[: max(self.layers) + 1])
        low, high = value_range
        # Both shifts and both scales in one: (x - low) / (high - low), then (x - mean) / std.
        mean, std = (IMAGENET_MEAN, IMAGENET_STD) if normalise else ((0.0,) * 3, (1.0,) * 3)
        shift = torch.tensor(mean) * (high - low) + low
        self.register_buffer("mean", shift.view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1) * (high - low), persistent=False)

    @classmethod
    def from_weights(
        cls,
        weights: Mapping[str, Tensor],
        layers: Sequence[str],
        depth: Depth = 19,
        normalise: bool = True,
        value_range: tuple[float, float] = (0.0, 1.0),
    ) -> "VGGFeatures":
        """The network with the weights of a torchvision file, which may end at the deepest of ``layers``.

        Its width follows from the weights. It is in evaluation mode; gradients flow to images, not to its weights.

        Raises:
            ValueError: when a weight is missing or has the wrong shape, as with the file of another depth.
        """
        convolutions = [index for index, name in enumerate(layer_names(depth)) if name.startswith("conv")]
        found = [weights.get(f"features.{index}.weight") for index in convolutions]
        widths = [len(weight) if weight is not None else 1 for weight in found]
        network = cls(layers, depth, normalise, value_range, widths)
        expected = network.state_dict()
        for key, value in expected.items():
            if key not in weights:
                raise ValueError(f"the weight {key} is missing: these are not the weights of VGG-{depth}")
            if weights[key].shape != value.shape:
                raise ValueError(
                    f"the weight {key} is {tuple(weights[key].shape)} instead of {tuple(value.shape)}: these are not "
                    f"the weights of VGG-{depth}"
                )
        network.load_state_dict({key: weights[key] for key in expected})
        return network.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """The features of (B, 3, H, W) by name of layer."""
        x = (x - self.mean) / self.std
        found = {}
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.layers:
                found[self.layers[index]] = x
        return found


def layer_names(depth: Depth) -> tuple[str, ...]:
    """The names of the layers (``conv1_1``, ``relu1_1``, ..., ``pool5``), each with torchvision's index of it."""
    names: list[str] = []
    for stage, number in enumerate(_CONVOLUTIONS[depth], 1):
        for index in range(1, number + 1):
            names += [f"conv{stage}_{index}", f"relu{stage}_{index}"]
        names.append(f"pool{stage}")
    return tuple(names)


def vgg_layers(depth: Depth, widths: Sequence[int] | None = None) -> nn.Sequential:
    """The convolutional part of VGG with torchvision's numbering; ``widths`` replaces its channels."""
    numbers = _CONVOLUTIONS[depth]
    if widths is None:
        widths = [width for width, number in zip(_WIDTHS, numbers, strict=True) for _ in range(number)]
    remaining, width_in = list(widths), 3
    layers: list[nn.Module] = []
    for number in numbers:
        for _ in range(number):
            width_out = remaining.pop(0)
            # Not in place, since features before a ReLU may be returned.
            layers += [nn.Conv2d(width_in, width_out, 3, padding=1), nn.ReLU()]
            width_in = width_out
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)
