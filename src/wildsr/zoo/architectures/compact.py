"""SRVGGNetCompact: files of Real-ESRGAN."""

from collections.abc import Sequence

from torch import Tensor

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.zoo.architectures.architecture import (
    Architecture,
    KeyLayout,
    Weights,
    count,
    flat,
    pixel_shuffle_scale,
    require_rgb_input,
    shape_of,
)
from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.ncnn import NcnnLayer


def _sizes(weights: Weights) -> dict[str, int]:
    features, width_in = shape_of(weights, "body.0.weight", 4)[:2]
    require_rgb_input(width_in)
    # Convolutions and PReLUs alternate; the first and the last layer are convolutions.
    layers = count(weights, "body.")
    width_out = shape_of(weights, f"body.{layers - 1}.weight", 4)[0]
    if layers < 3:
        raise ModelError(f"it is a compact network of only {layers} layers")
    return {"features": features, "convs": (layers - 3) // 2, "scale": pixel_shuffle_scale(width_out)}


def _from_ncnn(layers: Sequence[NcnnLayer]) -> dict[str, Tensor] | None:
    kinds = [layer.kind for layer in layers]
    if "PReLU" not in kinds or kinds.count("PixelShuffle") > 1:
        return None
    body = [layer.weights for layer in layers if layer.kind in ("Convolution", "PReLU")]
    return flat({f"body.{index}": held for index, held in enumerate(body)})


COMPACT = Architecture(
    name="SRVGGNetCompact",
    build=SRVGGNetCompact,
    layouts=(KeyLayout(("body.0.weight", "body.1.weight")),),
    sizes=_sizes,
    projects="Real-ESRGAN",
    largest_overlap=28,  # the default differs by at most 0.09 levels of 8 bits then, by 0.65 at 24 (docs/speed.md)
    largest_tile=640,  # two tiles under way need about 1.2 KiB for each of their pixels in float32
    from_ncnn=_from_ncnn,
)
