"""LPIPS in tiles, and its weights in either form."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from wildsr.evaluation.perceptual import lpips
from wildsr.networks.lpips import Backbone, Lpips
from wildsr.zoo.features.lpips import load_lpips

FILES: dict[Backbone, str] = {"alex": "alexnet", "squeeze": "squeezenet1_1"}


def made(backbone: Backbone) -> Lpips:
    """With random weights, of which those of the channels count."""
    torch.manual_seed(0)
    network = Lpips(backbone).requires_grad_(False).eval()
    for name, weight in network.named_parameters():
        if name.startswith("lin"):
            weight.uniform_(0, 1)
    return network


def pair(height: int, width: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    shape = (1, 3, height, width)
    first, second = (torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator) for _ in range(2))
    # Different in one half only, so that tiles differ from each other.
    second[..., : width // 2] = first[..., : width // 2]
    return first, second


@pytest.mark.parametrize(
    ("backbone", "size"),
    [
        ("alex", (390, 333)),
        ("alex", (448, 210)),
        ("squeeze", (390, 333)),
        ("squeeze", (448, 210)),
        ("vgg", (290, 140)),
    ],
)
def test_tiles_do_not_show(backbone: Backbone, size: tuple[int, int]) -> None:
    network = made(backbone)
    first, second = pair(*size)
    whole = network(first.float() / 255, second.float() / 255)
    assert whole.item() > 0
    torch.testing.assert_close(lpips(network, first, second, tile=128), whole, rtol=1e-5, atol=0)
    torch.testing.assert_close(lpips(network, first, second), whole, rtol=1e-5, atol=0)


def test_refusals() -> None:
    network = made("alex")
    with pytest.raises(ValueError, match="too small"):
        lpips(network, *pair(63, 100))
    with pytest.raises(ValueError, match="different shapes"):
        lpips(network, pair(64, 80)[0], pair(64, 81)[0])
    with pytest.raises(ValueError, match="multiples of 16"):
        lpips(network, *pair(64, 80), tile=100)


@pytest.mark.parametrize("backbone", ["alex", "squeeze"])
def test_published_files_serve_as_they_are(tmp_path: Path, backbone: Backbone) -> None:
    network = made(backbone)
    state = network.state_dict()
    features = {name: weight for name, weight in state.items() if name.startswith("features.")}
    linear = {name: weight for name, weight in state.items() if name.startswith("lin")}
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    save_file(features, ours / f"{FILES[backbone]}.safetensors")
    other = {"alex": "squeeze", "squeeze": "alex"}[backbone]
    combined = {f"{backbone}.{name}": weight for name, weight in linear.items()}
    save_file({**combined, f"{other}.lin0": torch.ones(64)}, ours / "lpips_linear_v0.1.safetensors")
    torch.save({**features, "classifier.1.weight": torch.zeros(2, 2)}, theirs / f"{FILES[backbone]}.pth")
    published = {f"{name}.model.1.weight": weight.view(1, -1, 1, 1) for name, weight in linear.items()}
    torch.save(published, theirs / f"lpips_{backbone}.pth")
    first, second = pair(80, 96)
    expected = lpips(network, first, second)
    for folder in (ours, theirs):
        assert torch.equal(lpips(load_lpips(folder, backbone), first, second), expected)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    save_file({"features.0.weight": torch.zeros(1)}, tmp_path / "alexnet.safetensors")
    save_file({"alex.lin0": torch.zeros(64)}, tmp_path / "lpips_linear_v0.1.safetensors")
    with pytest.raises(ValueError, match="fetch them again"):
        load_lpips(tmp_path)
