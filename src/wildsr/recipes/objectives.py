"""Objectives of a recipe: what is trained, on which losses, with which weights. Imports no torch."""

from typing import Annotated, Literal

from pydantic import Field

from wildsr.recipes.strict import Part

Weight = Annotated[float, Field(ge=0)]
Layer = Annotated[str, Field(pattern=r"^(conv|relu)[1-5]_[1-4]$")]


class Pixel(Part):
    """How far pixels are from the truth."""

    loss: Literal["l1", "l2", "charbonnier"] = "l1"
    weight: Weight = 1.0


class Features(Part):
    """How far a classifier's features are from those of the truth; 0 as weight does without the classifier."""

    weight: Weight = 1.0
    network: Literal["vgg19", "vgg16"] = "vgg19"
    layers: dict[Layer, Weight]
    """Names and their weights; ``conv5_4`` is before the ReLU, ``relu5_4`` after it."""
    loss: Literal["l1", "l2"] = "l1"


class Lpips(Part):
    """LPIPS as a loss; 0 as weight does without it."""

    weight: Weight = 1.0
    backbone: Literal["alex", "squeeze", "vgg"] = "vgg"


class PixelObjective(Part):
    """One network, on pixels alone: RRDB-PSNR, BSRNet."""

    kind: Literal["pixel"] = "pixel"
    pixel: Pixel = Pixel()


class RealSRObjective(Part):
    """RealSR's, which is ESRGAN's: pixels, features, and a relativistic average GAN; first G, then D."""

    kind: Literal["realsr"] = "realsr"
    pixel: Pixel = Pixel(weight=0.01)
    features: Features = Features(layers={"conv5_4": 1.0})
    adversarial: Weight = 0.005


class EDLObjective(Part):
    """RWSR-EDL's: each loss is for a branch of its own."""

    kind: Literal["edl"] = "edl"
    pixel: Pixel = Pixel(weight=0.01)
    """On the second branch."""
    features: Features = Features(layers={"conv5_4": 1.0})
    """On the sum of both."""
    adversarial: Weight = 0.005
    """On the first branch."""


_MANY = {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0}


class BSRGANObjective(Part):
    """BSRGAN's, as in KAIR."""

    kind: Literal["bsrgan"] = "bsrgan"
    pixel: Pixel = Pixel()
    features: Features = Features(layers=_MANY)
    adversarial: Weight = 1.0
    gan: Literal["lsgan", "ragan", "gan"] = "lsgan"


class RealESRGANObjective(Part):
    """Real-ESRGAN's: pixels and features against the sharpened truth, a plain GAN against the truth as it is."""

    kind: Literal["real-esrgan"] = "real-esrgan"
    pixel: Pixel = Pixel()
    features: Features = Features(layers=_MANY)
    lpips: Lpips = Lpips(weight=0.0)
    adversarial: Weight = 0.1


class SRResCGANObjective(Part):
    """SRResCGAN's, in [0, 255]."""

    kind: Literal["srrescgan"] = "srrescgan"
    pixel: Pixel = Pixel(weight=10.0)
    features: Features = Features(layers={"conv5_4": 1.0})
    tv: Weight = 1.0
    """Of the L1 between the differences of neighbouring pixels."""
    adversarial: Weight = 1.0
    """On high frequencies."""
    mixup: float = Field(default=0.5, ge=0, le=1)
    """Share of the batches whose pictures are mixed with one another."""
    mixup_alpha: float = Field(default=1.2, gt=0)
    """Of the beta distribution that says how much."""


class DSGANObjective(Part):
    """DSGAN's: keep the colours, take on the texture of the source domain."""

    kind: Literal["dsgan"] = "dsgan"
    colour: Weight = 1.0
    texture: Weight = 0.005
    perceptual: Weight = 0.01
    backbone: Literal["alex", "squeeze", "vgg"] = "alex"
    """Of LPIPS."""
    gan: Literal["gan", "ragan", "wgan"] = "gan"


class DDNSRObjective(Part):
    """DDNSR's: degradation and reconstruction learn from each other."""

    kind: Literal["ddnsr"] = "ddnsr"
    reconstruction: Literal["esrgan", "psnr"] = "esrgan"
    content: Weight = 0.1
    adversarial: Weight = 1.0
    """Of the degradation network."""
    cycle: Weight = 10.0
    features: Weight = 1.0
    """Of the reconstruction network, as the others below."""
    relativistic: Weight = 0.005
    pixel: Weight = 0.01


Objective = Annotated[
    PixelObjective
    | RealSRObjective
    | EDLObjective
    | BSRGANObjective
    | RealESRGANObjective
    | SRResCGANObjective
    | DSGANObjective
    | DDNSRObjective,
    Field(discriminator="kind"),
]
