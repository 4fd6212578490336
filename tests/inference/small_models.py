"""Small random models of every architecture."""

from collections.abc import Callable

import torch
from torch import nn

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.dsgan import DSGANGenerator
from wildsr.networks.edl import EDLNet
from wildsr.networks.msrresnet import MSRResNet
from wildsr.networks.resunet import ResUNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.span import SPAN
from wildsr.networks.srrescgan import SRResCGAN
from wildsr.zoo.load import contract_of
from wildsr.zoo.model import Model

Build = tuple[str, Callable[..., nn.Module], dict[str, int]]
SMALL: dict[str, Build] = {
    "compact": ("SRVGGNetCompact", SRVGGNetCompact, {"features": 8, "convs": 2, "scale": 4}),
    "compact x2": ("SRVGGNetCompact", SRVGGNetCompact, {"features": 8, "convs": 3, "scale": 2}),
    "rrdbnet": ("RRDBNet", RRDBNet, {"features": 8, "growth": 4, "blocks": 1, "scale": 4}),
    "rrdbnet x2": ("RRDBNet", RRDBNet, {"features": 8, "growth": 4, "blocks": 1, "scale": 2}),
    "rrdbnet x1": ("RRDBNet", RRDBNet, {"features": 8, "growth": 4, "blocks": 1, "scale": 1}),
    "rrdbnet x8": ("RRDBNet", RRDBNet, {"features": 8, "growth": 4, "blocks": 1, "scale": 8}),
    "unshuffled x2": (
        "RRDBNet",
        RRDBNet,
        {"features": 8, "growth": 4, "blocks": 1, "scale": 2, "unshuffle": 2},
    ),
    "unshuffled x1": (
        "RRDBNet",
        RRDBNet,
        {"features": 8, "growth": 4, "blocks": 1, "scale": 1, "unshuffle": 4},
    ),
    "msrresnet": ("MSRResNet", MSRResNet, {"features": 8, "blocks": 2, "scale": 4}),
    "resunet": ("ResUNet", ResUNet, {"features": 8, "width": 8, "blocks": 1, "scale": 4}),
    "span": ("SPAN", SPAN, {"features": 8, "scale": 4, "normalised": 0}),
    "span x2 normalised": ("SPAN", SPAN, {"features": 8, "scale": 2, "normalised": 1}),
    "srrescgan": ("SRResCGAN", SRResCGAN, {"features": 8, "blocks": 2, "scale": 4}),
    "edl": ("EDLNet", EDLNet, {"features": 4, "growth": 2, "blocks": 1, "scale": 2}),
    "dsgan": ("DSGAN", DSGANGenerator, {"features": 8, "blocks": 3}),
    "srrescgan bounded": ("SRResCGAN", SRResCGAN, {"features": 8, "blocks": 2, "scale": 4}),
}


def small_model(kind: str, seed: int = 0) -> Model:
    architecture, network, sizes = SMALL[kind]
    torch.manual_seed(seed)
    built = network(**sizes).eval().requires_grad_(False)
    for weight in built.parameters():
        if weight.ndim == 1 and weight.numel() > 1:
            weight.uniform_(-0.1, 0.1)
    if isinstance(built, SRResCGAN):
        built.alpha.fill_(2.0 if kind == "srrescgan bounded" else 30.0)
    return Model(built, contract_of(built, architecture, sizes, kind))


def noise(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))
