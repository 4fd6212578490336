"""Losses between a generated image and its reference: a name, a weight, settings. Imports torch only to build them."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from wildsr.recipes.config.node import Node, OneOf
from wildsr.recipes.errors import RecipeError

if TYPE_CHECKING:
    from wildsr.training.objectives.terms import ImageLoss, Term


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError(f"the size of a low-pass filter must be odd and at least 3, not {size}")
    return size


Weight = Annotated[float, Field(ge=0)]
OddSize = Annotated[int, Field(ge=3), AfterValidator(_odd)]
Layer = Annotated[str, Field(pattern=r"^(conv|relu)[1-5]_[1-4]$")]


class LossConfig(Node):
    """Base of all losses. A subclass adds its settings as fields, and builds the function."""

    kind: str
    weight: Weight = 1.0
    """Factor of this loss in the sum. 0 leaves it out, and needs none of its files."""

    def build(self, features: Path | None) -> "ImageLoss":
        """A function of generated and reference images, both (B, 3, H, W) in [0, 1], that gives a scalar.

        ``features`` is the folder of feature networks; null for the usual one.

        Raises:
            MissingWeights, ModelError: a feature network is missing or cannot be read.
        """
        raise NotImplementedError

    def metric(self) -> str | None:
        """The metric of ``wildsr evaluate`` that this loss optimises, if it is one."""
        return None


class L1Config(LossConfig):
    """Mean absolute difference."""

    kind: Literal["l1"] = "l1"

    def build(self, features: Path | None) -> "ImageLoss":
        """:func:`wildsr.losses.pixel.l1`."""
        from wildsr.losses.pixel import l1

        del features
        return l1


class L2Config(LossConfig):
    """Mean squared difference."""

    kind: Literal["l2"] = "l2"

    def build(self, features: Path | None) -> "ImageLoss":
        """:func:`wildsr.losses.pixel.l2`."""
        from wildsr.losses.pixel import l2

        del features
        return l2

    def metric(self) -> str:
        """PSNR is a function of the mean squared error."""
        return "psnr"


class CharbonnierConfig(LossConfig):
    """Mean of sqrt(difference² + 1e-9), a smooth L1."""

    kind: Literal["charbonnier"] = "charbonnier"

    def build(self, features: Path | None) -> "ImageLoss":
        """:func:`wildsr.losses.pixel.charbonnier_mean`."""
        from wildsr.losses.pixel import charbonnier_mean

        del features
        return charbonnier_mean


class PSNRConfig(LossConfig):
    """Negative PSNR of each image, divided by 10, so that every image has the same influence."""

    kind: Literal["psnr"] = "psnr"

    def build(self, features: Path | None) -> "ImageLoss":
        """:func:`wildsr.losses.pixel.psnr_loss`."""
        from wildsr.losses.pixel import psnr_loss

        del features
        return psnr_loss

    def metric(self) -> str:
        """PSNR itself."""
        return "psnr"


class SSIMConfig(LossConfig):
    """1 - SSIM."""

    kind: Literal["ssim"] = "ssim"

    def build(self, features: Path | None) -> "ImageLoss":
        """:func:`wildsr.losses.ssim.ssim_loss`."""
        from wildsr.losses.ssim import ssim_loss

        del features
        return ssim_loss

    def metric(self) -> str:
        """SSIM itself."""
        return "ssim"


class TVConfig(LossConfig):
    """Total variation difference: L1 between the differences of neighbouring pixels (SRResCGAN)."""

    kind: Literal["tv"] = "tv"

    def build(self, features: Path | None) -> "ImageLoss":
        """:func:`wildsr.losses.variation.tv_difference`."""
        from wildsr.losses.variation import tv_difference

        del features
        return tv_difference


class ColourConfig(LossConfig):
    """L1 between the low frequencies of the images (DSGAN's colour loss)."""

    kind: Literal["colour"] = "colour"
    kernel: OddSize = 5
    """Side of the box filter in pixels, odd."""
    borders: Literal["cut", "zeros", "ignored"] = "cut"
    """Pixels where the box reaches beyond the image: left out (DSGAN), padded with zeros (ESRGAN-FS), or averaged
    over what lies inside."""

    def build(self, features: Path | None) -> "ImageLoss":
        """:class:`wildsr.losses.frequency.LowFrequencyLoss`."""
        from wildsr.losses.frequency import LowFrequencyLoss
        from wildsr.ops.frequency import LowPass

        del features
        return LowFrequencyLoss(LowPass(self.kernel, borders=self.borders))


class FeaturesConfig(LossConfig):
    """Perceptual loss: the difference of VGG features."""

    kind: Literal["features"] = "features"
    network: Literal["vgg19", "vgg19-keras", "vgg16"] = "vgg19"
    """The classifier that gives the features: torchvision's VGG-19 or VGG-16, or Keras's VGG-19, with other weights."""
    layers: dict[Layer, Weight]
    """Weight of each layer. ``conv5_4`` is before the ReLU, ``relu5_4`` after it."""
    distance: Literal["l1", "l2"] = "l1"
    """Mean absolute or mean squared difference."""
    normalise: bool = True
    """Normalise the input as the weights expect: by the mean and standard deviation of ImageNet, or Keras's means."""
    crop: Annotated[int, Field(ge=16)] | None = None
    """Side in pixels of the random part of each patch on which it is computed, to save time; null for all of it."""

    def build(self, features: Path | None) -> "ImageLoss":
        """:class:`wildsr.losses.perceptual.PerceptualLoss` on a VGG."""
        from wildsr.losses.perceptual import PerceptualLoss
        from wildsr.losses.pixel import l1, l2
        from wildsr.zoo.features.files import KERAS_VGG19, find_file
        from wildsr.zoo.features.vgg import load_keras_vgg, load_vgg

        layers = {layer: weight for layer, weight in self.layers.items() if weight}
        distance = l1 if self.distance == "l1" else l2
        # The published file comes last, because the message for a missing file describes the last one.
        if self.network == "vgg19-keras":
            path = find_file((KERAS_VGG19, "vgg19-keras.h5"), features)
            return PerceptualLoss(
                load_keras_vgg(path, list(layers), self.normalise), layers, distance, self.crop
            )
        path = find_file((f"{self.network}.safetensors", f"{self.network}.pth"), features)
        network = load_vgg(path, list(layers), 19 if self.network == "vgg19" else 16, self.normalise)
        return PerceptualLoss(network, layers, distance, self.crop)


class LpipsConfig(LossConfig):
    """LPIPS, a perceptual distance that was trained on human judgements."""

    kind: Literal["lpips"] = "lpips"
    backbone: Literal["alex", "squeeze", "vgg"] = "vgg"
    """The classifier whose features are compared."""
    jitter: Annotated[int, Field(ge=0)] = 0
    """Drop up to this many of the first rows and columns, at random, so that no pattern can align with the strides of
    the backbone."""
    crop: Annotated[int, Field(ge=64)] | None = None
    """Side in pixels of the random part of each patch on which it is computed, to save time; null for all of it."""

    def build(self, features: Path | None) -> "ImageLoss":
        """:class:`wildsr.losses.perceptual.LpipsLoss`."""
        from wildsr.losses.perceptual import LpipsLoss
        from wildsr.zoo.features.lpips import load_lpips

        return LpipsLoss(load_lpips(features, self.backbone), self.jitter, self.crop)

    def metric(self) -> str:
        """LPIPS with the same backbone."""
        return f"lpips-{self.backbone}"


class GridConfig(LossConfig):
    """Penalty on errors that repeat in every block of pixels, such as checkerboard patterns."""

    kind: Literal["grid"] = "grid"
    period: Annotated[int, Field(ge=2)] = 16
    """Side of a block in HR pixels: the scale times the downscaling inside the network."""
    level: Annotated[float, Field(gt=0)] | None = None
    """Only where the reference is flat, its local standard deviation below this, in levels of 8 bits; null for all."""

    def build(self, features: Path | None) -> "ImageLoss":
        """:func:`wildsr.losses.grid.grid_loss`."""
        from wildsr.losses.grid import grid_loss

        del features
        return partial(grid_loss, period=self.period, level=self.level)

    def metric(self) -> str:
        """The metric ``grid`` detects the same patterns."""
        return "grid"


class FlatConfig(LossConfig):
    """Penalty on noise where the reference is flat."""

    kind: Literal["flat"] = "flat"
    level: Annotated[float, Field(gt=0)] = 2.0
    """The reference is flat where its local standard deviation is below this, in levels of 8 bits."""

    def build(self, features: Path | None) -> "ImageLoss":
        """:func:`wildsr.losses.flat.flat_loss`."""
        from wildsr.losses.flat import flat_loss

        del features
        return partial(flat_loss, level=self.level)

    def metric(self) -> str:
        """The metric ``flat-noise`` measures the same noise."""
        return "flat-noise"


class SpecksConfig(LossConfig):
    """Penalty on single pixels that stand out from their surroundings, without regard to the reference."""

    kind: Literal["specks"] = "specks"

    def build(self, features: Path | None) -> "ImageLoss":
        """:func:`wildsr.losses.specks.speck_loss`."""
        from wildsr.losses.specks import speck_loss

        del features
        return speck_loss


class DotsConfig(LossConfig):
    """Penalty on dots of a few pixels where the reference has none, strongest in dark areas."""

    kind: Literal["dots"] = "dots"
    level: Annotated[float, Field(gt=0)] = 3.5
    """The reference is smooth where its local standard deviation is below this, in levels of 8 bits."""

    def build(self, features: Path | None) -> "ImageLoss":
        """:func:`wildsr.losses.specks.dots_loss`."""
        from wildsr.losses.specks import dots_loss

        del features
        return partial(dots_loss, level=self.level)

    def metric(self) -> str:
        """The metric ``dots`` counts what stands out in much the same way."""
        return "dots"


class SerrationConfig(LossConfig):
    """Penalty on errors that repeat along straight lines: serrated lines and rows of dots beside them."""

    kind: Literal["serration"] = "serration"
    period: Annotated[int, Field(ge=2)] = 4
    """In HR pixels: the scale times the downscaling inside the network."""

    def build(self, features: Path | None) -> "ImageLoss":
        """:func:`wildsr.losses.grid.serration_loss`."""
        from wildsr.losses.grid import serration_loss

        del features
        return partial(serration_loss, period=self.period)


class PhasesConfig(LossConfig):
    """Penalty on fine detail that is spread unequally over the pixels of a block: serrated edges, dots."""

    kind: Literal["phases"] = "phases"
    period: Annotated[int, Field(ge=2)] = 4
    """Side of a block in HR pixels: the scale times the downscaling inside the network."""

    def build(self, features: Path | None) -> "ImageLoss":
        """:func:`wildsr.losses.specks.phase_loss`."""
        from wildsr.losses.specks import phase_loss

        del features
        return partial(phase_loss, period=self.period)


Loss = Annotated[
    LossConfig,
    OneOf(
        "kind",
        L1Config,
        L2Config,
        CharbonnierConfig,
        PSNRConfig,
        SSIMConfig,
        TVConfig,
        ColourConfig,
        FeaturesConfig,
        LpipsConfig,
        GridConfig,
        FlatConfig,
        SpecksConfig,
        DotsConfig,
        PhasesConfig,
        SerrationConfig,
    ),
]
Losses = dict[str, Loss]
"""Losses by the names that they have in the log."""


def build_term(loss: LossConfig, features: Path | None, place: str) -> "Term":
    """A loss with its weight. ``place`` is its place in the objective, for messages.

    Raises:
        RecipeError: a feature network is missing; says how to get it.
    """
    from wildsr.losses.pixel import l1
    from wildsr.training.objectives.terms import Term
    from wildsr.zoo.errors import ModelError
    from wildsr.zoo.features.files import MissingWeights

    if not loss.weight:
        return Term(0.0, l1)
    try:
        return Term(loss.weight, loss.build(features))
    except (MissingWeights, ModelError) as error:
        raise RecipeError(
            f"objective.{place} needs a feature network: {error}. Name the folder of such files with --features, "
            f"or leave this loss out with --set objective.{place}.weight=0"
        ) from error


def build_terms(
    losses: Mapping[str, LossConfig], features: Path | None, place: str = "terms"
) -> "dict[str, Term]":
    """The losses with a weight above 0. Raises ``RecipeError`` as :func:`build_term`."""
    return {
        name: build_term(loss, features, f"{place}.{name}") for name, loss in losses.items() if loss.weight
    }
