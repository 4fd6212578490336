"""The parts of a whole-image pass: together they equal the forward pass, also on tiles."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from wildsr.networks.l2_ball import noise_level, norm_of_each, shrinkage
from wildsr.networks.protocols import WholeImageNetwork
from wildsr.networks.srrescgan import SRResCGAN


@pytest.fixture
def network() -> SRResCGAN:
    torch.manual_seed(0)
    return SRResCGAN(features=6, blocks=2).eval().requires_grad_(False)


def image(height: int, width: int, batch: int = 1) -> Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(1)) * 255


def plain_noise_level(x: Tensor) -> Tensor:
    """The noise level by its definition, with PyTorch's upsampling and without strips."""
    wavelet = torch.tensor(
        (
            *(-0.0778520, 0.3965393, -0.7291321, 0.4697823, 0.1439060, -0.2240362, -0.0713092),
            *(0.0806126, 0.0380299, -0.0165745, -0.0125510, 0.0004296, 0.0018016, 0.0003537),
        ),
        dtype=torch.float64,
    )
    x = F.pad(x.double(), (7, 7, 7, 7), mode="reflect").flatten(0, 1).unsqueeze(1)
    details = F.conv2d(x, (wavelet[:, None] * wavelet).view(1, 1, 14, 14), stride=2)
    return details.abs().flatten(1).median(1).values.view(-1, 3).mean(1) / 0.6745


@pytest.mark.parametrize(("height", "width"), [(8, 8), (13, 9), (20, 31)])
def test_noise_level_is_its_definition(height: int, width: int) -> None:
    x = image(height, width, batch=2)
    torch.testing.assert_close(noise_level(x).double(), plain_noise_level(x / 255), rtol=1e-4, atol=0)
    torch.testing.assert_close(noise_level(x.double()), plain_noise_level(x / 255), rtol=1e-6, atol=0)


def test_noise_level_of_a_smooth_image_is_its_rounding() -> None:
    ramp = torch.linspace(0, 200, 64).expand(1, 3, 64, 64)
    assert 1e-9 < noise_level(ramp, 4).item() < 1e-7
    assert noise_level(ramp.double(), 4).item() < 1e-14


@pytest.mark.parametrize(("height", "width"), [(8, 8), (13, 9), (20, 31)])
@pytest.mark.parametrize("scale", [2, 4])
def test_noise_level_upsamples_as_torch_does(height: int, width: int, scale: int) -> None:
    x = image(height, width, batch=2)
    upsampled = F.interpolate(x, scale_factor=scale, mode="bilinear")
    torch.testing.assert_close(noise_level(x, scale), noise_level(upsampled), rtol=1e-2, atol=0)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (2, 3), (40, 33)])
def test_strips_change_no_bit(height: int, width: int) -> None:
    x = image(height, width)
    whole = noise_level(x, 4, strip_values=1 << 30)
    assert bool(torch.isfinite(whole).all())
    for strip_values in (1, 500, 3000):
        assert torch.equal(noise_level(x, 4, strip_values), whole)


def test_noise_level_of_smooth_images_is_reproducible() -> None:
    ramp = torch.linspace(3.3, 251.7, 24).expand(1, 3, 20, 24).contiguous()
    threads = torch.get_num_threads()
    try:
        levels = []
        for count in (1, 2):
            torch.set_num_threads(count)
            levels.append(noise_level(ramp, 4))
    finally:
        torch.set_num_threads(threads)
    assert 0 < levels[0] < 1e-4
    assert torch.equal(levels[0], levels[1])


def test_pieces_are_the_forward_pass(network: SRResCGAN) -> None:
    assert isinstance(network, WholeImageNetwork)
    x = image(12, 15, batch=2)
    residual = network.residual(x)
    shrink = shrinkage(norm_of_each(residual), network.bound(x))
    assert torch.equal(network.assemble(x, residual, shrink), network(x))
    for index in range(2):
        one = network.assemble(x[index : index + 1], residual[index : index + 1], float(shrink[index]))
        torch.testing.assert_close(one, network(x[index : index + 1]), rtol=0, atol=1e-3)


def test_projection_is_onto_the_ball(network: SRResCGAN) -> None:
    x = image(10, 11)
    residual = network.residual(x)
    with torch.no_grad():
        network.alpha.fill_(-12.0)
    active = residual * shrinkage(norm_of_each(residual), network.bound(x))
    torch.testing.assert_close(norm_of_each(active), network.bound(x))
    with torch.no_grad():
        network.alpha.fill_(12.0)
    assert shrinkage(norm_of_each(residual), network.bound(x)).item() == 1


@pytest.mark.parametrize("alpha", [-6.0, 6.0])
def test_tiles_are_the_whole_image(network: SRResCGAN, alpha: float) -> None:
    with torch.no_grad():
        network.alpha.fill_(alpha)
    x = image(24, 30)
    radius, scale = network.receptive_field, network.scale
    whole = network(x)
    tiles = []
    for left, right in ((0, 16), (16, 30)):
        low, high = max(0, left - radius), min(30, right + radius)
        tile = x[..., low:high]
        tiles.append((tile, network.residual(tile), slice((left - low) * scale, (right - low) * scale)))
    squares = sum(residual[..., core].square().sum() for _, residual, core in tiles)
    shrink = shrinkage(torch.as_tensor(squares).sqrt().view(1), network.bound(x))
    assembled = [network.assemble(tile, residual, shrink)[..., core] for tile, residual, core in tiles]
    torch.testing.assert_close(torch.cat(assembled, -1), whole, rtol=0, atol=1e-3)


@pytest.mark.parametrize("value", [0.0, 1.0, 100.0])
def test_flat_images_stay_finite(network: SRResCGAN, value: float) -> None:
    out = network(torch.full((1, 3, 6, 5), value))
    torch.testing.assert_close(out, torch.full_like(out, value), rtol=0, atol=0.1)


def test_images_of_a_batch_do_not_mix() -> None:
    dark = torch.rand(1, 3, 9, 9)
    bright = image(9, 9)
    together = noise_level(torch.cat((dark, bright)), 4)
    assert torch.equal(together, torch.cat((noise_level(dark, 4), noise_level(bright, 4))))


def test_a_new_one_may_correct_next_to_nothing() -> None:
    """Two noise levels, as in the original, of which upsampled images have next to none; with alpha 9 it may."""
    image = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 255
    new, free = SRResCGAN(features=4, blocks=1), SRResCGAN(features=4, blocks=1, alpha=9.0)
    bilinear = new.assemble(image, torch.zeros(1, 3, 128, 128), 0.0)
    assert (new(image) - bilinear).abs().mean() < 0.1
    assert (free(image) - bilinear).abs().mean() > 1
    torch.testing.assert_close(free.bound(image) / new.bound(image), torch.tensor([math.exp(9) / 2]))


def test_alpha_learns() -> None:
    network = SRResCGAN(features=4, blocks=1)
    with torch.no_grad():
        network.alpha.fill_(-8.0)
    (network(image(6, 6)) - 128).square().sum().backward()
    assert network.alpha.grad is not None
    assert network.alpha.grad.abs().item() > 0
    assert network.model.conv1.weight_g.grad is not None
