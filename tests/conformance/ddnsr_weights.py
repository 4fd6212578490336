"""Keras's weights and images in PyTorch's layout."""

import re
from collections.abc import Iterable
from typing import Any

import torch.nn.functional as F
from golden_files import Golden
from torch import Tensor, nn

from wildsr.networks.ddnsr import DegradationNetwork
from wildsr.networks.rrdbnet import RRDBNet

_PLACES = {
    "kernel": "weight",
    "bias": "bias",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


def nchw(x: Tensor) -> Tensor:
    return x.permute(0, 3, 1, 2).contiguous()


def ours(name: str, value: Tensor) -> Tensor:
    """A Keras weight in PyTorch's layout."""
    if "kernel" not in name:
        return value
    return value.permute(3, 2, 0, 1) if value.ndim == 4 else value.t()


def converted(
    network: nn.Module, weights: dict[str, Tensor], layout: Iterable[str] | None = None
) -> dict[str, Tensor]:
    """Weights of Keras's layers under the names of the network's layers.

    ``layout`` has the names of all weights in the order of the layers, where ``weights`` are not all of them.
    """
    layers = [
        name
        for name, layer in network.named_modules()
        if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d, nn.Linear))
    ]
    theirs = list(dict.fromkeys(re.sub(r"/[^/]*$", "", name) for name in layout or weights))
    assert len(layers) == len(theirs)
    names = dict(zip(theirs, layers, strict=True))
    return {
        f"{names[layer]}.{_PLACES[kind.removesuffix(':0')]}": ours(kind, value)
        for key, value in weights.items()
        for layer, _, kind in [key.rpartition("/")]
    }


def fill(network: nn.Module, weights: dict[str, Tensor]) -> nn.Module:
    """Give the layers of the network, in their order, the Keras layers' weights, in theirs."""
    missing, unexpected = network.load_state_dict(converted(network, weights), strict=False)
    assert not unexpected
    assert all(name.endswith(("num_batches_tracked", "noise_gain")) for name in missing), missing
    return network.eval()


def created(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Sorted by the number in the name of the convolution, which is the order of creation."""

    def number(name: str) -> int:
        match = re.search(r"conv2d(?:_(\d+))?/(?:kernel|bias)", name)
        assert match, name
        return int(match[1] or 0)

    return {name: weights[name] for name in sorted(weights, key=number)}


def arguments(text: str) -> dict[str, Any]:
    """The keyword arguments in a line of source code; of equal names the first counts."""
    found: dict[str, Any] = dict(reversed(re.findall(r"(\w+)='?([\w.]+)'?", text)))
    return {key: int(value) if value.isdigit() else value for key, value in found.items()}


class FeatureStack(nn.Module):
    """The file's stand-in for VGG-19: two convolutions, and a pooling between them where ``pool`` says so."""

    def __init__(self, weights: dict[str, Tensor], pool: bool) -> None:
        super().__init__()
        self.pool = pool
        self.convs = nn.ModuleList()
        for name in ("conv1", "conv2"):
            kernel = weights[f"{name}/kernel"].permute(3, 2, 0, 1)
            conv = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
            conv.load_state_dict({"weight": kernel, "bias": weights[f"{name}/bias"]})
            self.convs.append(conv)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.convs[0](x).relu()
        return {"features": self.convs[1](F.max_pool2d(x, 2) if self.pool else x)}


def recorded_networks(item: Golden) -> tuple[RRDBNet, DegradationNetwork]:
    """The networks of a recorded training before its first step: to HR, to LR."""
    made = {key: arguments(text) for key, text in item.json("constructors").items()}
    up = RRDBNet(
        features=made["up"]["filters"],
        blocks=made["up"]["blocks"],
        growth=made["up"]["filters_growing"],
        scale=2 ** made["up"]["upscale_layers"],
    )
    down = DegradationNetwork(
        made["down"]["filters"],
        made["down"]["downscale_layers"],
        made["down"]["blocks"],
        made["down"]["input_type"] == "dual",
    )
    fill(up, created(item.under("init/up/")))
    fill(down, created(item.under("init/down/")))
    return up, down
