"""PatchGAN (two variants), VGG-128 and U-Net discriminators of ESRGAN, RealSR, KAIR and Real-ESRGAN."""

import re
from functools import partial

from torch import Tensor

from wildsr.networks.discriminators import PatchGAN, UNetDiscriminator, VGG128Discriminator
from wildsr.zoo.architectures.architecture import Architecture, KeyLayout, Weights, renamed, shape_of

_KAIR_CHILD = re.compile(r"model\.child(\d+)\.(\d+)")


def from_kair_children(weights: Weights) -> dict[str, Tensor]:
    """PatchGAN weights of KAIR (``model.child1.0``) under our names; unknown names stay."""

    def rename(layer: str) -> str:
        if match := _KAIR_CHILD.fullmatch(layer):
            # Each child is a convolution, a norm and an activation; the first has no norm.
            first = max(3 * int(match[1]) - 1, 0)
            return f"model.{first + int(match[2])}"
        return layer

    return renamed(weights, rename)


def _patchgan_sizes(weights: Weights, first: str = "model.0.weight") -> dict[str, int]:
    features, width_in = shape_of(weights, first, 4)[:2]
    convolutions = sum(value.ndim == 4 for value in weights.values())
    return {"in_channels": width_in, "features": features, "layers": convolutions - 2}


def _kair_sizes(weights: Weights) -> dict[str, int]:
    spectral = "model.0.weight_orig" in weights
    first = "model.0.weight_orig" if spectral else "model.0.weight"
    return {**_patchgan_sizes(weights, first), "spectral": int(spectral)}


def _sizes_from(first: str, weights: Weights) -> dict[str, int]:
    features, width_in = shape_of(weights, first, 4)[:2]
    return {"in_channels": width_in, "features": features}


_CHAIN = ("model.0.weight", "model.2.weight", "model.5.weight")

PATCHGAN_KAIR = Architecture(
    name="PatchGAN (KAIR)",
    build=partial(PatchGAN, variant="kair"),
    layouts=(
        KeyLayout((*_CHAIN, "model.2.bias")),
        KeyLayout(("model.child0.0.", "model.child1.0."), from_kair_children),
    ),
    sizes=_kair_sizes,
    training_only="a discriminator (PatchGAN of KAIR)",
)
PATCHGAN = Architecture(
    name="PatchGAN",
    build=PatchGAN,
    layouts=(KeyLayout(_CHAIN),),
    sizes=_patchgan_sizes,
    training_only="a discriminator (PatchGAN)",
)
VGG128 = Architecture(
    name="VGG128Discriminator",
    build=VGG128Discriminator,
    layouts=(KeyLayout(("conv0_0.", "conv4_1.", "linear2.")),),
    sizes=partial(_sizes_from, "conv0_0.weight"),
    training_only="a discriminator (VGG-128)",
)
UNET = Architecture(
    name="UNetDiscriminator",
    build=UNetDiscriminator,
    layouts=(KeyLayout(("conv0.weight", "conv1.weight_orig", "conv9.")),),
    sizes=partial(_sizes_from, "conv0.weight"),
    training_only="a discriminator (U-Net)",
)
