"""Networks that a run writes can be the initial weights of another run."""

from pathlib import Path

import pytest
import torch
from tiny import tiny

from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.initial_weights import new_network
from wildsr.training.export import save_model


@pytest.mark.parametrize("name", RECIPES)
def test_every_network_starts_from_its_file(name: str, tmp_path: Path) -> None:
    recipe = tiny(name, tmp_path)
    for role, config in recipe.networks.items():
        network = new_network(config, role, recipe.scale, 0)
        for buffer in network.buffers():
            if buffer.is_floating_point():
                buffer.add_(0.1)
        path = tmp_path / f"{role}.safetensors"
        save_model(path, network, {})
        started = new_network(config.model_copy(update={"start": str(path)}), role, recipe.scale, 1)
        state = started.state_dict()
        for key, value in network.state_dict().items():
            assert torch.equal(state[key], value), f"{role}: {key}"
