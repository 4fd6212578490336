"""Every objective with tiny networks, and batches for them."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from wildsr.losses.adversarial import GanLoss
from wildsr.losses.frequency import LowFrequencyLoss
from wildsr.losses.perceptual import PerceptualLoss
from wildsr.losses.pixel import l1, l2
from wildsr.losses.variation import tv_difference
from wildsr.networks.ddnsr import DDNSRPatchDiscriminator, DDNSRVGGDiscriminator, DegradationNetwork
from wildsr.networks.discriminators import PatchGAN, UNetDiscriminator
from wildsr.networks.dsgan import DSGANDiscriminator, DSGANGenerator
from wildsr.networks.edl import EDLNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.srrescgan import SRResCGAN
from wildsr.networks.vgg import VGGFeatures
from wildsr.ops.frequency import LowPass
from wildsr.training.objective import Batch, Objective
from wildsr.training.objectives.ddnsr import DDNSRObjective
from wildsr.training.objectives.dsgan import DSGANObjective
from wildsr.training.objectives.exclusionary import ExclusionaryObjective
from wildsr.training.objectives.gan import AdversarialLoss, GanObjective
from wildsr.training.objectives.pixel import PixelObjective
from wildsr.training.objectives.srrescgan import Mixup, SRResCGANObjective
from wildsr.training.objectives.terms import ImageLoss, Term, Terms

RELATIVISTIC = AdversarialLoss(GanLoss(relative_to="all"), 0.01)


def batch(seed: int = 0) -> Batch:
    """Random images for all roles, in [0, 1]."""
    random = torch.Generator().manual_seed(seed)

    def made(size: int) -> Tensor:
        return torch.rand(4, 3, size, size, generator=random)

    return {"lr": made(8), "hr": made(32), "source": made(8), "lr_real": made(8)}


def features() -> PerceptualLoss:
    return PerceptualLoss(VGGFeatures(["conv1_2"], widths=[4] * 16), {"conv1_2": 1.0})


def rrdbnet() -> RRDBNet:
    return RRDBNet(features=4, blocks=1, growth=2)


def terms() -> Terms:
    return {"pixel": Term(1.0, l1), "perceptual": Term(0.1, features())}


def gan(adversarial: AdversarialLoss = RELATIVISTIC, discriminator: nn.Module | None = None) -> GanObjective:
    return GanObjective(
        rrdbnet(),
        PatchGAN(features=4, layers=2) if discriminator is None else discriminator,
        terms(),
        adversarial,
    )


def edl() -> ExclusionaryObjective:
    network = EDLNet(features=4, blocks=1, growth=2)
    pixel = {"pixel": Term(0.01, l1)}
    return ExclusionaryObjective(
        network, PatchGAN(features=4, layers=2), pixel, {"perceptual": Term(1.0, features())}, RELATIVISTIC
    )


def srrescgan(mixup: Mixup | None = None, pixel: ImageLoss = l1) -> SRResCGANObjective:
    adversarial = replace(RELATIVISTIC, view=LowPass(9).rest)
    losses = {"pixel": Term(10.0, pixel), "tv": Term(1.0, tv_difference)}
    return SRResCGANObjective(SRResCGAN(4, 1), PatchGAN(features=4, layers=2), losses, adversarial, mixup)


def dsgan(**options: object) -> DSGANObjective:
    probabilities = not options.pop("wasserstein", False)
    losses = {"color": Term(1.0, LowFrequencyLoss(LowPass(5, borders="cut")))}
    judge = DSGANDiscriminator(probabilities=probabilities)
    return DSGANObjective(DSGANGenerator(4, 1), judge, losses, **options)  # type: ignore[arg-type]


def ddnsr(esrgan: bool = True) -> DDNSRObjective:
    return DDNSRObjective(
        rrdbnet(),
        DegradationNetwork(4, 2, 1),
        DDNSRVGGDiscriminator(4, 2, (8, 8)),
        content=Term(0.1, features()),
        cycle=Term(10.0, features()),
        adversarial_down=1.0,
        terms={"pixel": Term(1.0, l2)},
        disc_up=DDNSRPatchDiscriminator(4, 2) if esrgan else None,
        adversarial_up=0.005 if esrgan else 0.0,
    )


OBJECTIVES: dict[str, Callable[[], Objective]] = {
    "pixel": lambda: PixelObjective(rrdbnet(), terms()),
    "gan-vanilla": lambda: gan(AdversarialLoss(GanLoss(), 0.1), UNetDiscriminator(features=4)),
    "gan-lsgan": lambda: gan(AdversarialLoss(GanLoss("lsgan"), 0.1)),
    "gan-wgan-gp": lambda: gan(AdversarialLoss(GanLoss("wgan"), 0.1, penalty=10.0)),
    "gan-ragan": gan,
    "gan-ragan-batch": lambda: gan(
        AdversarialLoss(GanLoss(relative_to="batch"), 0.1), UNetDiscriminator(features=4)
    ),
    "gan-high-pass": lambda: gan(replace(RELATIVISTIC, view=LowPass(9).rest)),
    "edl": edl,
    "srrescgan": srrescgan,
    "srrescgan-mixup": lambda: srrescgan(Mixup(probability=1.0)),
    "dsgan": dsgan,
    "dsgan-before": lambda: dsgan(through="before"),
    "dsgan-ragan": lambda: dsgan(relativistic=True),
    "dsgan-wgan": lambda: dsgan(wasserstein=True),
    "ddnsr-psnr": lambda: ddnsr(esrgan=False),
    "ddnsr-esrgan": ddnsr,
}


def make(name: str) -> Objective:
    torch.manual_seed(3)
    objective = OBJECTIVES[name]()
    for network in objective.networks.values():
        network.train()
    return objective
