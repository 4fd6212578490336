"""Low-rank fine-tuning as an optimizer, which keeps the adapters in its state and merges them into the weights."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from wildsr.training.optimizers import GroupOptimizer, adam_step


class LowRank(GroupOptimizer):
    """LoRA (Hu et al., 2021, section 4.1): a weight, as a matrix (out, in), changes by ``up`` @ ``down`` only.

    Both factors have ``rank`` rows or columns and are trained by Adam; ``up`` begins as zero. After each step their
    product is merged into the weight, so that networks, averages and model files stay as they are. Adam's moments,
    which take twice the memory of the weights otherwise, are those of the factors. Biases, and weights that have no
    more than ``rank`` rows or columns, are trained by Adam itself.

    Args:
        parameters: of one network.
        lr: learning rate. Weights change by about as much in a step as those of Adam with this rate.
        rank: of the change of each weight.
        betas: of Adam.
        epsilon: of Adam.

    Raises:
        ValueError: for a rank below 1.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float = 1e-4,
        rank: int = 8,
        betas: tuple[float, float] = (0.9, 0.99),
        epsilon: float = 1e-8,
    ) -> None:
        if rank < 1:
            raise ValueError(f"the rank must be at least 1, not {rank}")
        super().__init__(parameters, {"lr": lr, "rank": rank, "betas": betas, "epsilon": epsilon})

    def update(self, group: dict[str, Any]) -> None:
        """See :class:`wildsr.training.optimizers.GroupOptimizer`."""
        for number, parameter in enumerate(group["params"]):
            if parameter.grad is None:
                continue
            if parameter.ndim > 1 and min(parameter.flatten(1).shape) > group["rank"]:
                self._low_rank_update(parameter, parameter.grad.flatten(1), group, number)
            else:
                adam_step(parameter, parameter.grad, self.state[parameter], group, "own_")

    def _low_rank_update(
        self, parameter: nn.Parameter, gradient: Tensor, group: dict[str, Any], number: int
    ) -> None:
        state, rank = self.state[parameter], group["rank"]
        if not state:
            rows, columns = gradient.shape
            # Of its own generator: the run's random numbers stay those of any other optimizer.
            random = torch.randn(rank, columns, generator=torch.Generator().manual_seed(number))
            state["up"] = gradient.new_zeros(rows, rank)
            state["down"] = (random / rank**0.5).to(gradient)
        before = state["up"] @ state["down"]
        towards_up, towards_down = gradient @ state["down"].T, state["up"].T @ gradient
        adam_step(state["up"], towards_up, state, group, "up_")
        adam_step(state["down"], towards_down, state, group, "down_")
        parameter.add_((state["up"] @ state["down"] - before).view(parameter.shape))
