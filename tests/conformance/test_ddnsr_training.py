"""DDNSR's training steps, with its optimizer, against TensorFlow's."""

import re
from collections.abc import Callable

import pytest
import torch
from ddnsr_weights import FeatureStack, converted, created, fill, nchw, recorded_networks
from golden_files import Golden, golden_names
from torch import Tensor

from wildsr.losses.perceptual import PerceptualLoss
from wildsr.losses.pixel import l1, l2
from wildsr.networks.ddnsr import DDNSRVGGDiscriminator
from wildsr.training.objectives.ddnsr import DDNSRObjective
from wildsr.training.objectives.terms import Term
from wildsr.training.optimizers import KerasAdam
from wildsr.training.step import training_step

Read = Callable[[str], Golden]

# From the table of tolerances in golden/ddnsr/README.md; both sides are float32.
LOSSES = 1e-5  # relative
GRADIENTS = 5e-5  # of the largest value of a tensor
WEIGHTS = {1: 2e-6, 3: 6e-6}
# Analytically without gradient; Adam makes steps of the rounding noise.
NO_GRADIENT = ("disc_up", "linear2.bias")
NO_GRADIENT_WEIGHTS = {1: 1e-4, 3: 3e-4}
CONTENT, ADVERSARIAL, CYCLE = 0.1, 1.0, 10.0
ADVERSARIAL_UP, PIXEL_UP = 0.005, 0.01
OUR_NAMES = {
    "loss_up": ("up/pixel", 1.0),
    "content_up": ("up/perceptual", 1.0),
    "adv_up": ("up/adversarial", ADVERSARIAL_UP),
    "cycle_up": ("up/pixel", PIXEL_UP),
    "adv_disc_up": ("disc_up/adversarial", 1.0),
    "content_down": ("down/content", CONTENT),
    "adv_down": ("down/adversarial", ADVERSARIAL),
    "cycle_down": ("down/cycle", CYCLE),
    "adv_disc_down": ("disc_down/adversarial", 1.0),
}


def objective_of(item: Golden) -> DDNSRObjective:
    up, down = recorded_networks(item)
    judges = {}
    for name, role in (("disc_up", "hires_y_real"), ("disc_down", "lores_x_real")):
        if name in item.json("model_order"):
            features, halvings = map(int, re.findall(r"\d+", item.json("constructors")[name]))
            height, width = item[f"batch/{role}"].shape[1:3]
            judges[name] = DDNSRVGGDiscriminator(features, halvings, (height, width))
            fill(judges[name], item.under(f"init/{name}/"))
    losses = {
        name: PerceptualLoss(
            FeatureStack(item.under(f"features/{name}/"), pool=name != "feat22"), {"features": 1.0}, l2
        )
        for name in {key.split("/")[0] for key in item.under("features/")}
    }
    esrgan = "disc_up" in judges
    return DDNSRObjective(
        up,
        down,
        judges["disc_down"],
        content=Term(CONTENT, losses["feat34"]),
        cycle=Term(CYCLE, losses["feat22"]),
        adversarial_down=ADVERSARIAL,
        terms=(
            {"perceptual": Term(1.0, losses["feat54"]), "pixel": Term(PIXEL_UP, l1)}
            if esrgan
            else {"pixel": Term(1.0, l2)}
        ),
        disc_up=judges.get("disc_up"),
        adversarial_up=ADVERSARIAL_UP if esrgan else 0.0,
    )


def keras_names(item: Golden, group: str, objective: DDNSRObjective) -> dict[str, dict[str, Tensor]]:
    """The weights that a file stores for each network, under our names; the small set leaves the large tensors out."""
    found = {}
    for name, network in objective.networks.items():
        start, weights = (item.under(f"{part}/{name}/") for part in ("init", group))
        layout = start if name.startswith("disc") else created(start)
        found[name] = converted(network, {key: weights[key] for key in layout if key in weights}, layout)
        assert found[name]
    return found


def files() -> list[str]:
    return [name.rpartition("/")[2] for name in golden_names("ddnsr/train/*")]


@pytest.mark.parametrize("name", files())
def test_training(golden: Read, name: str) -> None:
    item = golden(f"ddnsr/train/{name}")
    objective = objective_of(item)
    order = item.json("model_order")
    assert list(objective.networks) == order
    for network in objective.networks.values():
        network.train()  # as the loop does
    optimizers = {
        model: KerasAdam(network.parameters(), lr=1e-4, stride=len(order), offset=order.index(model))
        for model, network in objective.networks.items()
    }
    statistics = {
        (model, key): value.clone()
        for model, network in objective.networks.items()
        for key, value in network.named_buffers()
    }
    batch = {"hr": nchw(item["batch/hires_y_real"]), "lr_real": nchw(item["batch/lores_x_real"])}
    for step in range(int(item.text("steps"))):
        losses = training_step(objective, step, batch, optimizers)
        assert len(losses) == len(item.json("loss_names"))
        for loss, expected in zip(item.json("loss_names"), item["losses"][step], strict=True):
            our_name, weight = OUR_NAMES[loss]
            torch.testing.assert_close(losses[our_name] / weight, expected, rtol=LOSSES, atol=0, msg=loss)
        if step == 0:
            compare_gradients(item, objective)
        if step + 1 in WEIGHTS and item.under(f"after{step + 1}/"):
            compare_weights(item, objective, step + 1)
    for (model, key), before in statistics.items():
        assert torch.equal(objective.networks[model].get_buffer(key), before), f"{model} {key} changed"


def compare_gradients(item: Golden, objective: DDNSRObjective) -> None:
    """Gradients stay available after a step."""
    for model, gradients in keras_names(item, "grad1", objective).items():
        for key, expected in gradients.items():
            if (model, key) == NO_GRADIENT:
                continue
            gradient = objective.networks[model].get_parameter(key).grad
            assert gradient is not None
            deviation = (gradient - expected).abs().max()
            assert deviation <= GRADIENTS * expected.abs().max(), f"{model} {key}: {deviation:.1e}"


def compare_weights(item: Golden, objective: DDNSRObjective, step: int) -> None:
    for model, weights in keras_names(item, f"after{step}", objective).items():
        state = objective.networks[model].state_dict()
        for key, expected in weights.items():
            bound = NO_GRADIENT_WEIGHTS[step] if (model, key) == NO_GRADIENT else WEIGHTS[step]
            deviation = (state[key] - expected).abs().max()
            assert deviation < bound, f"{model} {key} after step {step}: {deviation:.1e}"
