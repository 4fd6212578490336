"""MSRResNet: files of RealSR."""

import math

from wildsr.networks.msrresnet import MSRResNet
from wildsr.zoo.architectures.architecture import (
    Architecture,
    KeyLayout,
    Weights,
    count,
    require_rgb_input,
    require_rgb_output,
    shape_of,
)
from wildsr.zoo.errors import ModelError


def _sizes(weights: Weights) -> dict[str, int]:
    features, width_in = shape_of(weights, "conv_first.weight", 4)[:2]
    require_rgb_input(width_in)
    require_rgb_output(shape_of(weights, "conv_last.weight", 4)[0])
    scale = math.isqrt(shape_of(weights, "upconv1.weight", 4)[0] // max(features, 1))
    if "upconv2.weight" in weights:
        scale *= 2
    if scale not in (2, 3, 4):
        raise ModelError(f"it is an MSRResNet of scale {scale}; wildsr knows 2, 3 and 4")
    return {"features": features, "blocks": count(weights, "recon_trunk."), "scale": scale}


MSRRESNET = Architecture(
    name="MSRResNet",
    build=MSRResNet,
    layouts=(KeyLayout(("recon_trunk.0.", "conv_first.")),),
    sizes=_sizes,
    projects="RealSR",
    largest_overlap=32,
)
