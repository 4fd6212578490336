"""Networks of a recipe: which one, how large, and what it starts from. Imports no torch."""

import math
from typing import Annotated, Literal

from pydantic import Field

from wildsr.recipes.parts.strict import Part

Count = Annotated[int, Field(ge=1)]


class NetworkPart(Part):
    """What all networks have."""

    start: str | None = None
    """A model's name or file whose weights it starts from; null draws new ones."""
    start_whole: bool = True
    """False takes what fits of these weights, as RWSR-EDL does to begin with the trunk of an RRDBNet."""
    orthogonal: float | None = Field(default=None, gt=0)
    """Gain of an orthogonal initialisation of its convolutions, with biases 0; null leaves it to the network."""


class RRDBNetPart(NetworkPart):
    """ESRGAN's network."""

    architecture: Literal["RRDBNet"] = "RRDBNet"
    features: Count = 64
    blocks: Count = 23
    growth: Count = 32
    unshuffle: Literal[1, 2, 4] = 1
    """The input is folded by this first (Real-ESRGAN's x2 and x1)."""


class EDLNetPart(NetworkPart):
    """RWSR-EDL's network: an RRDBNet with two branches."""

    architecture: Literal["EDLNet"] = "EDLNet"
    features: Count = 64
    blocks: Count = 23
    growth: Count = 32


class CompactPart(NetworkPart):
    """Real-ESRGAN's compact network, for ordinary CPUs."""

    architecture: Literal["SRVGGNetCompact"] = "SRVGGNetCompact"
    features: Count = 64
    convs: Count = 16


class ResUNetPart(NetworkPart):
    """Our own network, for ordinary CPUs."""

    architecture: Literal["ResUNet"] = "ResUNet"
    features: Count = 64
    """Channels at full size of LR."""
    width: Count = 96
    """Channels at half and quarter size."""
    blocks: Count = 2
    """Residual blocks at quarter size."""


class SPANPart(NetworkPart):
    """SPAN, fast on GPUs."""

    architecture: Literal["SPAN"] = "SPAN"
    features: Count = 48


class MSRResNetPart(NetworkPart):
    """RealSR's small network."""

    architecture: Literal["MSRResNet"] = "MSRResNet"
    features: Count = 64
    blocks: Count = 16


class SRResCGANPart(NetworkPart):
    """SRResCGAN's network, which works in [0, 255]."""

    architecture: Literal["SRResCGAN"] = "SRResCGAN"
    features: Count = 64
    blocks: Count = 5
    alpha: float = math.log(2)
    """Where the logarithm of its bound on corrections, in noise levels, begins without ``start``; 9 allows any."""


class DSGANPart(NetworkPart):
    """DSGAN's generator, which makes clean LR images look real."""

    architecture: Literal["DSGAN"] = "DSGAN"
    features: Count = 64
    blocks: Count = 8


class DegradationNetworkPart(NetworkPart):
    """DDNSR's network from an HR image and a real LR image to an LR image."""

    architecture: Literal["DegradationNetwork"] = "DegradationNetwork"
    features: Count = 64
    blocks: Count = 8
    dual: bool = True
    """Whether it takes noise from a real LR image."""


class PatchGANPart(NetworkPart):
    """A discriminator of overlapping patches."""

    architecture: Literal["PatchGAN"] = "PatchGAN"
    features: Count = 64
    layers: Count = 3
    variant: Literal["realsr", "kair"] = "realsr"
    spectral: bool = False


class VGG128Part(NetworkPart):
    """A discriminator of HR patches of 128x128 pixels."""

    architecture: Literal["VGG128Discriminator"] = "VGG128Discriminator"
    features: Count = 64


class UNetPart(NetworkPart):
    """A discriminator that judges every pixel."""

    architecture: Literal["UNetDiscriminator"] = "UNetDiscriminator"
    features: Count = 64


class DSGANDiscriminatorPart(NetworkPart):
    """DSGAN's discriminator of high frequencies."""

    architecture: Literal["DSGANDiscriminator"] = "DSGANDiscriminator"
    low_pass: Literal["mean", "gaussian", "none"] = "mean"
    """What is taken away first; "none" shows it the whole images."""
    kernel: Count = 5
    probabilities: bool = True
    """False for a Wasserstein GAN, which needs logits."""


class DDNSRPatchPart(NetworkPart):
    """DDNSR's PatchGAN."""

    architecture: Literal["DDNSRPatchDiscriminator"] = "DDNSRPatchDiscriminator"
    features: Count = 64
    halvings: Count = 3


class DDNSRVGGPart(NetworkPart):
    """DDNSR's VGG-style discriminator, for patches of one size."""

    architecture: Literal["DDNSRVGGDiscriminator"] = "DDNSRVGGDiscriminator"
    features: Count = 64
    halvings: Count = 5
    size: Count = 128


Network = Annotated[
    RRDBNetPart
    | EDLNetPart
    | CompactPart
    | ResUNetPart
    | SPANPart
    | MSRResNetPart
    | SRResCGANPart
    | DSGANPart
    | DegradationNetworkPart
    | PatchGANPart
    | VGG128Part
    | UNetPart
    | DSGANDiscriminatorPart
    | DDNSRPatchPart
    | DDNSRVGGPart,
    Field(discriminator="architecture"),
]
