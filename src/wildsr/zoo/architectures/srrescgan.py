"""SRResCGAN: files of SRResCGAN and SRResCycGAN."""

from wildsr.networks.srrescgan import SRResCGAN
from wildsr.zoo.architectures.architecture import (
    Architecture,
    KeyLayout,
    Weights,
    count,
    require_rgb_input,
    shape_of,
)


def _sizes(weights: Weights) -> dict[str, int]:
    features, width_in = shape_of(weights, "model.conv1.weight_v", 4)[:2]
    require_rgb_input(width_in)
    # The upsampling has no weights; all published files are x4.
    return {"features": features, "blocks": count(weights, "model.layer1."), "scale": 4}


SRRESCGAN = Architecture(
    name="SRResCGAN",
    build=SRResCGAN,
    layouts=(KeyLayout(("model.conv1.weight_v", "model.layer1.0.", "alpha")),),
    sizes=_sizes,
    value_range=255.0,
)
