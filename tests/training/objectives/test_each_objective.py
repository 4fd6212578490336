"""Properties of single methods."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from small_objectives import RELATIVISTIC, batch, ddnsr, dsgan, features, gan, make, rrdbnet, srrescgan
from torch import Tensor, nn
from torch.optim import SGD

from wildsr.losses.adversarial import GanLoss
from wildsr.losses.pixel import l1
from wildsr.networks.discriminators import PatchGAN
from wildsr.training.errors import TrainingError
from wildsr.training.objective import Objective
from wildsr.training.objectives.gan import AdversarialLoss
from wildsr.training.objectives.pixel import PixelObjective
from wildsr.training.objectives.srrescgan import Mixup
from wildsr.training.objectives.terms import Term, weighted
from wildsr.training.step import training_step


def names(objective: Objective, step: int) -> list[str]:
    return [turn.name for turn in objective.turns(step)]


def inputs_of(network: nn.Module) -> list[Tensor]:
    """A list that collects the inputs of the network."""
    seen: list[Tensor] = []
    network.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach().clone()))
    return seen


def step_of(
    objective: Objective, step: int = 0, images: dict[str, Tensor] | None = None
) -> dict[str, Tensor]:
    optimizers = {name: SGD(network.parameters(), 1e-3) for name, network in objective.networks.items()}
    return training_step(objective, step, batch() if images is None else images, optimizers)


def test_terms_without_weight_are_left_out() -> None:
    def forbidden(sr: Tensor, hr: Tensor) -> Tensor:
        raise AssertionError((sr, hr))

    terms = {"pixel": Term(2.0, l1), "other": Term(0.0, forbidden)}
    x, y = batch()["lr"], batch()["source"]
    assert weighted(terms, x, y) == {"pixel": 2 * l1(x, y)}
    with pytest.raises(ValueError, match="no term has a weight"):
        PixelObjective(rrdbnet(), {"other": Term(0.0, forbidden)})


def test_steps_in_which_the_generator_is_updated() -> None:
    objective = gan(replace(RELATIVISTIC, generator_every=3, generator_after=4))
    # The originals' steps 1 to 9: above 4, and multiples of 3.
    assert [len(objective.turns(step)) for step in range(9)] == [1, 1, 1, 1, 1, 2, 1, 1, 2]
    assert names(objective, 5) == ["generator", "discriminator"]
    before = [p.detach().clone() for p in objective.networks["generator"].parameters()]
    assert {loss.split("/")[0] for loss in step_of(objective)} == {"discriminator"}
    assert all(
        torch.equal(a, b) for a, b in zip(before, objective.networks["generator"].parameters(), strict=True)
    )


def test_discriminator_sees_every_phase_with_jitter() -> None:
    objective = gan(replace(RELATIVISTIC, jitter=3))
    seen, images = inputs_of(objective.networks["discriminator"]), batch()
    for step in range(40):
        step_of(objective, step, dict(images))
    side = images["hr"].shape[-1]
    assert {one.shape[-1] for one in seen} == {side - 3}
    parts = [
        images["hr"][..., top : top + side - 3, left : left + side - 3]
        for top in range(4)
        for left in range(4)
    ]
    assert all(any(torch.equal(one, part) for one in seen) for part in parts)
    with pytest.raises(TrainingError, match="leaves nothing of patches"):
        step_of(gan(replace(RELATIVISTIC, jitter=side)))


def test_a_conditional_discriminator_sees_the_lr_image_at_the_same_place() -> None:
    objective = gan(replace(RELATIVISTIC, jitter=3, conditional=True), PatchGAN(6, features=4, layers=2))
    seen, images = inputs_of(objective.networks["discriminator"]), batch()
    images["hr"] = F.interpolate(images["lr"], scale_factor=4, mode="bilinear", align_corners=False)
    for step in range(5):
        step_of(objective, step, dict(images))
    real = [one for one in seen if torch.equal(one[:, :3], one[:, 3:])]
    assert {one.shape[1:] for one in seen} == {(6, 29, 29)}
    assert 0 < len(real) < len(seen)


def test_real_images_of_the_discriminator() -> None:
    objective = gan()
    seen = inputs_of(objective.networks["discriminator"])
    reference = torch.full_like(batch()["hr"], 0.25)
    step_of(objective, images=batch() | {"hr_reference": reference})
    assert [torch.equal(given, reference) for given in seen] == [False, True, True, False]


def test_the_discriminator_is_trained_on_the_generators_images() -> None:
    objective = gan()
    seen = inputs_of(objective.networks["discriminator"])
    step_of(objective)
    assert torch.equal(seen[0], seen[-1])  # made before the generator's update, not again after it


def test_the_discriminator_sees_the_filtered_images() -> None:
    objective = gan(replace(RELATIVISTIC, view=lambda images: images * 0 + 0.5))
    seen = inputs_of(objective.networks["discriminator"])
    step_of(objective)
    assert all((given == 0.5).all() for given in seen)


def test_gradient_penalty_depends_on_seed_and_step() -> None:
    def penalty(seed: int, step: int) -> Tensor:
        torch.manual_seed(0)
        adversarial = AdversarialLoss(GanLoss("wgan"), 0.1, penalty=10.0, seed=seed)
        return step_of(gan(adversarial), step)["discriminator/penalty"]

    assert penalty(1, 0) == penalty(1, 0)
    assert penalty(1, 0) != penalty(2, 0)
    assert penalty(1, 0) != penalty(1, 1)


def test_losses_reach_only_their_branch() -> None:
    """EDL's pixel loss does not reach the tail of the first branch, its adversarial loss not that of the second."""
    objective = make("edl")
    (turn, _) = objective.turns(0)
    losses = turn.losses(batch())["generator"]
    network = objective.networks["generator"]
    tails = [network.get_parameter(f"tail_conv{number}.weight") for number in (1, 2)]
    reached = {
        name: [
            gradient is not None
            for gradient in torch.autograd.grad(loss, tails, retain_graph=True, allow_unused=True)
        ]
        for name, loss in losses.items()
    }
    assert reached == {"pixel": [False, True], "perceptual": [True, True], "adversarial": [True, False]}


def test_srrescgan_scales_images_to_255() -> None:
    objective = srrescgan()
    seen = inputs_of(objective.networks["generator"])
    images = batch()
    step_of(objective, images=images)
    torch.testing.assert_close(seen[0], images["lr"] * 255)
    assert images["lr"].max() <= 1  # the caller's batch is as it was


def test_mixup_mixes_lr_and_hr_alike() -> None:
    wanted: list[Tensor] = []

    def pixel(sr: Tensor, hr: Tensor) -> Tensor:
        wanted.append(hr)
        return l1(sr, hr)

    images = batch()
    images["hr"] = nn.functional.interpolate(images["lr"], scale_factor=4)
    objective = srrescgan(Mixup(probability=1.0), pixel)
    seen = inputs_of(objective.networks["generator"])
    step_of(objective, images=images)
    torch.testing.assert_close(nn.functional.interpolate(seen[0], scale_factor=4), wanted[0])
    assert not torch.allclose(seen[0], images["lr"] * 255)
    torch.testing.assert_close(seen[0].mean(), images["lr"].mean() * 255)  # the shares add up to one


def test_mixup_is_sometimes_left_out() -> None:
    mixed = []
    for step in range(20):
        objective = srrescgan(Mixup(probability=0.5))
        seen = inputs_of(objective.networks["generator"])
        objective.turns(step)[0].losses(batch())
        mixed.append(not torch.allclose(seen[0], batch()["lr"] * 255))
    assert 3 < sum(mixed) < 17


def test_turns_of_dsgan() -> None:
    assert names(dsgan(), 0) == ["discriminator", "generator"]
    assert names(dsgan(through="before"), 0) == ["both"]
    objective = dsgan(generator_every=2, discriminator_every=3)
    assert [names(objective, step) for step in range(6)] == [
        [],
        ["generator"],
        ["discriminator"],
        ["generator"],
        [],
        ["discriminator", "generator"],
    ]
    for step in range(6):
        step_of(objective, step)


def test_dsgan_hands_the_images_of_each_part_to_the_generators_turn() -> None:
    """With an accumulated batch, both turns go through the parts in the same order, and the batch stays as it was."""
    objective = dsgan()
    parts = [{role: images[half] for role, images in batch().items()} for half in (slice(2), slice(2, 4))]
    roles = [set(part) for part in parts]
    first, second = objective.turns(0)
    for part in parts:
        first.losses(part)
    for part in parts:
        colour = second.losses(part)["generator"]["color"]
        expected = objective.terms["color"].loss(objective.networks["generator"](part["lr"]), part["lr"])
        assert colour == expected
    assert [set(part) for part in parts] == roles


@pytest.mark.parametrize("relativistic", [False, True])
def test_dsgan_generator_sees_the_updated_weights(relativistic: bool) -> None:
    """Without an update in between, both ways give the generator the same gradient; with one, another."""

    def gradients(through: str, rate: float) -> list[Tensor]:
        torch.manual_seed(0)
        objective = dsgan(through=through, relativistic=relativistic, texture=1.0)
        generator, judge = objective.networks["generator"], objective.networks["discriminator"]
        training_step(
            objective,
            0,
            batch(),
            {"generator": SGD(generator.parameters(), 0.0), "discriminator": SGD(judge.parameters(), rate)},
        )
        norms = [layer for layer in judge.modules() if isinstance(layer, nn.BatchNorm2d)]
        assert [int(norm.num_batches_tracked) for norm in norms] == [4 if relativistic else 2] * 2
        assert all(norm.track_running_stats for norm in norms)
        return [p.grad for p in generator.parameters() if p.grad is not None]

    before = gradients("before", 0.1)
    for a, b in zip(before, gradients("updated", 0.0), strict=True):
        torch.testing.assert_close(a, b)
    updated = gradients("updated", 0.1)
    assert any(not torch.allclose(a, b, rtol=1e-3) for a, b in zip(before, updated, strict=True))


def test_ddnsr_keeps_its_statistics() -> None:
    objective = ddnsr()
    before = {name: value.clone() for name, value in objective.networks["disc_up"].named_buffers()}
    step_of(objective)
    assert before
    for name, value in objective.networks["disc_up"].named_buffers():
        assert torch.equal(value, before[name]), name


def test_ddnsr_networks_in_the_order_of_their_updates() -> None:
    assert list(ddnsr().networks) == ["up", "down", "disc_up", "disc_down"]
    assert list(ddnsr(esrgan=False).networks) == ["up", "down", "disc_down"]


def test_features_of_the_reference_keep_no_graph() -> None:
    loss, hr = features(), batch()["hr"].requires_grad_()
    value = loss(batch(1)["hr"], hr)
    assert not value.requires_grad
