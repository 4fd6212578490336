"""Three training steps of each method against those of the originals: losses, gradients and weights.

In float64 the comparison is sharp: it detects any difference in a loss, a gradient or the optimizer. The comparison in
float32 shows that training works in this precision too. Its bounds must hold on every CPU, and rounding differs between
them: vector width and cache sizes decide the order in which a convolution is summed. Where a gradient is nearly zero,
Adam turns such a difference into part of a step. So the bound for 99 of 100 weights is the larger of a hundredth of the
learning rate, which is the largest update of one step (an error in a formula changes most weights by a large part of
that), and five times the deviation of the original's own float32 run from its float64 run (golden/README.md, part 4).
With the latter alone, 1e-7, a CPU with AMX missed the bound of RWSR-EDL by a third; CPUs without it stay below 2e-8.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from golden_files import Golden
from step_runs import STEPS, Deviations, Outcome, deviations, stand_in_vgg, train
from torch import Tensor, nn

from wildsr.losses.adversarial import GanLoss
from wildsr.losses.frequency import LowFrequencyLoss
from wildsr.losses.perceptual import PerceptualLoss
from wildsr.losses.pixel import l1
from wildsr.losses.variation import tv_difference
from wildsr.networks.discriminators import PatchGAN, UNetDiscriminator, VGG128Discriminator
from wildsr.networks.dsgan import DSGANDiscriminator, DSGANGenerator
from wildsr.networks.edl import EDLNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.srrescgan import SRResCGAN
from wildsr.networks.vgg import layer_names
from wildsr.ops.frequency import LowPass
from wildsr.training.ema import Average
from wildsr.training.objectives.dsgan import DSGANObjective
from wildsr.training.objectives.exclusionary import ExclusionaryObjective
from wildsr.training.objectives.gan import AdversarialLoss, GanObjective
from wildsr.training.objectives.pixel import PixelObjective
from wildsr.training.objectives.srrescgan import SRResCGANObjective
from wildsr.training.objectives.terms import Term, Terms

Read = Callable[[str], Golden]
Logs = dict[str, Callable[[dict[str, float]], float]]
LETTERS = {"generator": "G", "discriminator": "D"}
RELATIVISTIC = GanLoss(relative_to="all")

both_precisions = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])


def check(found: Deviations, dtype: torch.dtype, losses: float = 1e-5, weights: float = 5e-7) -> None:
    """``losses`` and ``weights`` are the bounds in float32; a hundredth of a learning rate of 5e-5 by default."""
    if dtype == torch.float64:
        assert found.losses < 1e-7
        assert found.gradients < 1e-6
        assert found.weights < 1e-9
        assert found.statistics < 2e-7  # their changes are stored in float32
    else:
        assert found.losses < losses
        assert found.weights_p99 < weights
        assert found.statistics < 100 * losses


def logged(**names: str | tuple[str, float]) -> Logs:
    """The file's names for our losses, with a factor where they differ."""

    def value(of: str | tuple[str, float]) -> Callable[[dict[str, float]], float]:
        name, factor = of if isinstance(of, tuple) else (of, 1.0)
        return lambda losses: losses[name] * factor

    return {log: value(of) for log, of in names.items()}


# The other logs of these files are not losses: means of scores.
REALSR_LOGS = logged(
    l_g_pix="generator/pixel",
    l_g_fea="generator/perceptual",
    l_g_gan="generator/adversarial",
    l_d_real=("discriminator/real", 2),  # the original logs them before it halves their sum
    l_d_fake=("discriminator/fake", 2),
)


def fill(network: nn.Module, item: Golden, letter: str, dtype: torch.dtype) -> Any:
    network.load_state_dict(item.under(f"weight.{letter}."))
    return network.to(dtype).train()


def rrdbnet(item: Golden, network: type[RRDBNet] = RRDBNet) -> RRDBNet:
    made = item.json("netG" if "netG" in item.metadata else "network_G")
    return network(made["in_nc"], made["out_nc"], made["nf"], made["nb"], made["gc"], made.get("scale", 4))


def feature_layers(text: str) -> list[str]:
    return [layer_names(19)[int(re.findall(r"\d+", text)[-1])]]


def realsr_outcome(item: Golden, dtype: torch.dtype, network: type[RRDBNet]) -> Outcome:
    options, made = item.json("train"), item.json("network_D")
    judge = PatchGAN(made["input_nc"], made["ndf"], made["n_layers"])
    (layer,) = feature_layers(item.text("netF"))
    features = stand_in_vgg(item, [layer], dtype)
    pixel: Terms = {"pixel": Term(options["pixel_weight"], l1)}
    perceptual: Terms = {
        "perceptual": Term(options["feature_weight"], PerceptualLoss(features, {layer: 1.0}))
    }
    assert (options["gan_type"], options["pixel_criterion"], options["feature_criterion"]) == (
        "ragan",
        "l1",
        "l1",
    )
    contest = AdversarialLoss(RELATIVISTIC, options["gan_weight"])
    generator = fill(rrdbnet(item, network), item, "G", dtype)
    discriminator = fill(judge, item, "D", dtype)
    objective = (
        ExclusionaryObjective(generator, discriminator, pixel, perceptual, contest)
        if network is EDLNet
        else GanObjective(generator, discriminator, {**pixel, **perceptual}, contest)
    )
    batch = {"lr": item["input.LQ"].to(dtype), "hr": item["input.GT"].to(dtype)}
    betas = (options["beta1_G"], options["beta2_G"])
    assert options["lr_G"] == options["lr_D"]
    return train(objective, batch, LETTERS, options["lr_G"], betas)


@both_precisions
@pytest.mark.parametrize(
    ("name", "network", "weights"),
    # Adam divides gradients by their own size, so that float32's rounding of small ones shows; other CPUs round
    # otherwise. One with AMX was 1.3e-7 off for the second.
    [("step_realsr", RRDBNet, 1.5e-5), ("step_rwsredl", EDLNet, 1e-6)],
)
def test_realsr_and_edl(
    golden: Read, name: str, network: type[RRDBNet], weights: float, dtype: torch.dtype
) -> None:
    item = golden(name)
    outcome = realsr_outcome(item, dtype, network)
    check(deviations(item, outcome, REALSR_LOGS), dtype, weights=weights)


KINDS: dict[str, GanLoss] = {
    "lsgan": GanLoss("lsgan"),
    "ragan": GanLoss(relative_to="batch"),
}


@both_precisions
@pytest.mark.parametrize(
    "name", ["step_kair_plain", "step_kair_gan_lsgan", "step_kair_gan_ragan"], ids=lambda name: name[10:]
)
def test_bsrnet_and_bsrgan(golden: Read, name: str, dtype: torch.dtype) -> None:
    item = golden(name)
    other = item.metadata.get("initial_state_and_batch", "")
    initial = golden(re.findall(r"(\w+)\.safetensors", other)[0]) if other else item
    options = initial.json("opt") | item.json("overrides")
    generator = fill(rrdbnet(initial), initial, "G", dtype)
    average = Average(fill(rrdbnet(initial), initial, "E", dtype), options["E_decay"])
    steps = count()
    terms: dict[str, Term] = {"pixel": Term(options["G_lossfn_weight"], l1)}
    logs = logged(G_loss="generator/pixel")
    objective: GanObjective | PixelObjective
    if "gan_type" in options:
        layers = [layer_names(19)[index] for index in options["F_feature_layer"]]
        features = stand_in_vgg(initial, layers, dtype)
        weights = dict(zip(layers, options["F_weights"], strict=True))
        terms["perceptual"] = Term(options["F_lossfn_weight"], PerceptualLoss(features, weights))
        logs |= logged(F_loss="generator/perceptual", D_loss="generator/adversarial")
        made = initial.json("netD")
        judge = fill(UNetDiscriminator(made["in_nc"], made["base_nc"]), initial, "D", dtype)
        contest = AdversarialLoss(KINDS[options["gan_type"]], options["D_lossfn_weight"])
        objective = GanObjective(generator, judge, terms, contest)
    else:
        objective = PixelObjective(generator, terms)

    def averaged() -> dict[str, Tensor]:
        average.update(generator, next(steps))
        return {f"E.{key}": value.clone() for key, value in average.network.state_dict().items()}

    batch = {"lr": initial["input.L"].to(dtype), "hr": initial["input.H"].to(dtype)}
    letters = {key: LETTERS[key] for key in objective.networks}
    outcome = train(objective, batch, letters, options["G_optimizer_lr"], after_step=averaged)
    outcome.start |= {f"E.{key}": value.to(dtype) for key, value in initial.under("weight.E.").items()}
    check(deviations(item, outcome, logs), dtype)


@both_precisions
def test_srrescgan(golden: Read, dtype: torch.dtype) -> None:
    item = golden("step_srrescgan")
    options = item.json("opt")
    weights = item.under("weight.G.")
    generator = SRResCGAN(weights["model.conv1.weight_v"].shape[0], item.json("resdnet_depth"))
    features = item["weight.D.conv0_0.weight"].shape[0]
    (layer,) = feature_layers(item.text("netF"))
    terms: Terms = {
        "pixel": Term(options["pixel_weight"], l1),
        "perceptual": Term(
            options["feature_weight"], PerceptualLoss(stand_in_vgg(item, [layer], dtype), {layer: 1.0})
        ),
        "tv": Term(options["tv_weight"], tv_difference),
    }
    assert (options["gan_type"], options["use_filters"]) == ("ragan", True)
    objective = SRResCGANObjective(
        fill(generator, item, "G", dtype),
        fill(VGG128Discriminator(features=features), item, "D", dtype),
        terms,
        AdversarialLoss(RELATIVISTIC, options["gan_weight"], view=LowPass(9).rest),
    )
    batch = {"lr": item["input.y_lr"].to(dtype) / 255, "hr": item["input.x_hr"].to(dtype) / 255}
    logs = logged(
        l_g_pix="generator/pixel",
        l_g_fea="generator/perceptual",
        l_g_tv="generator/tv",
        l_g_gan="generator/adversarial",
        l_d_real=("discriminator/real", 2),
        l_d_fake=("discriminator/fake", 2),
    )
    outcome = train(objective, batch, LETTERS, options["lr_G"], (options["beta1"], options["beta2"]))
    check(deviations(item, outcome, logs), dtype, losses=1e-4, weights=3.5e-5)


class StandInLpips(nn.Module):
    """The replacement of LPIPS in the recorded DSGAN runs."""

    def __init__(self, weights: dict[str, Tensor], dtype: torch.dtype) -> None:
        super().__init__()
        self.weights = {name: value.to(dtype) for name, value in weights.items()}

    def features(self, x: Tensor) -> Tensor:
        x = F.conv2d(2 * x - 1, self.weights["0.weight"], self.weights["0.bias"], stride=2, padding=1).relu()
        return F.conv2d(x, self.weights["2.weight"], self.weights["2.bias"], stride=2, padding=1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (self.features(x) - self.features(y)).square().mean()


class GivenFraction(DSGANObjective):
    """Takes the random point of the gradient penalty from the file."""

    fractions: list[float]

    def turns(self, step: int) -> Any:
        turns = []
        for turn in super().turns(step):
            if isinstance(turn.losses, partial) and "fraction" in turn.losses.keywords:
                turn = replace(turn, losses=partial(turn.losses, fraction=self.fractions[step]))
            turns.append(turn)
        return turns


@both_precisions
@pytest.mark.parametrize("name", ["gan", "gan_deferredD", "ragan", "wgan"])
def test_dsgan(golden: Read, name: str, dtype: torch.dtype) -> None:
    item, first = golden(f"step_dsgan_{name}"), golden("step_dsgan_gan")
    options = item.json("defaults") | item.json("opt")
    generator = DSGANGenerator(blocks=item.json("n_res_blocks"))
    judge = DSGANDiscriminator(probabilities=not options["wgan"])
    assert (options["kernel_size"], options["gaussian"], options["highpass"]) == (5, False, True)
    terms: Terms = {
        "color": Term(options["w_col"], LowFrequencyLoss(LowPass(5, borders="cut"))),
        "perceptual": Term(options["w_per"], StandInLpips(first.under("weight.F.F."), dtype)),
    }
    objective = GivenFraction(
        fill(generator, first, "G", dtype),
        fill(judge, Golden({f"weight.D.{k}": v for k, v in initial_judge(golden).items()}, {}), "D", dtype),
        terms,
        options["w_tex"],
        relativistic=options["ragan"],
        through="before" if "deferred" in name else "updated",
    )
    objective.fractions = item["log.f64.drawn_rand"].tolist() if options["wgan"] else [0.0] * STEPS
    batch = {"lr": first["input.input_img"].to(dtype), "source": first["input.disc_img"].to(dtype)}
    logs: Logs = {
        "col_loss": lambda losses: losses["generator/color"] / options["w_col"],
        "per_loss": lambda losses: losses["generator/perceptual"] / options["w_per"],
        "g_tex_loss": lambda losses: losses["generator/texture"] / options["w_tex"],
        "g_loss": lambda losses: sum(v for k, v in losses.items() if k.startswith("generator/")),
        "d_tex_loss": lambda losses: sum(v for k, v in losses.items() if k.startswith("discriminator/")),
    }
    if options["wgan"]:
        logs["grad_pen"] = lambda losses: losses["discriminator/penalty"]
    outcome = train(objective, batch, LETTERS, options["learning_rate"], (options["adam_beta_1"], 0.999))
    found = deviations(item, outcome, logs)
    check(found, dtype, losses=1e-3 if options["wgan"] else 1e-5, weights=1e-4)


def initial_judge(golden: Read) -> dict[str, Tensor]:
    return golden("net_dsgan_discriminator").under("weight.")
