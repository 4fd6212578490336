"""From the objective of a recipe to the one that trains: losses with their feature networks, and the networks."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from wildsr.evaluation.perceptual import load_lpips
from wildsr.evaluation.weights import MissingWeights, find_file
from wildsr.losses.adversarial import Adversary
from wildsr.losses.frequency import LowFrequencyLoss
from wildsr.losses.grid import grid_loss
from wildsr.losses.perceptual import LpipsLoss, PerceptualLoss
from wildsr.losses.pixel import charbonnier_mean, l1, l2, psnr_loss
from wildsr.losses.ssim import ssim_loss
from wildsr.losses.total_variation import tv_difference
from wildsr.networks.dsgan import DSGANDiscriminator
from wildsr.networks.edl import EDLNet
from wildsr.networks.vgg import Depth
from wildsr.ops.frequency import Borders, LowPass
from wildsr.recipes.parts import objectives as parts
from wildsr.recipes.parts.strict import RecipeError
from wildsr.training.objective import Objective
from wildsr.training.objectives.ddnsr import DDNSRObjective
from wildsr.training.objectives.dsgan import DSGANObjective
from wildsr.training.objectives.exclusionary import ExclusionaryObjective
from wildsr.training.objectives.gan import Contest, GanObjective
from wildsr.training.objectives.pixel import PixelObjective
from wildsr.training.objectives.srrescgan import Mixup, SRResCGANObjective
from wildsr.training.objectives.terms import Term
from wildsr.zoo.errors import ModelError
from wildsr.zoo.features.vgg import load_vgg

_ROLES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "pixel": (("generator",), ()),
    "gan": (("generator", "discriminator"), ()),
    "exclusionary": (("generator", "discriminator"), ()),
    "srrescgan": (("generator", "discriminator"), ()),
    "dsgan": (("generator", "discriminator"), ()),
    "ddnsr": (("up", "down", "disc_down"), ("disc_up",)),
}
"""The networks that each kind of objective needs, and those that it can do without."""


def check_roles(kind: str, names: Mapping[str, object], section: str) -> None:
    """Raise a ``RecipeError`` when a section has not exactly the networks of an objective."""
    needed, optional = _ROLES[kind]
    missing = [name for name in needed if name not in names]
    left = [name for name in names if name not in (*needed, *optional)]
    if missing or left:
        problem = f"lacks {missing[0]}" if missing else f"has {left[0]}, which is not trained"
        wanted = ", ".join(needed) + (f", and perhaps {', '.join(optional)}" if optional else "")
        raise RecipeError(f"{section} {problem}: the objective '{kind}' trains {wanted}")


def build_objective(
    part: parts.Objective, networks: Mapping[str, nn.Module], features: Path | None, seed: int
) -> Objective:
    """The objective of a recipe for its networks. Feature networks come from ``features`` or the usual folders.

    Raises:
        RecipeError: for networks that do not suit it, or feature networks that are missing; says how to get them.
    """
    check_roles(part.kind, networks, "networks")
    build = _Losses(features)
    match part:
        case parts.PixelObjective():
            return PixelObjective(networks["generator"], build.terms(part.terms))
        case parts.GANObjective():
            contest = _contest(part.contest, seed)
            return GanObjective(
                networks["generator"], networks["discriminator"], build.terms(part.terms), contest
            )
        case parts.ExclusionaryObjective():
            generator = networks["generator"]
            if not isinstance(generator, EDLNet):
                raise RecipeError(
                    "networks.generator: exclusionary training needs an EDLNet, which has branches"
                )
            return ExclusionaryObjective(
                generator,
                networks["discriminator"],
                build.terms(part.pixel_terms, "pixel_terms"),
                build.terms(part.terms),
                _contest(part.contest, seed),
            )
        case parts.SRResCGANObjective():
            mixup = None if part.mixup is None else Mixup(part.mixup.alpha, part.mixup.probability)
            return SRResCGANObjective(
                networks["generator"],
                networks["discriminator"],
                build.terms(part.terms),
                _contest(part.contest, seed),
                mixup,
            )
        case parts.DSGANObjective():
            return _dsgan(part, networks, build, seed)
        case parts.DDNSRObjective():
            return DDNSRObjective(
                networks["up"],
                networks["down"],
                networks["disc_down"],
                build.term(part.content, "content"),
                build.term(part.cycle, "cycle"),
                part.adversarial_down,
                build.terms(part.terms),
                networks.get("disc_up"),
                part.adversarial_up,
            )


def _dsgan(
    part: parts.DSGANObjective, networks: Mapping[str, nn.Module], build: "_Losses", seed: int
) -> DSGANObjective:
    discriminator = networks["discriminator"]
    if not isinstance(discriminator, DSGANDiscriminator):
        raise RecipeError("networks.discriminator: DSGAN needs a DSGANDiscriminator")
    return DSGANObjective(
        networks["generator"],
        discriminator,
        build.terms(part.terms),
        part.texture,
        relativistic=part.relativistic,
        penalty=part.penalty,
        generator_every=part.generator_every,
        discriminator_every=part.discriminator_every,
        through=part.through,
        seed=seed,
    )


def _contest(part: parts.Contest, seed: int) -> Contest:
    try:
        adversary = Adversary(part.loss, part.relative_to)
    except ValueError as error:
        raise RecipeError(
            f"objective.contest.relative_to: {error}; set it to null, or objective.contest.loss to vanilla"
        ) from error
    high_pass = None if part.high_pass is None else _low_pass(part.high_pass, "zeros", "contest.high_pass")
    return Contest(
        adversary,
        part.weight,
        None if high_pass is None else high_pass.rest,
        part.generator_every,
        part.generator_after,
        part.penalty,
        seed,
    )


def _low_pass(size: int, borders: Borders, where: str) -> LowPass:
    try:
        return LowPass(size, borders=borders)
    except ValueError as error:
        raise RecipeError(f"objective.{where}: {error}") from error


class _Losses:
    """Makes losses, with feature networks from one folder or the usual ones."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def terms(self, losses: Mapping[str, parts.Loss], where: str = "terms") -> dict[str, Term]:
        """Those that count."""
        return {name: self.term(loss, f"{where}.{name}") for name, loss in losses.items() if loss.weight}

    def term(self, part: parts.Loss, where: str) -> Term:
        """One loss and its weight."""
        if not part.weight:
            return Term(0.0, l1)
        try:
            return Term(part.weight, self._loss(part, where))
        except (MissingWeights, ModelError, ValueError) as error:
            raise RecipeError(
                f"objective.{where} needs a feature network: {error}. Name the folder of such files with --features, "
                f"or leave this loss out with --set objective.{where}.weight=0"
            ) from error

    def _loss(self, part: parts.Loss, where: str) -> Callable[[Tensor, Tensor], Tensor]:
        match part:
            case parts.L1():
                return l1
            case parts.L2():
                return l2
            case parts.Charbonnier():
                return charbonnier_mean
            case parts.PSNR():
                return psnr_loss
            case parts.SSIM():
                return ssim_loss
            case parts.TV():
                return tv_difference
            case parts.Colour():
                return LowFrequencyLoss(_low_pass(part.kernel, part.borders, f"{where}.kernel"))
            case parts.Grid():
                return partial(grid_loss, period=part.period)
            case parts.Lpips():
                return LpipsLoss(load_lpips(self.folder, part.backbone), part.jitter)
            case parts.Features():
                depth: Depth = 19 if part.network == "vgg19" else 16
                # The published file comes last: it is the one that the message for a missing one speaks of.
                names = (f"{part.network}.safetensors", f"{part.network}.pth")
                layers = {layer: weight for layer, weight in part.layers.items() if weight}
                network = load_vgg(find_file(names, self.folder), list(layers), depth, part.normalise)
                return PerceptualLoss(network, layers, l1 if part.distance == "l1" else l2)
