"""ResUNet: wildsr's own models."""

from wildsr.networks.resunet import ResUNet
from wildsr.zoo.architectures.architecture import (
    Architecture,
    KeyLayout,
    Weights,
    count,
    pixel_shuffle_scale,
    require_rgb_input,
    shape_of,
)


def _sizes(weights: Weights) -> dict[str, int]:
    features, width_in = shape_of(weights, "head.weight", 4)[:2]
    require_rgb_input(width_in)
    return {
        "features": features,
        "width": shape_of(weights, "to_half.weight", 4)[0],
        "blocks": count(weights, "quarter."),
        "scale": pixel_shuffle_scale(shape_of(weights, "tail.weight", 4)[0]),
    }


RESUNET = Architecture(
    name="ResUNet",
    build=ResUNet,
    layouts=(KeyLayout(("head.", "to_half.", "quarter.0.", "tail.")),),
    sizes=_sizes,
    projects="wildsr",
    largest_overlap=32,
)
