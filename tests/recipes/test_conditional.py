"""``objective.adversarial.conditional``: the discriminator must have channels for the LR image, and gets them."""

import pytest
import torch

from wildsr.recipes.config import (
    AdversarialConfig,
    CompactConfig,
    GanObjectiveConfig,
    L1Config,
    PatchGANConfig,
)
from wildsr.recipes.errors import RecipeError
from wildsr.recipes.initial_weights import new_network
from wildsr.training.step import training_step


@pytest.mark.parametrize(("inputs", "conditional"), [(3, True), (6, False)])
def test_a_discriminator_of_other_channels_is_refused(inputs: int, conditional: bool) -> None:
    networks = {"discriminator": PatchGANConfig(features=4, inputs=inputs).build(4)}
    config = GanObjectiveConfig(terms={}, adversarial=AdversarialConfig(weight=1, conditional=conditional))
    with pytest.raises(RecipeError, match=f"sees {inputs} channels, and {9 - inputs} with"):
        config.build(networks, None, 0)


def test_the_lr_image_reaches_the_discriminator() -> None:
    networks = {
        "generator": new_network(CompactConfig(features=4, convs=1), "generator", 4, 0),
        "discriminator": new_network(PatchGANConfig(features=4, inputs=6), "discriminator", 4, 0),
    }
    config = GanObjectiveConfig(
        terms={"pixel": L1Config()}, adversarial=AdversarialConfig(weight=1, conditional=True)
    )
    objective = config.build(networks, None, 0)
    first = next(networks["discriminator"].parameters())
    before = first.detach().clone()
    batch = {"lr": torch.rand(1, 3, 16, 16), "hr": torch.rand(1, 3, 64, 64)}
    optimizers = {name: torch.optim.Adam(one.parameters(), 1e-2) for name, one in networks.items()}
    training_step(objective, 0, batch, optimizers)
    assert first.shape[1] == 6
    assert not torch.equal(first[:, 3:], before[:, 3:])
