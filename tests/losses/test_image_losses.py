"""Losses between images."""

import pytest
import torch
from torch import Tensor, nn

from wildsr.losses.frequency import LowFrequencyLoss, mean_loss, rgb_loss
from wildsr.losses.perceptual import LpipsLoss, PerceptualLoss
from wildsr.losses.pixel import charbonnier_mean, charbonnier_sum, l1, l2, psnr_loss
from wildsr.losses.ssim import ssim_index, ssim_loss
from wildsr.losses.variation import total_variation, tv_difference
from wildsr.networks.lpips import Lpips
from wildsr.networks.vgg import VGGFeatures
from wildsr.ops.frequency import LowPass


def images(seed: int = 0, size: int = 24) -> Tensor:
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed))


def small_vgg() -> VGGFeatures:
    torch.manual_seed(0)
    return VGGFeatures(["conv1_2", "relu2_1"], widths=[4] * 16)


LOSSES = {
    "l1": l1,
    "l2": l2,
    "ssim": ssim_loss,
    "tv": tv_difference,
    "low": LowFrequencyLoss(LowPass(5)),
    "rgb": rgb_loss,
    "mean": mean_loss,
    "vgg": PerceptualLoss(small_vgg(), {"conv1_2": 0.5, "relu2_1": 1.0}),
    "lpips": LpipsLoss(Lpips("squeeze")),
}


@pytest.mark.parametrize("name", LOSSES)
def test_equal_images_cost_nothing(name: str) -> None:
    x = images(size=64)
    assert LOSSES[name](x, x.clone()).abs() < 1e-6


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "lpips"])  # whose weights are zero here
def test_gradients_lead_towards_the_reference(name: str) -> None:
    sr, hr = images(1).requires_grad_(), images(2)
    loss = LOSSES[name](sr, hr)
    (gradient,) = torch.autograd.grad(loss, sr)
    step = 1e-2 * gradient / gradient.abs().max()
    assert LOSSES[name]((sr - step).detach(), hr) < loss
    assert loss > 0


def test_charbonnier_is_nearly_l1() -> None:
    sr, hr = images(1), images(2)
    torch.testing.assert_close(charbonnier_mean(sr, hr), l1(sr, hr), rtol=1e-4, atol=0)
    torch.testing.assert_close(charbonnier_sum(sr, hr) / sr.numel(), l1(sr, hr), rtol=1e-4, atol=0)


def test_total_variation_of_a_ramp() -> None:
    ramp = torch.arange(10.0).expand(1, 3, 7, 10) * 0.5
    assert total_variation(ramp, 1) == 0.5
    assert total_variation(ramp, 2) == 0.25
    assert tv_difference(ramp, ramp + 0.3) < 1e-6
    torch.testing.assert_close(tv_difference(ramp, 2 * ramp), torch.tensor(0.5 * 9 / 10))


def test_detail_does_not_matter_to_low_frequencies() -> None:
    flat = torch.full((1, 3, 24, 24), 0.5)
    rows, columns = torch.arange(24)[:, None], torch.arange(24)
    board = flat + 0.25 * ((rows + columns) % 2 * 2 - 1)
    assert l1(board, flat) == 0.25
    assert LowFrequencyLoss(LowPass(5, borders="cut"))(board, flat) < 0.011  # 1 of 25 remains


def test_ssim_is_computed_exactly_in_mixed_precision() -> None:
    sr, hr = images(1), images(1) + 0.01 * images(2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = ssim_index(sr, hr)
    assert torch.equal(mixed, ssim_index(sr, hr))
    assert (mixed < 1).all()


def test_feature_networks_are_frozen() -> None:
    network = small_vgg()
    loss = PerceptualLoss(network, {"conv1_2": 1.0})
    sr, hr = images(1).requires_grad_(), images(2).requires_grad_()
    loss(sr, hr).backward()
    assert sr.grad is not None
    assert hr.grad is None
    assert all(not p.requires_grad and p.grad is None for p in network.parameters())


def test_weights_of_layers() -> None:
    sr, hr = images(1), images(2)
    one, other = (PerceptualLoss(small_vgg(), {layer: 1.0})(sr, hr) for layer in ("conv1_2", "relu2_1"))
    both = PerceptualLoss(small_vgg(), {"conv1_2": 0.1, "relu2_1": 2.0})(sr, hr)
    torch.testing.assert_close(both, 0.1 * one + 2 * other)


def test_layer_that_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"no layer conv5_4; they have conv1_2, relu2_1"):
        PerceptualLoss(small_vgg(), {"conv5_4": 1.0})(images(1), images(2))


def test_losses_with_networks_move() -> None:
    loss = LpipsLoss(Lpips("squeeze"))
    assert isinstance(loss, nn.Module)
    assert all(p.is_meta for p in loss.to("meta").parameters())


def test_lpips_with_jitter_sees_every_phase() -> None:
    torch.manual_seed(0)
    network = Lpips("squeeze")
    for index in range(7):
        network.get_parameter(f"lin{index}").data.fill_(1.0)
    sr, hr = images(1, 68), images(2, 68)
    phases = {
        round(network(sr[..., top:, left:], hr[..., top:, left:]).mean().item(), 6)
        for top in range(3)
        for left in range(3)
    }
    loss = LpipsLoss(network, jitter=2)
    assert {round(loss(sr, hr).item(), 6) for _ in range(120)} == phases


def test_lpips_of_a_crop_sees_one_square_of_both_images() -> None:
    network, seen = Lpips("squeeze"), []
    network.register_forward_pre_hook(lambda _, given: seen.append(given))
    x = images(1, 72)
    loss = LpipsLoss(network, crop=64)
    for _ in range(30):
        loss(x, x.clone())
    assert all(torch.equal(sr, hr) and sr.shape[-2:] == (64, 64) for sr, hr in seen)
    assert len({sr[0, 0, 0, 0].item() for sr, _ in seen}) > 10


def test_psnr_loss_is_the_mean_of_the_images_psnr() -> None:
    hr = torch.full((2, 3, 8, 8), 0.5)
    off = torch.tensor([0.1, 0.01]).reshape(2, 1, 1, 1)
    torch.testing.assert_close(psnr_loss(hr + off, hr, epsilon=0.0), torch.tensor(-3.0))
    assert psnr_loss(hr, hr).item() == pytest.approx(-5)


def test_features_of_a_random_part() -> None:
    loss = PerceptualLoss(small_vgg(), {"conv1_2": 1.0}, crop=16)
    sr, hr = images(0), images(1)
    torch.manual_seed(0)
    values = {float(loss(sr, hr)) for _ in range(4)}
    assert len(values) > 1
    assert min(values) > 0
    parts = PerceptualLoss(small_vgg(), {"conv1_2": 1.0}, crop=64)
    torch.testing.assert_close(parts(sr, hr), PerceptualLoss(small_vgg(), {"conv1_2": 1.0})(sr, hr))
