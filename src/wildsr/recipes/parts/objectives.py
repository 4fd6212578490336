"""Objectives of a recipe: what is trained, on which losses, with which weights. Imports no torch."""

from typing import Annotated, Literal

from pydantic import Field

from wildsr.recipes.parts.strict import Part

Weight = Annotated[float, Field(ge=0)]
Layer = Annotated[str, Field(pattern=r"^(conv|relu)[1-5]_[1-4]$")]


class LossPart(Part):
    """What all losses have."""

    weight: Weight = 1.0
    """0 leaves the loss out, and needs none of its files."""

    def metric(self) -> str | None:
        """The metric of ``wildsr evaluate`` that this loss optimises, if it is one."""
        return None


class L1(LossPart):
    """The mean absolute difference."""

    kind: Literal["l1"] = "l1"


class L2(LossPart):
    """The mean squared difference."""

    kind: Literal["l2"] = "l2"

    def metric(self) -> str:
        """PSNR is a function of the mean squared error."""
        return "psnr"


class Charbonnier(LossPart):
    """The mean of sqrt(difference² + 1e-9)."""

    kind: Literal["charbonnier"] = "charbonnier"


class PSNR(LossPart):
    """Minus a tenth of the PSNR of each image, so that dark and bright, smooth and rich images weigh the same."""

    kind: Literal["psnr"] = "psnr"

    def metric(self) -> str:
        """PSNR itself."""
        return "psnr"


class SSIM(LossPart):
    """1 - SSIM."""

    kind: Literal["ssim"] = "ssim"

    def metric(self) -> str:
        """SSIM itself."""
        return "ssim"


class TV(LossPart):
    """L1 between the differences of neighbouring pixels."""

    kind: Literal["tv"] = "tv"


class Colour(LossPart):
    """L1 of the low frequencies, which a box finds."""

    kind: Literal["colour"] = "colour"
    kernel: Annotated[int, Field(ge=3)] = 5
    """Side of the box in pixels, odd."""
    borders: Literal["cut", "zeros", "ignored"] = "cut"
    """Where the box reaches beyond the image: left out (DSGAN), counted as zeros (ESRGAN-FS), or not counted."""


class Features(LossPart):
    """The difference of the features that a classifier finds."""

    kind: Literal["features"] = "features"
    network: Literal["vgg19", "vgg16"] = "vgg19"
    layers: dict[Layer, Weight]
    """Names and weights; ``conv5_4`` is before the ReLU, ``relu5_4`` after it."""
    distance: Literal["l1", "l2"] = "l1"
    normalise: bool = True
    """Subtract the mean colour of ImageNet and divide by its deviation first."""


class Lpips(LossPart):
    """LPIPS, a distance that was trained on the judgement of people."""

    kind: Literal["lpips"] = "lpips"
    backbone: Literal["alex", "squeeze", "vgg"] = "vgg"
    jitter: Annotated[int, Field(ge=0)] = 0
    """Up to so many of the first rows and columns are left out, lest a pattern settle on the backbone's grid."""

    def metric(self) -> str:
        """LPIPS with the same backbone."""
        return f"lpips-{self.backbone}"


class Grid(LossPart):
    """What of the error repeats in every block of pixels."""

    kind: Literal["grid"] = "grid"
    period: Annotated[int, Field(ge=2)] = 16
    """Side of a block in pixels: the scale, times how often the network halves."""

    def metric(self) -> str:
        """The metric ``grid`` finds the same patterns."""
        return "grid"


Loss = Annotated[
    L1 | L2 | Charbonnier | PSNR | SSIM | TV | Colour | Features | Lpips | Grid, Field(discriminator="kind")
]
Terms = dict[str, Loss]


class Contest(Part):
    """How generator and discriminator are set against each other."""

    loss: Literal["vanilla", "lsgan", "wgan"] = "vanilla"
    relative_to: Literal["all", "batch"] | None = None
    """Relativistic average: relative to the mean score of the other side, over everything or over the batch."""
    weight: Weight
    """Of the adversarial loss among the generator's."""
    high_pass: int | None = None
    """Side of the box, odd, whose mean is taken from images before the discriminator sees them."""
    generator_every: Annotated[int, Field(ge=1)] = 1
    generator_after: Annotated[int, Field(ge=0)] = 0
    """Steps in the beginning in which only the discriminator learns."""
    penalty: Weight = 0.0
    """Of the gradient; 10 for WGAN-GP."""


class PixelObjective(Part):
    """A generator alone, against the wanted images: RRDB-PSNR, BSRNet."""

    kind: Literal["pixel"] = "pixel"
    terms: Terms


class GANObjective(Part):
    """A generator and a discriminator in turn: RealSR, BSRGAN, Real-ESRGAN."""

    kind: Literal["gan"] = "gan"
    terms: Terms
    contest: Contest


class ExclusionaryObjective(Part):
    """RWSR-EDL's: each branch answers to a loss of its own, the first to the discriminator."""

    kind: Literal["exclusionary"] = "exclusionary"
    pixel_terms: Terms
    """Of the second branch."""
    terms: Terms
    """Of the sum of both."""
    contest: Contest


class Mixup(Part):
    """Sums of two samples in place of samples."""

    probability: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the batches."""
    alpha: Annotated[float, Field(gt=0)] = 1.2
    """Of the beta distribution that says how much of each."""


class SRResCGANObjective(Part):
    """SRResCGAN's, in [0, 255]."""

    kind: Literal["srrescgan"] = "srrescgan"
    terms: Terms
    contest: Contest
    mixup: Mixup | None = None


class DSGANObjective(Part):
    """DSGAN's: keep the colours of the clean image, take on the texture of the source domain."""

    kind: Literal["dsgan"] = "dsgan"
    terms: Terms
    """Of what the generator makes, against the clean LR image."""
    texture: Weight
    """Weight of the adversarial loss; it is a Wasserstein GAN's if the discriminator gives no probabilities."""
    relativistic: bool = False
    """Judge images relative to the mean of the other side."""
    penalty: Weight = 10.0
    """Of a Wasserstein GAN's gradient."""
    generator_every: Annotated[int, Field(ge=1)] = 1
    discriminator_every: Annotated[int, Field(ge=1)] = 1
    through: Literal["updated", "before"] = "updated"
    """The generator's gradient goes through the discriminator as the original does, or through the one before."""


class DDNSRObjective(Part):
    """DDNSR's: degradation and reconstruction learn from each other."""

    kind: Literal["ddnsr"] = "ddnsr"
    content: Loss
    """Of the degraded image, against the HR image averaged down."""
    cycle: Loss
    """Of the real LR image, upscaled and degraded again, against itself."""
    adversarial_down: Weight
    """Of what the discriminator of LR images says."""
    terms: Terms
    """Of the reconstructed image."""
    adversarial_up: Weight
    """Of what the discriminator of HR images says, where there is one."""


Objective = Annotated[
    PixelObjective
    | GANObjective
    | ExclusionaryObjective
    | SRResCGANObjective
    | DSGANObjective
    | DDNSRObjective,
    Field(discriminator="kind"),
]


def trained_metrics(objective: Part) -> tuple[str, ...]:
    """The metrics of ``wildsr evaluate`` among the losses of an objective, in alphabetical order."""
    found: set[str] = set()

    def visit(value: object) -> None:
        if isinstance(value, LossPart):
            metric = value.metric()
            if metric is not None and value.weight > 0:
                found.add(metric)
        elif isinstance(value, Part):
            for field in type(value).model_fields:
                visit(getattr(value, field))
        elif isinstance(value, dict):
            for item in value.values():
                visit(item)

    visit(objective)
    return tuple(sorted(found))
