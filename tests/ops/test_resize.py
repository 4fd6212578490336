import pytest
import torch
import torch.nn.functional as F

from wildsr.ops.borders import Border, inside, pad
from wildsr.ops.filtering import filter_per_sample, filter_separably
from wildsr.ops.resize import downscale_with_kernel, imresize, kernelgan_positions, resize
from wildsr.ops.shifting import shift_cubic, shift_linear

BORDERS: tuple[Border, ...] = ("reflect", "symmetric", "circular", "replicate")


@pytest.mark.parametrize("border", ["reflect", "circular", "replicate"])
def test_pad_is_that_of_pytorch(border: Border) -> None:
    x = torch.rand(2, 3, 6, 5)
    expected = F.pad(x, (4, 1, 2, 3), mode=border)
    assert torch.equal(pad(x, (2, 3), (4, 1), border), expected)
    assert torch.equal(pad(x[0], (2, 3), (4, 1), border), expected[0])


@pytest.mark.parametrize("border", BORDERS)
def test_pad_goes_as_far_as_one_likes(border: Border) -> None:
    assert pad(torch.rand(1, 1, 1, 2), (7, 9), (11, 5), border).shape == (1, 1, 17, 18)
    assert set(inside(torch.arange(-50, 50), 3, border).tolist()) <= {0, 1, 2}


def test_symmetric_repeats_the_edge() -> None:
    assert inside(torch.arange(-3, 6), 3, "symmetric").tolist() == [2, 1, 0, 0, 1, 2, 2, 1, 0]


def test_unknown_border() -> None:
    with pytest.raises(ValueError, match="reflect"):
        inside(torch.arange(3), 3, "mirror")  # type: ignore[arg-type]


def test_each_image_has_its_kernel() -> None:
    x, kernels = torch.rand(2, 3, 8, 7), torch.rand(2, 5, 5)
    both = filter_per_sample(x, kernels)
    one = torch.cat([filter_per_sample(x[i : i + 1], kernels[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(both, one)


def test_a_flipped_filter_is_a_convolution() -> None:
    point = torch.zeros(1, 1, 9, 9)
    point[..., 4, 4] = 1
    kernel = torch.rand(1, 5, 5)
    assert torch.equal(filter_per_sample(point, kernel, flip=True)[0, :, 2:7, 2:7], kernel)
    assert torch.equal(filter_per_sample(point, kernel)[0, :, 2:7, 2:7], kernel.flip(1, 2))


def test_a_separable_filter_is_its_outer_product() -> None:
    x, profile = torch.rand(1, 3, 9, 9, dtype=torch.float64), torch.rand(5, dtype=torch.float64)
    whole = filter_per_sample(x, torch.outer(profile, profile)[None])
    torch.testing.assert_close(filter_separably(x, profile), whole)


def test_number_of_kernels_is_checked() -> None:
    with pytest.raises(ValueError, match="3 images"):
        filter_per_sample(torch.rand(3, 1, 8, 8), torch.rand(2, 3, 3))


@pytest.mark.parametrize("scale", [0.25, 1 / 3, 0.7, 1, 1.5, 4])
@pytest.mark.parametrize("antialias", [True, False])
def test_imresize_keeps_flat_images(scale: float, antialias: bool) -> None:
    flat = torch.full((2, 3, 12, 24), 0.3)
    small = imresize(flat, scale, antialias)
    assert small.shape == (2, 3, *(-int(-side * scale // 1) for side in (12, 24)))
    torch.testing.assert_close(small, torch.full_like(small, 0.3))


def test_imresize_is_linear_and_has_gradients() -> None:
    x = torch.rand(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda image: imresize(image, 0.5), x)


def test_imresize_agrees_with_resize_away_from_borders() -> None:
    x = torch.rand(1, 3, 64, 64)
    ours, theirs = imresize(x, 0.25), resize(x, (16, 16))
    torch.testing.assert_close(ours[..., 2:-2, 2:-2], theirs[..., 2:-2, 2:-2])


@pytest.mark.parametrize("size", [(3, 5), (8, 9), (4, 3), (17, 20), (5, 20)])
def test_coverage_is_the_mean_of_what_is_covered(size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, 8, 9, dtype=torch.float64)
    small = resize(x, size, "coverage")
    assert small.shape == (2, 3, *size)
    assert small.min() >= x.min()
    assert small.max() <= x.max()
    if size[0] <= 8 and size[1] <= 9:
        torch.testing.assert_close(small.mean((-2, -1)), x.mean((-2, -1)))


def test_coverage_of_whole_pixels_is_area() -> None:
    x = torch.rand(1, 3, 12, 8)
    torch.testing.assert_close(resize(x, (3, 4), "coverage"), resize(x, (3, 4), "area"))


def test_imresize_refuses_no_scale() -> None:
    with pytest.raises(ValueError, match="positive"):
        imresize(torch.rand(1, 1, 4, 4), 0)


@pytest.mark.parametrize("amount", [0, 1, 2])
def test_shifts_by_whole_pixels(amount: int) -> None:
    x = torch.rand(1, 2, 7, 6, dtype=torch.float64)
    torch.testing.assert_close(
        shift_linear(x, amount)[..., : 7 - amount, : 6 - amount], x[..., amount:, amount:]
    )
    moved = shift_cubic(x, amount, -amount)
    torch.testing.assert_close(moved[..., amount:, : 6 - amount], x[..., : 7 - amount, amount:])
    assert (moved[..., :amount, :] == 0).all()


def test_cubic_shift_follows_a_straight_line() -> None:
    ramp = torch.arange(40, dtype=torch.float64).expand(1, 40)
    torch.testing.assert_close(shift_cubic(ramp, 0, 0.3)[0, 15:25], ramp[0, 15:25] - 0.3)


@pytest.mark.parametrize("size", [(24, 36), (24, 37), (25, 33), (4, 5)])
def test_shrinking_with_a_kernel_takes_pixels_of_the_blurred_image(size: tuple[int, int]) -> None:
    images, kernels = torch.rand(2, 3, *size, dtype=torch.float64), torch.rand(2, 4, 4, dtype=torch.float64)
    blurred = filter_per_sample(images, kernels, "symmetric")
    rows, columns = (kernelgan_positions(side, 0.25) for side in size)
    found = downscale_with_kernel(images, kernels, 0.25)
    torch.testing.assert_close(found, blurred[..., rows, :][..., columns])
