"""Our losses, and their gradients, against those of the originals."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from ddnsr_weights import FeatureStack
from golden_files import Golden
from torch import Tensor, nn

from wildsr.losses.adversarial import GanLoss, probability_gan_loss, target_loss
from wildsr.losses.frequency import LowFrequencyLoss, mean_loss, rgb_loss
from wildsr.losses.penalties import between, gradient_penalty, r1_penalty
from wildsr.losses.perceptual import PerceptualLoss
from wildsr.losses.pixel import charbonnier_mean, charbonnier_sum, l1, l2
from wildsr.losses.ssim import ssim_index
from wildsr.losses.variation import total_variation, tv_difference
from wildsr.ops.frequency import LowPass

Read = Callable[[str], Golden]
RELATIVE = 1e-5  # of the largest value of a tensor, say the files
BATCH = GanLoss("vanilla", relative_to="batch")
ALL = GanLoss("vanilla", relative_to="all")


def assert_relative(result: Tensor, expected: Tensor, name: str, tolerance: float = RELATIVE) -> None:
    atol = tolerance * expected.abs().max().item()
    torch.testing.assert_close(result, expected, rtol=0, atol=atol, msg=lambda text: f"{name}: {text}")


def check(
    item: Golden,
    output: str,
    loss: Callable[..., Tensor],
    inputs: tuple[str, ...],
    gradients: dict[str, str],
    tolerance: float = RELATIVE,
) -> None:
    """Compare a loss of some inputs, and its gradients with respect to those that are given with their names."""
    values = {name: item[f"input.{name}"].clone().requires_grad_() for name in inputs}
    result = loss(*values.values())
    assert_relative(result, item[f"output.{output}"], output)
    assert gradients
    for name, suffix in gradients.items():
        (gradient,) = torch.autograd.grad(result, values[name], retain_graph=True)
        assert_relative(gradient, item[f"output.{output}.{suffix}"], f"{output}.{suffix}", tolerance)


@pytest.mark.parametrize("file", ["loss_realsr", "loss_kair"])
def test_scores(golden: Read, file: str) -> None:
    item = golden(file)
    wgan = "wgan-gp" if file == "loss_realsr" else "wgan"
    same = {"gan": "vanilla", "ragan": "vanilla", "softplusgan": "vanilla", "lsgan": "lsgan", wgan: "wgan"}
    recorded = {name.split(".")[0] for name in item.under("output.") if ".target_" in name}
    assert recorded <= same.keys()
    for name in recorded:
        for side in ("real", "fake"):
            for target in (0, 1):
                check(
                    item,
                    f"{name}.{side}.target_{target}",
                    lambda scores, t=target, n=name: target_loss(scores, bool(t), same[n]),
                    (f"pred_{side}",),
                    {f"pred_{side}": "grad"},
                )


def test_relativistic_over_everything(golden: Read) -> None:
    item = golden("loss_realsr")
    scores = ("pred_real", "pred_fake")
    check(
        item,
        "ragan.model_G",
        lambda real, fake: ALL.generator(fake, real),
        scores,
        {"pred_fake": "grad_fake"},
    )
    both = {"pred_real": "grad_real", "pred_fake": "grad_fake"}
    check(item, "ragan.model_D", ALL.discriminator, scores, both)
    real, fake = (item[f"input.{name}"] for name in scores)
    assert_relative(2 * ALL.term(real, fake, real=True), item["output.ragan.model_D_real"], "D real")
    assert_relative(2 * ALL.term(fake, real, real=False), item["output.ragan.model_D_fake"], "D fake")


def test_relativistic_over_the_batch(golden: Read) -> None:
    item = golden("loss_kair")
    real, fake = item["input.pred_real"], item["input.pred_fake"]
    assert_relative(BATCH.generator(fake, real), item["output.ragan.model_G"], "G")
    assert_relative(BATCH.term(real, fake, real=True), item["output.ragan.model_D_real"], "D real")
    assert_relative(BATCH.term(fake, real, real=False), item["output.ragan.model_D_fake"], "D fake")


def test_pixel_losses(golden: Read) -> None:
    realsr, srrescgan, kair = golden("loss_realsr"), golden("loss_srrescgan"), golden("loss_kair")
    images = ("x", "y")
    check(realsr, "charbonnier", charbonnier_sum, images, {"x": "grad_x"})
    check(srrescgan, "charbonnier", charbonnier_sum, images, {"x": "grad"})
    check(kair, "charbonnier", charbonnier_mean, images, {"x": "grad"})
    check(kair, "charbonnier_1e-6", lambda x, y: charbonnier_mean(x, y, epsilon=1e-6), images, {"x": "grad"})


def test_total_variation(golden: Read) -> None:
    srrescgan, kair = golden("loss_srrescgan"), golden("loss_kair")
    check(srrescgan, "tv_l1_xy", tv_difference, ("x", "y"), {"x": "grad"})
    check(srrescgan, "tv_l1", lambda x: total_variation(x, 1), ("x",), {"x": "grad"})
    check(srrescgan, "tv_l2", lambda x: total_variation(x, 2), ("x",), {"x": "grad"})
    check(kair, "tv", lambda x: 2 * total_variation(x, 2), ("x",), {"x": "grad"})
    check(kair, "tv_w3", lambda x: 6 * total_variation(x, 2), ("x",), {"x": "grad"})


def test_ssim(golden: Read) -> None:
    item = golden("loss_kair")
    # Its gradient in float32 is 3e-5 of the largest off the one in float64, in the original's code as in ours.
    check(item, "ssim", lambda x, y: ssim_index(x, y).mean(), ("x", "y"), {"x": "grad"}, tolerance=1e-4)
    assert_relative(
        ssim_index(item["input.x"], item["input.y"]), item["output.ssim_per_sample"], "ssim of each"
    )


def discriminator(item: Golden) -> nn.Sequential:
    weights = item.under("weight.D.")
    width, channels = weights["0.weight"].shape[:2]
    network = nn.Sequential(
        nn.Conv2d(channels, width, 3, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(width, 1, 3, 1, 1)
    )
    network.load_state_dict(weights)
    return network


def check_penalty(item: Golden, output: str, network: nn.Module, penalty: Tensor) -> None:
    assert_relative(penalty, item[f"output.{output}"], output)
    penalty.backward()
    gradients = item.under(f"output.{output}.grad_D.")
    assert gradients
    for name, expected in gradients.items():
        gradient = network.get_parameter(name).grad
        # The bias of the first layer only moves the borders between the LeakyReLU's halves: its gradient is zero.
        assert_relative(torch.zeros_like(expected) if gradient is None else gradient, expected, name)


def test_gradient_penalties(golden: Read) -> None:
    realsr = golden("loss_realsr")
    network = discriminator(realsr)
    penalty = gradient_penalty(network, realsr["input.interp"], per="image")
    check_penalty(realsr, "gradient_penalty", network, penalty)
    kair = golden("loss_kair")
    network = discriminator(kair)
    mixed = between(kair["input.x"], kair["input.y"], kair["param.alpha"])
    check_penalty(kair, "gradient_penalty", network, gradient_penalty(network, mixed, per="pixel"))
    network = discriminator(kair)
    check_penalty(kair, "r1", network, r1_penalty(network, kair["input.x"]))


def test_dsgan(golden: Read) -> None:
    item = golden("loss_dsgan")
    both = {"real": "grad_real", "fake": "grad_fake"}

    def judged(real: Tensor, fake: Tensor) -> Tensor:
        return probability_gan_loss(real, real=True) + probability_gan_loss(fake, real=False)

    check(item, "discriminator_loss", judged, ("real", "fake"), both)
    check(
        item,
        "generator_loss",
        lambda fake: probability_gan_loss(fake, real=True),
        ("fake",),
        {"fake": "grad_fake"},
    )
    check(
        item,
        "generator_loss_list",
        lambda real, fake: (probability_gan_loss(real, True) + probability_gan_loss(fake, True)) / 2,
        ("real", "fake"),
        both,
    )
    wgan, penalty = GanLoss("wgan"), item["param.gp"]
    check(item, "generator_loss_w", lambda fake: wgan.generator(fake), ("fake_w",), {"fake_w": "grad_fake_w"})
    check(
        item,
        "discriminator_loss_w",
        lambda real, fake: wgan.discriminator(real, fake) + penalty,
        ("real_w", "fake_w"),
        {"real_w": "grad_real_w", "fake_w": "grad_fake_w"},
    )
    images = {"x": "grad_x", "y": "grad_y"}
    for name, low in {
        "k5": LowPass(5, borders="cut"),
        "k9": LowPass(9, borders="cut"),
        "gaussian": LowPass(5, 5 / 6, borders="cut"),
    }.items():
        check(item, f"color_loss.{name}", LowFrequencyLoss(low), ("x", "y"), images)
    check(item, "rgb_loss", rgb_loss, ("x", "y"), images)
    check(item, "mean_loss", mean_loss, ("x", "y"), images)


def test_ddnsr_scores(golden: Read) -> None:
    """DDNSR sums the two relativistic terms that the others halve."""
    item = golden("ddnsr/losses")
    for case in ("bce_4x1", "bce_patch", "bce_extreme"):
        for value in (0, 1):
            result = target_loss(item[f"{case}/y_pred"], bool(value), "vanilla")
            assert_relative(result, item[f"{case}/bce_value{value}"], case)
    for case in ("adv_4x1", "adv_patch"):
        for name, adversary, factor in (("relativistic", ALL, 2), ("dcgan", GanLoss(), 1)):
            expected = item.under(f"{case}/{name}_loss/")
            real = item[f"{case}/score_real"].clone().requires_grad_()
            fake = item[f"{case}/score_fake"].clone().requires_grad_()
            losses = {
                "gen": factor * adversary.generator(fake, real),
                "disc": factor * adversary.discriminator(real, fake),
            }
            for side, loss in losses.items():
                assert_relative(loss, expected[side], f"{case} {name} {side}")
                gradients = torch.autograd.grad(loss, (real, fake), allow_unused=True)
                for scores, gradient in zip(("real", "fake"), gradients, strict=True):
                    wanted = expected[f"d_{side}_d_{scores}"]
                    gradient = torch.zeros_like(wanted) if gradient is None else gradient
                    assert_relative(gradient, wanted, f"{case} {name} {side} {scores}")


def test_ddnsr_features(golden: Read) -> None:
    item = golden("ddnsr/losses")

    def image(name: str) -> Tensor:
        return item[f"img/{name}"].permute(0, 3, 1, 2)

    losses = {
        name: PerceptualLoss(
            FeatureStack(item.under(f"features/{name}/"), pool=name != "feat22"), {"features": 1}, l2
        )
        for name in ("feat22", "feat34", "feat54")
    }
    hr, lr = image("hires"), image("lores")
    assert_relative(F.avg_pool2d(hr, 4), image("downscale4(hires)"), "downscale")
    found = {
        "content_loss(hires,lores)": losses["feat34"](lr, F.avg_pool2d(hr, 4)),
        "cycle_loss(lores,lores2)": losses["feat22"](image("lores2"), lr),
        "vgg54_loss(hires,hires2)": losses["feat54"](image("hires2"), hr),
        "mae(hires,hires2)": l1(image("hires2"), hr),
        "mse(hires,hires2)": l2(image("hires2"), hr),
    }
    for name, value in found.items():
        assert_relative(value, item[f"img/{name}"], name)
