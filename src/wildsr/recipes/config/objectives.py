"""Objectives: which networks are trained, on which losses, with which weights. Imports torch only to build them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from wildsr.recipes.config.losses import Loss, LossConfig, Losses, OddSize, Weight, build_term, build_terms
from wildsr.recipes.config.node import Node, OneOf
from wildsr.recipes.errors import RecipeError

if TYPE_CHECKING:
    from torch import nn

    from wildsr.training.objective import Objective
    from wildsr.training.objectives.gan import AdversarialLoss
    from wildsr.training.objectives.terms import Teacher

Every = Annotated[int, Field(ge=1)]


class AdversarialConfig(Node):
    """Adversarial (GAN) loss of a generator and its discriminator."""

    loss: Literal["vanilla", "lsgan", "wgan"] = "vanilla"
    """Binary cross-entropy on logits, least squares, or Wasserstein."""
    relative_to: Literal["all", "batch"] | None = None
    """Relativistic average GAN (vanilla only): discriminator outputs count relative to the mean output for the other
    kind of images, over all values or pixel by pixel over the batch. null for a standard GAN."""
    weight: Weight
    """Weight of the adversarial loss in the generator's sum."""
    high_pass: OddSize | None = None
    """Side of a box filter, odd, that is subtracted from images before the discriminator sees them; null for none."""
    generator_every: Every = 1
    """Update the generator only in every n-th step."""
    generator_after: Annotated[int, Field(ge=0)] = 0
    """Train only the discriminator in this many first steps."""
    penalty: Weight = 0.0
    """Weight of the gradient penalty; 10 for WGAN-GP."""
    jitter: Annotated[int, Field(ge=0)] = 0
    """Number of rows and columns cropped from the discriminator's input, a random part of them at the top and left, so
    that no pattern can align with its strides."""
    conditional: bool = False
    """The discriminator also sees the enlarged LR image; it then needs ``inputs: 6``."""

    @field_validator("relative_to")
    @classmethod
    def _vanilla_only(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("loss", "vanilla") != "vanilla":
            raise ValueError(
                f"a relativistic loss must be vanilla, not {info.data['loss']}; set relative_to to null first"
            )
        return value

    def build(self, seed: int) -> "AdversarialLoss":
        """The adversarial loss; ``seed`` is for the gradient penalty."""
        from wildsr.losses.adversarial import GanLoss
        from wildsr.ops.frequency import LowPass
        from wildsr.training.objectives.gan import AdversarialLoss

        return AdversarialLoss(
            GanLoss(self.loss, self.relative_to),
            self.weight,
            None if self.high_pass is None else LowPass(self.high_pass, borders="zeros").rest,
            self.generator_every,
            self.generator_after,
            self.penalty,
            seed,
            self.jitter,
            self.conditional,
        )


class TeacherConfig(Node):
    """Another model as a teacher: its output, without halos and with the colours of the reference, is an additional
    target."""

    model: str
    """Name or file of the teacher."""
    terms: Losses
    """Losses of the generated image against that target."""
    sigma: Annotated[float, Field(gt=0)] = 3.0
    """Standard deviation, in HR pixels, of the Gaussian low-pass; the low frequencies of the target are those of the
    reference."""
    reach: Annotated[int, Field(ge=1)] = 4
    """The target is clamped to the range of the reference within this many HR pixels."""
    tolerance: Weight = 2.0
    """Margin of that range, in levels of 8 bits."""
    crisp: Weight = 1.5
    """Strength with which edges are then steepened; 0 for none."""

    def build(self, features: Path | None) -> "Teacher":
        """The losses, with the model loaded. Raises ``RecipeError`` if it, or a feature network, is missing."""
        from wildsr.losses.teacher import HaloFreeTarget
        from wildsr.training.objectives.terms import Teacher
        from wildsr.zoo.catalogue import find
        from wildsr.zoo.errors import ModelError
        from wildsr.zoo.load import load_network

        try:
            network = load_network(Path(self.model) if Path(self.model).is_file() else find(self.model)[1])
        except ModelError as error:
            raise RecipeError(f"objective.teacher.model: {error}") from error
        target = HaloFreeTarget(network, self.sigma, self.reach, self.tolerance, self.crisp)
        return Teacher(target, build_terms(self.terms, features, "teacher.terms"))


class ObjectiveConfig(Node):
    """Base of all objectives. A subclass adds its settings as fields, and builds the objective."""

    kind: str

    trains: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    """Names of the networks that it needs."""
    may_train: ClassVar[tuple[str, ...]] = ()
    """Names of networks that it can do without."""
    result: ClassVar[str] = "generator"
    """Name of the network that becomes the model."""

    def build(self, networks: "Mapping[str, nn.Module]", features: Path | None, seed: int) -> "Objective":
        """The objective for these networks. ``features`` is the folder of feature networks; None for the usual one.

        Raises:
            RecipeError: a network does not suit, or a feature network is missing.
        """
        raise NotImplementedError

    def trained_metrics(self) -> tuple[str, ...]:
        """The metrics of ``wildsr evaluate`` among the losses, in alphabetical order."""
        nodes = [self, *(one for _, one in self if isinstance(one, TeacherConfig))]
        values = [value for node in nodes for _, value in node]
        losses = [one for value in values for one in (value.values() if isinstance(value, dict) else [value])]
        found = {loss.metric() for loss in losses if isinstance(loss, LossConfig) and loss.weight}
        return tuple(sorted(metric for metric in found if metric is not None))

    def check_names(self, names: Mapping[str, object], section: str) -> None:
        """Raise a ``RecipeError`` unless a section of the recipe has exactly the networks that are trained."""
        missing = [name for name in self.trains if name not in names]
        others = [name for name in names if name not in (*self.trains, *self.may_train)]
        if missing or others:
            problem = f"lacks {missing[0]}" if missing else f"has {others[0]}, which is not trained"
            needed = ", ".join(self.trains) + (
                f", and optionally {', '.join(self.may_train)}" if self.may_train else ""
            )
            raise RecipeError(f"{section} {problem}: the objective '{self.kind}' trains {needed}")


class PixelObjectiveConfig(ObjectiveConfig):
    """Trains a generator alone, on losses against the reference: RRDB-PSNR, BSRNet."""

    kind: Literal["pixel"] = "pixel"
    terms: Losses
    """Losses of the generated image against the reference."""
    teacher: TeacherConfig | None = None
    """Further losses against the output of another model; null for none."""

    trains: ClassVar[tuple[str, ...]] = ("generator",)

    def build(self, networks: "Mapping[str, nn.Module]", features: Path | None, seed: int) -> "Objective":
        """A ``PixelObjective``."""
        from wildsr.training.objectives.pixel import PixelObjective

        del seed
        terms = build_terms(self.terms, features)
        teacher = None if self.teacher is None else self.teacher.build(features)
        if not terms and (teacher is None or not teacher.terms):
            raise RecipeError(
                "objective.terms: a network cannot be trained without a loss; give one a weight"
            )
        return PixelObjective(networks["generator"], terms, teacher)


class GanObjectiveConfig(ObjectiveConfig):
    """Trains a generator and a discriminator in turn: RealSR, BSRGAN, Real-ESRGAN."""

    kind: Literal["gan"] = "gan"
    terms: Losses
    """Losses of the generated image against the reference."""
    adversarial: AdversarialConfig
    """The adversarial loss, and the training of the discriminator."""
    teacher: TeacherConfig | None = None
    """Further losses against the output of another model; null for none."""

    def build(self, networks: "Mapping[str, nn.Module]", features: Path | None, seed: int) -> "Objective":
        """A ``GanObjective``."""
        from wildsr.training.objectives.gan import GanObjective

        discriminator = networks["discriminator"]
        wanted = 6 if self.adversarial.conditional else 3
        if (inputs := getattr(discriminator, "in_channels", 3)) != wanted:
            raise RecipeError(
                f"networks.discriminator sees {inputs} channels, and {wanted} with objective.adversarial.conditional "
                f"{str(self.adversarial.conditional).lower()}; a PatchGAN with 'inputs: {wanted}' does"
            )
        terms, adversarial = build_terms(self.terms, features), self.adversarial.build(seed)
        teacher = None if self.teacher is None else self.teacher.build(features)
        return GanObjective(networks["generator"], discriminator, terms, adversarial, teacher)


class ExclusionaryObjectiveConfig(ObjectiveConfig):
    """RWSR-EDL: each branch of an EDLNet has losses of its own; the adversarial loss is that of the first branch."""

    kind: Literal["exclusionary"] = "exclusionary"
    pixel_terms: Losses
    """Losses of the second branch."""
    terms: Losses
    """Losses of the sum of both branches."""
    adversarial: AdversarialConfig
    """The adversarial loss, and the training of the discriminator."""

    def build(self, networks: "Mapping[str, nn.Module]", features: Path | None, seed: int) -> "Objective":
        """An ``ExclusionaryObjective``."""
        from wildsr.networks.edl import EDLNet
        from wildsr.training.objectives.exclusionary import ExclusionaryObjective

        generator = networks["generator"]
        if not isinstance(generator, EDLNet):
            raise RecipeError(
                "networks.generator: exclusionary training needs an EDLNet, which has two branches"
            )
        return ExclusionaryObjective(
            generator,
            networks["discriminator"],
            build_terms(self.pixel_terms, features, "pixel_terms"),
            build_terms(self.terms, features),
            self.adversarial.build(seed),
        )


class MixupConfig(Node):
    """Mixup: weighted sums of two samples (Zhang et al., 2018)."""

    probability: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of the batches that are mixed."""
    alpha: Annotated[float, Field(gt=0)] = 1.2
    """Parameter of the symmetric beta distribution of the weight."""


class SRResCGANObjectiveConfig(ObjectiveConfig):
    """SRResCGAN: as ``gan``, with images and losses in [0, 255]."""

    kind: Literal["srrescgan"] = "srrescgan"
    terms: Losses
    """Losses of the generated image against the reference, both in [0, 255]."""
    adversarial: AdversarialConfig
    """The adversarial loss, and the training of the discriminator."""
    mixup: MixupConfig | None = None
    """Train on mixtures of two samples; null for none."""

    def build(self, networks: "Mapping[str, nn.Module]", features: Path | None, seed: int) -> "Objective":
        """An ``SRResCGANObjective``."""
        from wildsr.training.objectives.srrescgan import Mixup, SRResCGANObjective

        mixup = None if self.mixup is None else Mixup(self.mixup.alpha, self.mixup.probability)
        terms, adversarial = build_terms(self.terms, features), self.adversarial.build(seed)
        return SRResCGANObjective(networks["generator"], networks["discriminator"], terms, adversarial, mixup)


class DSGANObjectiveConfig(ObjectiveConfig):
    """DSGAN: keep the colours of a clean LR image, and give it the texture of the source domain."""

    kind: Literal["dsgan"] = "dsgan"
    terms: Losses
    """Losses of the generated image against the clean LR image."""
    texture: Weight
    """Weight of the adversarial loss, a Wasserstein loss if the discriminator gives no probabilities."""
    relativistic: bool = False
    """The discriminator compares images with the mean of the other kind."""
    penalty: Weight = 10.0
    """Weight of the gradient penalty of a Wasserstein GAN."""
    generator_every: Every = 1
    """Update the generator only in every n-th step."""
    discriminator_every: Every = 1
    """Update the discriminator only in every n-th step."""
    through: Literal["updated", "before"] = "updated"
    """Which discriminator the generator's gradient passes through: the updated one, as in the original, or the one
    before the update."""

    def build(self, networks: "Mapping[str, nn.Module]", features: Path | None, seed: int) -> "Objective":
        """A ``DSGANObjective``."""
        from wildsr.networks.dsgan import DSGANDiscriminator
        from wildsr.training.objectives.dsgan import DSGANObjective

        discriminator = networks["discriminator"]
        if not isinstance(discriminator, DSGANDiscriminator):
            raise RecipeError("networks.discriminator: DSGAN needs a DSGANDiscriminator")
        return DSGANObjective(
            networks["generator"],
            discriminator,
            build_terms(self.terms, features),
            self.texture,
            relativistic=self.relativistic,
            penalty=self.penalty,
            generator_every=self.generator_every,
            discriminator_every=self.discriminator_every,
            through=self.through,
            seed=seed,
        )


class DDNSRObjectiveConfig(ObjectiveConfig):
    """DDNSR: a degradation network and a reconstruction network train each other on unpaired images."""

    kind: Literal["ddnsr"] = "ddnsr"
    content: Loss
    """Loss of the degraded image against the area-averaged HR image."""
    cycle: Loss
    """Cycle loss: the real LR image, upscaled and degraded again, against itself."""
    adversarial_down: Weight
    """Weight of the adversarial loss of the degradation network."""
    terms: Losses
    """Losses of the reconstructed image against the HR image."""
    adversarial_up: Weight
    """Weight of the adversarial loss of the reconstruction network, where there is a discriminator ``disc_up``."""

    trains: ClassVar[tuple[str, ...]] = ("up", "down", "disc_down")
    may_train: ClassVar[tuple[str, ...]] = ("disc_up",)
    result: ClassVar[str] = "up"

    def build(self, networks: "Mapping[str, nn.Module]", features: Path | None, seed: int) -> "Objective":
        """A ``DDNSRObjective``."""
        from wildsr.training.objectives.ddnsr import DDNSRObjective

        del seed
        return DDNSRObjective(
            networks["up"],
            networks["down"],
            networks["disc_down"],
            build_term(self.content, features, "content"),
            build_term(self.cycle, features, "cycle"),
            self.adversarial_down,
            build_terms(self.terms, features),
            networks.get("disc_up"),
            self.adversarial_up,
        )


AnyObjective = Annotated[
    ObjectiveConfig,
    OneOf(
        "kind",
        PixelObjectiveConfig,
        GanObjectiveConfig,
        ExclusionaryObjectiveConfig,
        SRResCGANObjectiveConfig,
        DSGANObjectiveConfig,
        DDNSRObjectiveConfig,
    ),
]
