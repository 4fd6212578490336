"""PSNR and LPIPS against known values."""

import math
import os
from pathlib import Path

import pytest
import torch

from wildsr.evaluation.metrics import load_lpips_alex, psnr
from wildsr.image import read

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


def test_lpips_of_its_own_example() -> None:
    if not (SHARED / "features/alexnet.safetensors").exists():
        pytest.skip("the AlexNet weights are not here")
    network = load_lpips_alex(SHARED / "features")
    reference, *others = (
        read(SHARED / f"testsets/lpips_example/ex_{name}.png").rgb for name in ("ref", "p0", "p1")
    )
    distances = [network(reference, other).item() for other in others]
    assert distances == pytest.approx([0.722, 0.138], abs=5e-4)
    assert network(reference, reference).item() == 0
