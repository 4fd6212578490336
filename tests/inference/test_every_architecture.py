"""Every network that upscales has all its parts: module, architecture of the zoo, node of recipes, small model here."""

from pathlib import Path
from typing import get_args

import pytest
import torch
from safetensors.torch import save_file
from small_models import SMALL, small_model
from torch import nn

from wildsr.recipes.config.networks import Network
from wildsr.recipes.config.node import OneOf
from wildsr.zoo.architectures import ARCHITECTURES
from wildsr.zoo.load import contract_of, load

UPSCALERS = [name for name, each in ARCHITECTURES.items() if each.training_only is None]


@pytest.mark.parametrize("name", UPSCALERS)
def test_a_file_of_its_weights_is_loaded_as_the_same_model(name: str, tmp_path: Path) -> None:
    kinds = [kind for kind, (architecture, _, _) in SMALL.items() if architecture == name]
    assert kinds, f"add a small {name} to tests/inference/small_models.py"
    for kind in kinds:
        model = small_model(kind)
        if name == "SRResCGAN" or "bounded" in kind:
            continue  # its scale is not in its weights; tests/networks/test_srrescgan.py
        path = tmp_path / f"{kind}.safetensors"
        save_file(model.network.state_dict(), path)
        found = load(path)
        assert found.contract.architecture == name
        assert {**model.contract.sizes, **found.contract.sizes} == found.contract.sizes
        lr = torch.rand(1, 3, 8, 12)
        assert torch.equal(found(lr), model(lr))


@pytest.mark.parametrize("name", UPSCALERS)
def test_recipes_can_name_it(name: str) -> None:
    one_of = next(each for each in get_args(Network) if isinstance(each, OneOf))
    assert name in [node.model_fields["architecture"].default for node in one_of.members]


def test_what_a_network_lacks_is_named() -> None:
    with pytest.raises(TypeError, match=r"Conv2d .* lacks scale, size_multiple, receptive_field"):
        contract_of(nn.Conv2d(3, 3, 1), "SPAN", {}, "mine")
