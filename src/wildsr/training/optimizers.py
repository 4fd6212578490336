"""Optimizers that PyTorch does not have; everything else is ``torch.optim``."""

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import nn
from torch.optim import Optimizer


class KerasAdam(Optimizer):
    """Adam (Kingma and Ba, 2015) as Keras 2.6 computes it.

    Keras adds ``epsilon`` to the square root of the second moment before its bias is corrected (the paper's section 2,
    last paragraph), so that in the first steps it weighs more than PyTorch's. DDNSR updates several networks with one
    optimizer, whose step number grows with each of them: update k, counted from zero, then has the number
    ``stride`` * k + ``offset`` + 1 in the bias corrections, with the number of networks as ``stride`` and the place
    among them as ``offset``.

    Raises:
        ValueError: for an ``offset`` outside 0 ... ``stride`` - 1.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-7,
        stride: int = 1,
        offset: int = 0,
    ) -> None:
        if not 0 <= offset < stride:
            raise ValueError(f"offset {offset} must lie between 0 and {stride - 1}, since stride is {stride}")
        defaults = {"lr": lr, "betas": betas, "epsilon": epsilon, "stride": stride, "offset": offset}
        super().__init__(parameters, defaults)

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
            self._update(group)
        return loss

    def _update(self, group: dict[str, Any]) -> None:
        beta1, beta2 = group["betas"]
        for parameter in group["params"]:
            if parameter.grad is None:
                continue
            state = self.state[parameter]
            if not state:
                state["updates"] = 0
                state["mean"] = torch.zeros_like(parameter)
                state["square"] = torch.zeros_like(parameter)
            number = group["stride"] * state["updates"] + group["offset"] + 1
            state["updates"] += 1
            mean, square = state["mean"], state["square"]
            mean.lerp_(parameter.grad, 1 - beta1)
            square.mul_(beta2).addcmul_(parameter.grad, parameter.grad, value=1 - beta2)
            rate = group["lr"] * (1 - beta2**number) ** 0.5 / (1 - beta1**number)
            parameter.addcdiv_(mean, square.sqrt().add_(group["epsilon"]), value=-rate)
