"""Recipes of the networks that learn how photos are degraded, DSGAN's and DDNSR's, for minutes instead of days.

They are the built-in recipes with smaller networks, patches and batches. The generators do not begin with random
weights: at first they return the clean LR image, so that no step is spent on learning that.
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wildsr.adapt.request import STARTS
from wildsr.networks.ddnsr import DegradationNetwork
from wildsr.networks.dsgan import DSGANGenerator
from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.config.losses import ColourConfig, L1Config
from wildsr.recipes.config.recipe import Recipe
from wildsr.training.export import save_model
from wildsr.zoo.features.files import MissingWeights
from wildsr.zoo.features.lpips import lpips_files
from wildsr.zoo.load import load

BUILTIN = {"dsgan": "dsgan", "ddnsr": "ddnsr-track1"}
"""The built-in recipe of each method."""
_SCALE = 4
LR_PATCH = 32
_BATCH = 4
_DSGAN_SIZES: dict[str, int] = {"features": 32, "blocks": 4}
_DDNSR_SIZES: dict[str, int] = {"features": 16, "blocks": 4}
_DISCRIMINATOR_FEATURES = 32
_KNOTS = 8
"""Rectifiers for each colour that approximate the inverse of DSGAN's sigmoid, within 3 levels."""


def degrader_file(folder: Path, method: str) -> Path:
    """The network that degrades, in the folder of its run."""
    return folder / f"{BUILTIN[method]}{'-down' if method == 'ddnsr' else ''}.safetensors"


def degrader_recipe(
    method: str, images: Path, photos: Path, folder: Path, features: Path | None, seed: int
) -> Recipe:
    """The recipe by which a network learns to degrade ``images`` like ``photos``; its steps follow from the pace.

    ``images`` is a folder of HR images of at least 128 pixels a side, ``photos`` one of photos of at least 32.
    ``folder`` gets the initial weights of the generator.
    """
    folder.mkdir(parents=True, exist_ok=True)
    start = folder / "start.safetensors"
    if not start.is_file():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = plain_dsgan() if method == "dsgan" else plain_ddnsr()
        save_model(start, network, {"licence": "CC0-1.0"})
    specific = _dsgan(photos, start, features) if method == "dsgan" else _ddnsr(photos, start)
    return RECIPES[BUILTIN[method]].replaced(
        {
            "seed": seed,
            "data.hr": (images,),
            "data.hr_patch": _SCALE * LR_PATCH,
            "data.weighing": "area",
            # Turned photos would have the blur of another camera.
            "data.augment": "none",
            "data.workers": 0 if not torch.cuda.is_available() else None,
            "train.batch_size": _BATCH,
            "validation.best_by": (),
            "files": {"tensorboard": False, "keep": 2},
            **specific,
        }
    )


def _dsgan(photos: Path, start: Path, features: Path | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "networks.generator": {"architecture": "DSGAN", **_DSGAN_SIZES, "start": str(start)},
        "data.same": False,
        "data.source": photos,
        "data.source_patch": LR_PATCH,
    }
    try:
        lpips_files("alex", features)
    except MissingWeights:
        found["objective.terms.perceptual"] = None
    return found


def _ddnsr(photos: Path, start: Path) -> dict[str, Any]:
    """DDNSR of the type ``psnr``, with the default model as its reconstruction network.

    Low frequencies and absolute differences take the place of VGG's features, which take most of the time on a CPU.
    """
    model = load(STARTS["perceptual"]).contract
    sizes = {key: value for key, value in model.sizes.items() if key != "scale"}
    up = {"architecture": model.architecture, **sizes, "start": STARTS["perceptual"]}
    return {
        "networks.up": up,
        "networks.down": {"architecture": "DegradationNetwork", **_DDNSR_SIZES, "start": str(start)},
        "networks.disc_down.features": _DISCRIMINATOR_FEATURES,
        "networks.disc_down.size": LR_PATCH,
        "networks.disc_up": None,
        "optimizers.disc_up": None,
        "optimizers.up.rate": 4e-5,
        "optimizers.down.rate": 4e-4,
        "objective.content": ColourConfig(kernel=5, weight=2),
        "objective.cycle": L1Config(weight=2),
        "objective.adversarial_down": 0.02,
        "objective.terms": {"pixel": L1Config()},
        "data.lr": photos,
        "data.lr_patch": LR_PATCH,
        "train.fresh_optimizers_at": (),
    }


def plain_dsgan() -> DSGANGenerator:
    """A DSGAN generator that returns its input, as nearly as its sigmoid allows.

    Each channel of the image passes through several rectifiers with different thresholds, whose sum approximates the
    inverse of the sigmoid.
    """
    network = DSGANGenerator(_DSGAN_SIZES["features"], _DSGAN_SIZES["blocks"])
    first, rectifier, last = network.block_input[0], network.block_input[1], network.block_output
    assert isinstance(first, nn.Conv2d)
    assert isinstance(rectifier, nn.PReLU)
    with torch.no_grad():
        knots = (1 - torch.cos(math.pi * torch.arange(_KNOTS) / _KNOTS)) / 2
        factors, shift = _inverse_sigmoid(knots.double(), float(rectifier.weight))
        last.weight.zero_()
        last.bias.fill_(shift)  # type: ignore[union-attr]
        for number, (knot, factor) in enumerate(zip(knots.tolist(), factors.tolist(), strict=True)):
            # Half of each factor is before the rectifier, so that neither convolution has much larger weights.
            size = math.sqrt(abs(factor))
            for channel in range(3):
                index = 3 * number + channel
                first.weight[index] = 0
                first.weight[index, channel, 1, 1] = size
                first.bias[index] = -size * knot  # type: ignore[index]
                last.weight[channel, index, 1, 1] = math.copysign(size, factor)
        for block in network.res_blocks:
            _silence(block.conv2)  # type: ignore[arg-type]
    return network


def _inverse_sigmoid(knots: Tensor, slope: float) -> tuple[Tensor, float]:
    """Factors and constant with which rectifiers (``slope`` below the knots) add up to the inverse of a sigmoid."""
    values = torch.linspace(0, 1, 256, dtype=torch.float64)
    over = values[:, None] - knots
    terms = torch.cat([torch.where(over > 0, over, slope * over), torch.ones_like(over[:, :1])], dim=1)
    wanted = torch.logit(values, eps=0.01)
    # An error of the sum becomes one of the sigmoid times its derivative.
    weight = (values * (1 - values)).clamp(min=0.01)[:, None]
    found = torch.linalg.lstsq(weight * terms, weight * wanted[:, None]).solution[:, 0]
    return found[:-1], float(found[-1])


def plain_ddnsr() -> DegradationNetwork:
    """A degradation network of DDNSR that averages the pixels of the HR image, and ignores the LR image at first."""
    network = DegradationNetwork(_DDNSR_SIZES["features"], blocks=_DDNSR_SIZES["blocks"])
    with torch.no_grad():
        _pass(network.conv_first)
        for halving in network.halvings:
            _pass(halving.conv1)  # type: ignore[arg-type]
            _pass(halving.conv2, averages=True)  # type: ignore[arg-type]
        _pass(network.conv_hr)
        _silence(network.trunk_conv)
        _silence(network.conv_last)
        _pass(network.conv_last)
    return network


def _pass(conv: nn.Conv2d, averages: bool = False) -> None:
    """Let the first three channels pass, or with ``averages`` the mean of their 2x2 central values."""
    middle, value = (slice(1, 3), 0.25) if averages else (slice(1, 2), 1.0)
    # The last convolution also reads the other channels.
    if conv.out_channels > 3:
        conv.weight[:3] = 0
    for channel in range(3):
        conv.weight[channel, :3] = 0
        conv.weight[channel, channel, middle, middle] = value


def _silence(conv: nn.Conv2d) -> None:
    """Set the weights to zero, from which they can still be trained."""
    for weight in conv.parameters():
        weight.zero_()
