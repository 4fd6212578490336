"""Clean-up halves images and keeps them in range."""

import torch

from wildsr.estimation.cleanup import clean_up, clean_up_ddnsr
from wildsr.ops.resize import imresize


def test_realsr_crops_to_a_multiple() -> None:
    image = torch.rand(2, 3, 45, 70).round()
    small = clean_up(image, 4)
    assert small.shape == (2, 3, 20, 32)
    assert torch.equal(small, imresize(image, 0.5)[..., :20, :32].clamp(0, 1))
    assert small.min() == 0


def test_ddnsr_is_opencv_cubic_without_antialias() -> None:
    row = torch.zeros(1, 3, 1, 12)
    row[..., 5] = 1.0
    # Output 2 lies between pixels 4 and 5, output 3 between 6 and 7.
    expected = torch.tensor([0.0, 0, 0.59375, -0.09375, 0, 0])
    torch.testing.assert_close(clean_up_ddnsr(row.expand(1, 3, 2, 12))[0, 0, 0], expected)
    assert clean_up_ddnsr(torch.rand(1, 3, 37, 51)).shape == (1, 3, 18, 26)
