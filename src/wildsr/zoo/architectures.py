"""The networks that wildsr knows, by name, and how one becomes a module again from its weights alone."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.ddnsr import DDNSRPatchDiscriminator, DDNSRVGGDiscriminator, DegradationNetwork
from wildsr.networks.discriminators import PatchGAN, UNetDiscriminator, VGG128Discriminator
from wildsr.networks.dsgan import DSGANGenerator
from wildsr.networks.edl import EDLNet
from wildsr.networks.msrresnet import MSRResNet
from wildsr.networks.resunet import ResUNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.span import SPAN
from wildsr.networks.srrescgan import SRResCGAN
from wildsr.zoo.errors import ModelError, UnknownArchitecture
from wildsr.zoo.families import FAMILIES, Recognised


class Architecture(NamedTuple):
    """What the networks of one architecture have in common."""

    build: Callable[..., nn.Module]
    value_range: float
    largest_overlap: int | None


# The receptive field is the overlap that makes tiles exact; a smaller one keeps them within a level of 8
# bits.
ARCHITECTURES = {
    "RRDBNet": Architecture(RRDBNet, 1.0, 32),
    "SRVGGNetCompact": Architecture(SRVGGNetCompact, 1.0, 28),
    "ResUNet": Architecture(ResUNet, 1.0, 32),
    "MSRResNet": Architecture(MSRResNet, 1.0, 32),
    "SRResCGAN": Architecture(SRResCGAN, 255.0, None),
    "SPAN": Architecture(SPAN, 1.0, None),
    "EDLNet": Architecture(EDLNet, 1.0, 32),
    "DSGAN": Architecture(DSGANGenerator, 1.0, None),
}
SUPPORTED = (
    "RRDBNet (ESRGAN, RealSR, BSRGAN, Real-ESRGAN, DDNSR), SRVGGNetCompact (Real-ESRGAN), MSRResNet (RealSR), "
    "SRResCGAN, SPAN, EDLNet (RWSR-EDL), DSGAN, ResUNet (wildsr)"
)


class TrainingNetwork(NamedTuple):
    """A network that takes part in training only, so that it has no contract; ``what`` follows "it is"."""

    build: Callable[..., nn.Module]
    what: str


TRAINING_NETWORKS = {
    "DegradationNetwork": TrainingNetwork(
        DegradationNetwork, "DDNSR's degradation network, which makes an LR image from an HR and an LR one"
    ),
    "PatchGAN": TrainingNetwork(PatchGAN, "a discriminator (PatchGAN)"),
    "PatchGAN (KAIR)": TrainingNetwork(
        partial(PatchGAN, variant="kair"), "a discriminator (PatchGAN of KAIR)"
    ),
    "VGG128Discriminator": TrainingNetwork(VGG128Discriminator, "a discriminator (VGG-128)"),
    "UNetDiscriminator": TrainingNetwork(UNetDiscriminator, "a discriminator (U-Net)"),
    "DDNSRPatchDiscriminator": TrainingNetwork(
        DDNSRPatchDiscriminator, "a discriminator (PatchGAN of DDNSR)"
    ),
    "DDNSRVGGDiscriminator": TrainingNetwork(
        lambda features, halvings, height, width, hidden: DDNSRVGGDiscriminator(
            features, halvings, (height, width), hidden
        ),
        "a discriminator (VGG-style of DDNSR)",
    ),
}


def recognise(weights: Mapping[str, Tensor]) -> Recognised:
    """Which network the weights belong to: one of :data:`ARCHITECTURES` or :data:`TRAINING_NETWORKS`.

    Raises:
        UnknownArchitecture: a ModelError, for weights of another network.
        ModelError: for impossible sizes.
    """
    for is_it, read in FAMILIES:
        if is_it(weights):
            return read(weights)
    first = ", ".join(list(weights)[:5]) or "none"
    raise UnknownArchitecture(f"its architecture is unknown (first keys: {first}); wildsr reads {SUPPORTED}")


def build(recognised: Recognised) -> nn.Module:
    """The network with its weights, in evaluation mode and without gradients.

    Raises:
        ModelError: when keys are missing, left over or of the wrong shape; says which.
    """
    # Nothing is allocated for the sizes that a file claims, before its tensors are known to fill them.
    known = ARCHITECTURES.get(recognised.architecture) or TRAINING_NETWORKS[recognised.architecture]
    sizes = ", ".join(f"{name}={value}" for name, value in recognised.sizes.items())
    try:
        with torch.device("meta"):
            network = known.build(**recognised.sizes)
    except (RuntimeError, OverflowError) as error:
        raise ModelError(
            f"it claims to be {recognised.architecture}({sizes}), which is impossible"
        ) from error
    expected = network.state_dict()
    counters = {
        key: torch.zeros_like(expected[key], device="cpu") for key in expected if _counts_batches(key)
    }
    weights = {**recognised.weights, **counters}
    problems = [
        *_listed("missing", [key for key in expected if key not in weights]),
        *_listed("unexpected", [key for key in weights if key not in expected]),
        *_listed(
            "of the wrong shape",
            [
                f"{key} {tuple(weights[key].shape)} instead of {tuple(value.shape)}"
                for key, value in expected.items()
                if key in weights and weights[key].shape != value.shape
            ],
        ),
    ]
    if problems:
        raise ModelError(f"its weights do not fit {recognised.architecture}({sizes}): {'; '.join(problems)}")
    network.load_state_dict(weights, strict=True, assign=True)
    return network.requires_grad_(False).eval()


def _counts_batches(key: str) -> bool:
    """Whether the tensor is a batch norm's count of passes, which nothing depends on and some files lack."""
    return key.endswith(".num_batches_tracked")


def _listed(what: str, keys: list[str]) -> list[str]:
    if not keys:
        return []
    return [f"{len(keys)} {what} ({', '.join(keys[:4])}{', ...' if len(keys) > 4 else ''})"]
