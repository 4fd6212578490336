"""One training step: gradients per network and turn, accumulation, clipping, averaging."""

from collections.abc import Sequence
from copy import deepcopy

import pytest
import torch
from small_runs import Pixel, SmallGan
from torch import Tensor, nn

from wildsr.training.objective import Batch, Losses, Turn
from wildsr.training.step import training_step


class Together:
    """Two scalars in one turn, whose losses share a graph."""

    result = "a"

    def __init__(self) -> None:
        self.networks = {"a": Scalar(2.0), "b": Scalar(3.0)}

    def turns(self, step: int) -> Sequence[Turn]:  # noqa: ARG002
        return [Turn("both", self.losses)]

    def losses(self, batch: Batch) -> Losses:
        product = self.networks["a"](batch["x"]) * self.networks["b"].weight
        return {"a": {"one": product.mean(), "two": 2 * product.mean()}, "b": {"one": -product.mean()}}

    def to_device(self, device: str) -> None:
        pass


class Scalar(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(value))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * x


def descent(networks: dict[str, nn.Module], rate: float = 1.0) -> dict[str, torch.optim.Optimizer]:
    return {name: torch.optim.SGD(network.parameters(), lr=rate) for name, network in networks.items()}


def test_each_network_gets_its_own_losses_at_the_weights_before() -> None:
    objective = Together()
    losses = training_step(objective, 0, {"x": torch.ones(4)}, descent(objective.networks))
    assert objective.networks["a"].weight.item() == 2 - 3 * 3  # d(3ab)/da
    assert objective.networks["b"].weight.item() == 3 + 2  # d(-ab)/db at the old a
    assert {name: value.item() for name, value in losses.items()} == {"a/one": 6, "a/two": 12, "b/one": -6}


def test_a_later_turn_sees_the_weights_after_the_earlier() -> None:
    class OneAfterTheOther(Together):
        def turns(self, step: int) -> Sequence[Turn]:  # noqa: ARG002
            return [
                Turn("a", lambda batch: {"a": self.losses(batch)["a"]}),
                Turn("b", lambda batch: {"b": self.losses(batch)["b"]}),
            ]

    objective = OneAfterTheOther()
    training_step(objective, 0, {"x": torch.ones(4)}, descent(objective.networks))
    assert objective.networks["b"].weight.item() == 3 + (2 - 9)


def test_tensors_added_by_a_turn_reach_the_next_but_not_the_caller() -> None:
    objective = SmallGan()
    batch = {"hr": torch.rand(2, 3, 16, 16), "lr": torch.rand(2, 3, 8, 8)}
    losses = training_step(objective, 0, batch, descent(objective.networks, 0.1))
    assert set(losses) == {"g/l1", "g/adversarial", "d/real", "d/fake"}
    assert set(batch) == {"hr", "lr"}


def test_a_loss_changes_no_network_but_its_own() -> None:
    objective = SmallGan()
    batch = {"hr": torch.rand(2, 3, 16, 16), "lr": torch.rand(2, 3, 8, 8)}
    before = deepcopy(objective.networks["d"])
    training_step(objective, 1, batch, descent(objective.networks, 0.1))  # step 1 is the generator's alone
    for p, q in zip(before.parameters(), objective.networks["d"].parameters(), strict=True):
        assert torch.equal(p, q)
        assert q.grad is None


@pytest.mark.parametrize("accumulate", [2, 3])
def test_parts_add_up_to_the_batch(accumulate: int) -> None:
    batch = {"hr": torch.rand(5, 3, 16, 16), "lr": torch.rand(5, 3, 8, 8)}
    whole, parted = Pixel(), Pixel()
    one = training_step(whole, 0, batch, descent(whole.networks))
    other = training_step(parted, 0, batch, descent(parted.networks), accumulate=accumulate)
    torch.testing.assert_close(one, other)
    for p, q in zip(whole.networks["g"].parameters(), parted.networks["g"].parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-5, atol=1e-7)


def test_tensors_of_different_length_are_refused() -> None:
    objective = Pixel()
    batch = {"hr": torch.rand(4, 3, 16, 16), "lr": torch.rand(3, 3, 8, 8)}
    with pytest.raises(ValueError, match="same number of samples"):
        training_step(objective, 0, batch, descent(objective.networks), accumulate=2)


def test_clipping_bounds_the_norm_of_a_network() -> None:
    objective = Together()
    training_step(objective, 0, {"x": torch.ones(4)}, descent(objective.networks), clip=0.5)
    assert objective.networks["a"].weight.item() == pytest.approx(2 - 0.5, abs=1e-5)
    assert objective.networks["b"].weight.item() == pytest.approx(3 + 0.5, abs=1e-5)


def test_gradients_are_averaged_before_they_are_clipped() -> None:
    objective = Together()

    def halve(gradients: Sequence[Tensor]) -> None:
        for gradient in gradients:
            gradient /= 2

    training_step(objective, 0, {"x": torch.ones(4)}, descent(objective.networks), average=halve)
    assert objective.networks["a"].weight.item() == 2 - 4.5


def test_half_precision_gradients_are_scaled_back() -> None:
    objective = Together()
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    training_step(objective, 0, {"x": torch.ones(4)}, descent(objective.networks), scaler=scaler, clip=100.0)
    assert objective.networks["a"].weight.item() == 2 - 9
    assert objective.networks["b"].weight.item() == 3 + 2
