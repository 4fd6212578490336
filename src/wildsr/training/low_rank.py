"""Low-rank fine-tuning as an optimizer, which keeps the adapters in its state and merges them into the weights."""

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class LowRank(Optimizer):
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

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update all parameters that have gradients."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for number, parameter in enumerate(group["params"]):
                if parameter.grad is None:
                    continue
                if parameter.ndim > 1 and min(parameter.flatten(1).shape) > group["rank"]:
                    self._low_rank_update(parameter, parameter.grad.flatten(1), group, number)
                else:
                    self._moved(parameter, parameter.grad, self.state[parameter], "own", group)
        return loss

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
        self._moved(state["up"], towards_up, state, "up", group)
        self._moved(state["down"], towards_down, state, "down", group)
        parameter.add_((state["up"] @ state["down"] - before).view(parameter.shape))

    @staticmethod
    def _moved(
        values: Tensor, gradient: Tensor, state: dict[str, Any], name: str, group: dict[str, Any]
    ) -> None:
        """One step of Adam for ``values``, whose moments are in ``state`` under ``name``."""
        beta1, beta2 = group["betas"]
        if f"{name}_mean" not in state:
            state[f"{name}_updates"] = 0
            state[f"{name}_mean"] = torch.zeros_like(values)
            state[f"{name}_square"] = torch.zeros_like(values)
        state[f"{name}_updates"] += 1
        count = state[f"{name}_updates"]
        mean = state[f"{name}_mean"].lerp_(gradient, 1 - beta1) / (1 - beta1**count)
        square = state[f"{name}_square"].lerp_(gradient.square(), 1 - beta2) / (1 - beta2**count)
        values.addcdiv_(mean, square.sqrt_().add_(group["epsilon"]), value=-group["lr"])
