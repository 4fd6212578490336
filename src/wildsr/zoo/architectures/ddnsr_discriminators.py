"""DDNSR's two discriminators, which share one naming of their layers."""

import math

from torch import Tensor

from wildsr.networks.ddnsr import DDNSRPatchDiscriminator, DDNSRVGGDiscriminator
from wildsr.zoo.architectures.architecture import Architecture, KeyLayout, Weights, flat, shape_of
from wildsr.zoo.formats.h5 import KerasLayers


def _convolutions(weights: Weights) -> list[Tensor]:
    return [value for value in weights.values() if value.ndim == 4]


def _patch_sizes(weights: Weights) -> dict[str, int]:
    features = shape_of(weights, "body.0.weight", 4)[0]
    return {"features": features, "halvings": len(_convolutions(weights)) - 2}


def _vgg_sizes(weights: Weights) -> dict[str, int]:
    convolutions = _convolutions(weights)
    hidden, flattened = shape_of(weights, "linear1.weight", 2)
    # Only the area of the flattened map is known; every shape of that area has the same weights.
    halvings = len(convolutions) // 2
    area = flattened // max(int(convolutions[-1].shape[0]), 1)
    height = next(side for side in range(math.isqrt(area), -1, -1) if not side or area % side == 0)
    return {
        "features": shape_of(weights, "body.0.weight", 4)[0],
        "halvings": halvings,
        "height": height << halvings,
        "width": area // max(height, 1) << halvings,
        "hidden": hidden,
    }


def _build_vgg(features: int, halvings: int, height: int, width: int, hidden: int) -> DDNSRVGGDiscriminator:
    return DDNSRVGGDiscriminator(features, halvings, (height, width), hidden)


def _from_keras(layers: KerasLayers) -> dict[str, Tensor] | None:
    """Convolutions without a bias are followed by a batch norm, and all by an activation, which has an index too."""
    if not layers.normalisations:
        return None
    convolutions, dense = layers.convolutions, layers.dense
    named: dict[str, dict[str, Tensor]] = {}
    remaining, place = iter(layers.normalisations), 0
    for convolution in convolutions:
        named[f"body.{place}"] = convolution.weights
        place += 1
        if "bias" not in convolution.weights:
            norm = next(remaining, None)
            if norm is None:
                raise ValueError("a convolution has neither a bias nor a normalisation")
            named[f"body.{place}"] = norm.weights
            place += 1
        place += 1
    if next(remaining, None) is not None or len(dense) not in (0, 2):
        raise ValueError(
            f"it has {len(convolutions)} convolutions, {len(layers.normalisations)} normalisations, "
            f"{len(dense)} dense layers"
        )
    named |= {f"linear{index}": layer.weights for index, layer in enumerate(dense, 1)}
    return flat(named)


_SHARED = ("body.0.weight", "body.2.weight", "body.3.running_mean")

DDNSR_VGG = Architecture(
    name="DDNSRVGGDiscriminator",
    build=_build_vgg,
    layouts=(KeyLayout((*_SHARED, "linear1.")),),
    sizes=_vgg_sizes,
    training_only="a discriminator (VGG-style of DDNSR)",
    from_keras=_from_keras,
)
DDNSR_PATCH = Architecture(
    name="DDNSRPatchDiscriminator",
    build=DDNSRPatchDiscriminator,
    layouts=(KeyLayout(_SHARED),),
    sizes=_patch_sizes,
    training_only="a discriminator (PatchGAN of DDNSR)",
)
