"""PSNR and LPIPS against known values."""

import math
import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from wildsr.evaluation.distortion import psnr
from wildsr.image import read
from wildsr.networks.lpips import Lpips
from wildsr.networks.vgg import VGGFeatures
from wildsr.zoo.features.lpips import load_lpips

SHARED = Path(os.environ.get("WILDSR_SHARED", Path(__file__).parents[3] / "shared"))


def test_psnr_of_one_level() -> None:
    truth = torch.full((2, 3, 16, 16), 0.5)
    expected = 20 * math.log10(255 / 10)
    torch.testing.assert_close(
        psnr(truth + 10 / 255, truth), torch.full((2,), expected).double(), atol=1e-3, rtol=0
    )


def test_psnr_leaves_the_border_out() -> None:
    truth, result = torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 16, 16)
    result[..., :4, :] = 1
    assert psnr(result, truth, border=4).item() == math.inf
    assert psnr(result, truth).item() < 10


def test_psnr_wants_equal_shapes() -> None:
    with pytest.raises(ValueError, match="different shapes"):
        psnr(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 9))


def lpips_example() -> list[Tensor]:
    """An image, a perceptually distant one and a close one."""
    return [read(SHARED / f"testsets/lpips_example/ex_{name}.png").rgb for name in ("ref", "p0", "p1")]


def test_lpips_of_its_own_example() -> None:
    if not (SHARED / "features/alexnet.safetensors").exists():
        pytest.skip("the AlexNet weights are not here")
    network = load_lpips(SHARED / "features")
    reference, *others = lpips_example()
    distances = [network(reference, other).item() for other in others]
    assert distances == pytest.approx([0.722, 0.138], abs=5e-4)
    assert network(reference, reference).item() == 0


def test_lpips_with_squeezenet() -> None:
    if not (SHARED / "features/squeezenet1_1.safetensors").exists():
        pytest.skip("the SqueezeNet weights are not here")
    network = load_lpips(SHARED / "features", "squeeze")
    reference, far, near = lpips_example()
    batch = network(torch.cat((reference, reference, reference)), torch.cat((far, near, reference)))
    assert batch[0] > 3 * batch[1] > 0
    assert batch[2] == 0
    torch.testing.assert_close(network(far, reference), batch[:1])


@pytest.mark.parametrize("depth_beyond", [False, True])
def test_lpips_with_vgg_from_a_torchvision_file(tmp_path: Path, depth_beyond: bool) -> None:
    torch.manual_seed(0)
    made = Lpips("vgg").requires_grad_(False)
    widths = [made.get_parameter(f"lin{index}").numel() for index in range(5)]
    linear = {f"vgg16.lin{index}": torch.rand(width) for index, width in enumerate(widths)}
    save_file({**linear, "alex.lin0": torch.rand(64)}, tmp_path / "lpips_linear_v0.1.safetensors")
    backbone = {name: weight for name, weight in made.state_dict().items() if name.startswith("features.")}
    if depth_beyond:
        backbone["classifier.0.weight"] = torch.rand(2, 2)
    save_file(backbone, tmp_path / "vgg16.safetensors")
    network = load_lpips(tmp_path, "vgg")
    first, second = torch.rand(2, 1, 3, 64, 64)
    # The distance again, from the features after the last ReLU of each stage.
    layers = ["relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3"]
    features = VGGFeatures.from_weights(backbone, layers, 16)
    ours, theirs = features(first), features(second)
    expected = sum(
        (F.normalize(ours[layer], dim=1) - F.normalize(theirs[layer], dim=1)).square().mean((2, 3))
        @ linear[f"vgg16.lin{index}"]
        for index, layer in enumerate(layers)
    )
    assert isinstance(expected, Tensor)
    torch.testing.assert_close(network(first, second), expected)
    assert expected.item() > 0


def test_lpips_says_which_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"vgg16\.safetensors"):
        load_lpips(tmp_path, "vgg")
