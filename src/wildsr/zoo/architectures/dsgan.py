"""DSGAN's generator: files of Frequency Separation and of SRResCGAN."""

from wildsr.networks.dsgan import DSGANGenerator
from wildsr.zoo.architectures.architecture import (
    Architecture,
    KeyLayout,
    Weights,
    count,
    require_rgb_input,
    shape_of,
)


def _sizes(weights: Weights) -> dict[str, int]:
    features, width_in = shape_of(weights, "block_input.0.weight", 4)[:2]
    require_rgb_input(width_in)
    return {"features": features, "blocks": count(weights, "res_blocks.")}


DSGAN = Architecture(
    name="DSGAN",
    build=DSGANGenerator,
    layouts=(KeyLayout(("block_input.0.", "res_blocks.0.", "block_output.")),),
    sizes=_sizes,
)
