import math

import pytest
import torch

from wildsr.ops.estimated_kernels import (
    analytic_x4,
    centre_of_mass,
    centred,
    post_process,
    without_negligible,
)
from wildsr.ops.kernels import (
    gaussian_kernel,
    generalized_gaussian_kernel,
    pad_kernel,
    plateau_kernel,
    sinc_kernel,
)

DOUBLE = torch.float64


@pytest.mark.parametrize("size", [7, 12, 21])
def test_kernels_sum_to_one(size: int) -> None:
    for kernel in (
        gaussian_kernel(size, 2, 1, 0.5, dtype=DOUBLE),
        generalized_gaussian_kernel(size, 2, 1, 0.5, 3, dtype=DOUBLE),
        plateau_kernel(size, 2, 1, 0.5, 1.5, dtype=DOUBLE),
        sinc_kernel(size, 1.5, dtype=DOUBLE),
    ):
        assert kernel.shape == (size, size)
        assert float(kernel.sum()) == pytest.approx(1, abs=1e-12)


def test_generalized_gaussian_of_one_is_gaussian() -> None:
    ordinary = gaussian_kernel(15, 2, 1, 0.5, dtype=DOUBLE)
    torch.testing.assert_close(generalized_gaussian_kernel(15, 2, 1, 0.5, 1, dtype=DOUBLE), ordinary)


def test_theta_turns_the_first_axis_from_columns_to_rows() -> None:
    lying, standing = gaussian_kernel(9, 3, 1), gaussian_kernel(9, 3, 1, math.pi / 2)
    assert lying[4, 0] > lying[0, 4]
    torch.testing.assert_close(lying, standing.T)


def test_centre_moves_the_centre_of_mass() -> None:
    down, right = centre_of_mass(gaussian_kernel(25, 1, 1, centre=(11.5, 10), dtype=DOUBLE))
    assert (down, right) == pytest.approx((11.5, 10), abs=1e-6)


def test_padding() -> None:
    kernel = torch.rand(7, 7)
    assert torch.equal(pad_kernel(kernel, 21)[7:14, 7:14], kernel)
    assert sinc_kernel(7, 1.0, pad_to=21).shape == (21, 21)
    for size in (5, 8):
        with pytest.raises(ValueError, match="padded evenly"):
            pad_kernel(kernel, size)


def test_analytic_kernel_of_a_point_is_a_point() -> None:
    point = torch.zeros(13, 13)
    point[6, 6] = 1
    wide = analytic_x4(point)
    assert wide.shape == (25, 25)
    assert wide[12, 12] == 1


def test_post_processing_centres() -> None:
    kernel = gaussian_kernel(13, 1.5, 2.0, 0.3, centre=(5.4, 6.8), dtype=DOUBLE)
    done = post_process(kernel)
    middle = (done.shape[0] - 1) / 2
    assert centre_of_mass(done) == pytest.approx((middle + 0.5, middle + 0.5), abs=0.02)
    assert centre_of_mass(centred(kernel, 4))[0] == pytest.approx(
        centred(kernel, 4).shape[0] // 2 + 1.5, abs=0.02
    )


def test_negligible_values_need_others() -> None:
    with pytest.raises(ValueError, match="significant"):
        without_negligible(torch.rand(5, 5), 25)
    assert int((without_negligible(torch.rand(13, 13).pow(8), 40) > 0).sum()) >= 40
