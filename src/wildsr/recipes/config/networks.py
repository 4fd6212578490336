"""Networks: which architecture, how large, and which weights to start from. Imports torch only to build them."""

import math
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from wildsr.recipes.config.node import Node, OneOf

if TYPE_CHECKING:
    from torch import nn

Count = Annotated[int, Field(ge=1)]


class NetworkConfig(Node):
    """Base of all networks. A subclass adds its sizes as fields, and builds the module."""

    architecture: str
    start: str | None = None
    """Model to start from: a name or a file. null starts from random weights."""
    start_whole: bool = True
    """Whether all weights of ``start`` must fit. false uses only those that fit, as RWSR-EDL does with an RRDBNet."""
    orthogonal: float | None = Field(default=None, gt=0)
    """Gain of an orthogonal initialisation with zero biases (KAIR); null for none."""
    initialisation: Literal["glorot-uniform"] | None = None
    """``glorot-uniform``: Glorot-uniform weights and zero biases, Keras's default; null for the network's own
    initialisation."""
    frozen: tuple[str, ...] = ()
    """Prefixes of the names of weights that are not trained, such as ``body.66.``."""

    upscales: ClassVar[bool] = True
    """Whether it makes HR images of LR images, so that it can be validated."""

    def build(self, scale: int) -> "nn.Module":
        """The network with random weights from PyTorch's default generator. ``scale`` is that of the recipe.

        Raises:
            ValueError: the network cannot have this scale.
        """
        raise NotImplementedError


class RRDBNetConfig(NetworkConfig):
    """RRDBNet, the network of ESRGAN, RealSR, BSRGAN, Real-ESRGAN and DDNSR."""

    architecture: Literal["RRDBNet"] = "RRDBNet"
    features: Count = 64
    """Channels of the trunk."""
    blocks: Count = 23
    """Residual-in-residual dense blocks."""
    growth: Count = 32
    """Channels that each convolution of a dense block adds."""
    unshuffle: Literal[1, 2, 4] = 1
    """Factor of the pixel unshuffle in front; 2 and 4 are for Real-ESRGAN's x2 and x1 networks."""
    relu: bool = False
    """ReLU instead of LeakyReLU, as in KAIR's train_rrdb_psnr.json. The weights cannot be used in a network with
    LeakyReLU."""

    def build(self, scale: int) -> "nn.Module":
        """An RRDBNet."""
        from wildsr.networks.rrdbnet import RRDBNet

        return RRDBNet(3, 3, self.features, self.blocks, self.growth, scale, self.unshuffle, self.relu)


class EDLNetConfig(NetworkConfig):
    """RWSR-EDL's network: an RRDBNet with two branches at the end."""

    architecture: Literal["EDLNet"] = "EDLNet"
    features: Count = 64
    """Channels of the trunk."""
    blocks: Count = 23
    """Residual-in-residual dense blocks."""
    growth: Count = 32
    """Channels that each convolution of a dense block adds."""

    def build(self, scale: int) -> "nn.Module":
        """An EDLNet."""
        from wildsr.networks.edl import EDLNet

        return EDLNet(3, 3, self.features, self.blocks, self.growth, scale)


class CompactConfig(NetworkConfig):
    """Real-ESRGAN's compact network, fast on CPUs."""

    architecture: Literal["SRVGGNetCompact"] = "SRVGGNetCompact"
    features: Count = 64
    """Channels."""
    convs: Count = 16
    """Hidden convolutions."""

    def build(self, scale: int) -> "nn.Module":
        """An SRVGGNetCompact."""
        from wildsr.networks.compact import SRVGGNetCompact

        return SRVGGNetCompact(self.features, self.convs, scale)


class ResUNetConfig(NetworkConfig):
    """wildsr's own network, fast on CPUs."""

    architecture: Literal["ResUNet"] = "ResUNet"
    features: Count = 64
    """Channels at full LR resolution."""
    width: Count = 96
    """Channels at half and quarter resolution."""
    blocks: Count = 2
    """Residual blocks at quarter resolution."""

    def build(self, scale: int) -> "nn.Module":
        """A ResUNet."""
        from wildsr.networks.resunet import ResUNet

        return ResUNet(self.features, self.width, self.blocks, scale)


class SPANConfig(NetworkConfig):
    """SPAN, fast on GPUs."""

    architecture: Literal["SPAN"] = "SPAN"
    features: Count = 48
    """Channels."""

    def build(self, scale: int) -> "nn.Module":
        """A SPAN."""
        from wildsr.networks.span import SPAN

        return SPAN(self.features, scale)


class MSRResNetConfig(NetworkConfig):
    """RealSR's small residual network."""

    architecture: Literal["MSRResNet"] = "MSRResNet"
    features: Count = 64
    """Channels."""
    blocks: Count = 16
    """Residual blocks."""

    def build(self, scale: int) -> "nn.Module":
        """An MSRResNet."""
        from wildsr.networks.msrresnet import MSRResNet

        return MSRResNet(3, 3, self.features, self.blocks, scale)


class SRResCGANConfig(NetworkConfig):
    """SRResCGAN's network; its value range is [0, 255]."""

    architecture: Literal["SRResCGAN"] = "SRResCGAN"
    features: Count = 64
    """Channels."""
    blocks: Count = 5
    """Residual blocks of the denoiser."""
    alpha: float = math.log(2)
    """Initial logarithm of the bound on the correction, in noise levels. 9 is practically no bound."""

    def build(self, scale: int) -> "nn.Module":
        """An SRResCGAN generator."""
        from wildsr.networks.srrescgan import SRResCGAN

        return SRResCGAN(self.features, self.blocks, scale, self.alpha)


class DSGANConfig(NetworkConfig):
    """DSGAN's generator, which gives clean LR images the look of a source domain."""

    architecture: Literal["DSGAN"] = "DSGAN"
    features: Count = 64
    """Channels."""
    blocks: Count = 8
    """Residual blocks."""

    upscales: ClassVar[bool] = False

    def build(self, scale: int) -> "nn.Module":
        """A DSGAN generator, which has no scale."""
        from wildsr.networks.dsgan import DSGANGenerator

        del scale
        return DSGANGenerator(self.features, self.blocks)


class DegradationNetworkConfig(NetworkConfig):
    """DDNSR's degradation network: an HR image and a real LR image give a degraded LR image."""

    architecture: Literal["DegradationNetwork"] = "DegradationNetwork"
    features: Count = 64
    """Channels."""
    blocks: Count = 8
    """Residual blocks."""
    dual: bool = True
    """Whether it has the second input, a real LR image from which it takes the noise."""

    upscales: ClassVar[bool] = False

    def build(self, scale: int) -> "nn.Module":
        """A degradation network that halves as often as ``scale`` needs, which must be a power of two."""
        from wildsr.networks.ddnsr import DegradationNetwork

        if scale.bit_count() != 1:
            raise ValueError(f"DDNSR's degradation network downscales by powers of 2, not by {scale}")
        return DegradationNetwork(self.features, scale.bit_length() - 1, self.blocks, self.dual)


class PatchGANConfig(NetworkConfig):
    """A PatchGAN discriminator: one logit for each overlapping patch."""

    architecture: Literal["PatchGAN"] = "PatchGAN"
    features: Count = 64
    """Channels of the first convolution."""
    layers: Count = 3
    """Strided convolutions."""
    variant: Literal["realsr", "kair"] = "realsr"
    """The project whose code it follows."""
    spectral: bool = False
    """Spectral normalisation instead of batch normalisation."""
    inputs: Literal[3, 6] = 3
    """Input channels: 3 for an image, or 6 with the LR image (``objective.adversarial.conditional``)."""

    upscales: ClassVar[bool] = False

    def build(self, scale: int) -> "nn.Module":
        """A PatchGAN; discriminators do not depend on the scale."""
        from wildsr.networks.discriminators import PatchGAN

        del scale
        return PatchGAN(self.inputs, self.features, self.layers, self.variant, self.spectral)


class VGG128Config(NetworkConfig):
    """ESRGAN's VGG-style discriminator: one logit for an HR patch of 128x128 pixels."""

    architecture: Literal["VGG128Discriminator"] = "VGG128Discriminator"
    features: Count = 64
    """Channels of the first convolution."""

    upscales: ClassVar[bool] = False

    def build(self, scale: int) -> "nn.Module":
        """A VGG-128 discriminator."""
        from wildsr.networks.discriminators import VGG128Discriminator

        del scale
        return VGG128Discriminator(3, self.features)


class UNetConfig(NetworkConfig):
    """Real-ESRGAN's U-Net discriminator with spectral normalisation: one logit for each pixel."""

    architecture: Literal["UNetDiscriminator"] = "UNetDiscriminator"
    features: Count = 64
    """Channels of the first convolution."""

    upscales: ClassVar[bool] = False

    def build(self, scale: int) -> "nn.Module":
        """A U-Net discriminator."""
        from wildsr.networks.discriminators import UNetDiscriminator

        del scale
        return UNetDiscriminator(3, self.features)


class DSGANDiscriminatorConfig(NetworkConfig):
    """DSGAN's discriminator, which sees only high frequencies."""

    architecture: Literal["DSGANDiscriminator"] = "DSGANDiscriminator"
    low_pass: Literal["mean", "gaussian", "none"] = "mean"
    """Filter whose result is subtracted from the image first; "none" shows it the whole image."""
    kernel: Count = 5
    """Side of the filter in pixels."""
    probabilities: bool = True
    """Whether a sigmoid follows. false gives the logits that a Wasserstein GAN needs."""

    upscales: ClassVar[bool] = False

    def build(self, scale: int) -> "nn.Module":
        """A DSGAN discriminator."""
        from wildsr.networks.dsgan import DSGANDiscriminator
        from wildsr.ops.frequency import LowPass

        del scale
        low_pass = None
        if self.low_pass == "mean":
            low_pass = LowPass(self.kernel, borders="ignored")
        elif self.low_pass == "gaussian":
            low_pass = LowPass(self.kernel, sigma=self.kernel / 6)
        return DSGANDiscriminator(low_pass, self.probabilities)


class DDNSRPatchConfig(NetworkConfig):
    """DDNSR's PatchGAN discriminator."""

    architecture: Literal["DDNSRPatchDiscriminator"] = "DDNSRPatchDiscriminator"
    features: Count = 64
    """Channels of the first convolution."""
    halvings: Count = 3
    """Convolutions with stride 2."""

    upscales: ClassVar[bool] = False

    def build(self, scale: int) -> "nn.Module":
        """A PatchGAN as DDNSR has it."""
        from wildsr.networks.ddnsr import DDNSRPatchDiscriminator

        del scale
        return DDNSRPatchDiscriminator(self.features, self.halvings)


class DDNSRVGGConfig(NetworkConfig):
    """DDNSR's VGG-style discriminator for patches of one size."""

    architecture: Literal["DDNSRVGGDiscriminator"] = "DDNSRVGGDiscriminator"
    features: Count = 64
    """Channels of the first convolution."""
    halvings: Count = 5
    """Convolutions with stride 2."""
    size: Count = 128
    """Side of the patches in pixels."""

    upscales: ClassVar[bool] = False

    def build(self, scale: int) -> "nn.Module":
        """A VGG-style discriminator as DDNSR has it."""
        from wildsr.networks.ddnsr import DDNSRVGGDiscriminator

        del scale
        return DDNSRVGGDiscriminator(self.features, self.halvings, (self.size, self.size))


Network = Annotated[
    NetworkConfig,
    OneOf(
        "architecture",
        RRDBNetConfig,
        EDLNetConfig,
        CompactConfig,
        ResUNetConfig,
        SPANConfig,
        MSRResNetConfig,
        SRResCGANConfig,
        DSGANConfig,
        DegradationNetworkConfig,
        PatchGANConfig,
        VGG128Config,
        UNetConfig,
        DSGANDiscriminatorConfig,
        DDNSRPatchConfig,
        DDNSRVGGConfig,
    ),
]
