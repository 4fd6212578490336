"""Optimizers that PyTorch does not have; everything else is ``torch.optim``."""

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class GroupOptimizer(Optimizer):
    """An optimizer that updates one group of parameters after the other."""

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
            self.update(group)
        return loss

    def update(self, group: dict[str, Any]) -> None:
        """Update the parameters of a group that have gradients."""
        raise NotImplementedError


def adam_step(
    values: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any], prefix: str = ""
) -> None:
    """One step of Adam for ``values``, whose count and moments are in ``state`` under names with ``prefix``."""
    beta1, beta2 = group["betas"]
    updates, first, second = (f"{prefix}{name}" for name in ("updates", "mean", "square"))
    if first not in state:
        state[updates] = 0
        state[first] = torch.zeros_like(values)
        state[second] = torch.zeros_like(values)
    state[updates] += 1
    mean = state[first].lerp_(gradient, 1 - beta1) / (1 - beta1 ** state[updates])
    square = state[second].lerp_(gradient.square(), 1 - beta2) / (1 - beta2 ** state[updates])
    values.addcdiv_(mean, square.sqrt_().add_(group["epsilon"]), value=-group["lr"])


class KerasAdam(GroupOptimizer):
    """Adam (Kingma and Ba, 2015) as Keras 2.6 computes it.

    Keras adds ``epsilon`` to the square root of the second moment before the bias correction (the paper's section 2,
    last paragraph), so its effect in the first steps is larger than in PyTorch. DDNSR updates several networks with one
    optimizer, whose step count grows with each of them: update k, counted from zero, has the count
    ``stride`` * k + ``offset`` + 1 in the bias correction, with the number of networks as ``stride`` and the index of
    the network as ``offset``.

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

    def update(self, group: dict[str, Any]) -> None:
        """See :class:`GroupOptimizer`."""
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


class Muon(GroupOptimizer):
    """Muon (Jordan et al., 2024) for the weights of hidden convolutions, Adam for everything else.

    The momentum of a weight, as a matrix (out, in * height * width), is replaced by the nearest orthogonal matrix, so
    that rare directions are learnt as fast as common ones. The result is scaled as in Moonlight (Liu et al., 2025,
    section 2.2) to the size of Adam's updates, so that both share one learning rate. PyTorch's own Muon accepts only
    matrices.

    The first and the last convolution, and all parameters that are not convolution weights, are updated by Adam.

    Args:
        parameters: all parameters of one network, in its order.
        lr: learning rate of both.
        momentum: decay of Muon's Nesterov momentum.
        betas: of Adam.
        epsilon: of Adam.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float = 1e-3,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.99),
        epsilon: float = 1e-8,
    ) -> None:
        given = list(parameters)
        hidden = [parameter for parameter in given if parameter.ndim == 4][1:-1]
        inside = {id(parameter) for parameter in hidden}
        others = [parameter for parameter in given if id(parameter) not in inside]
        groups = [{"params": hidden, "hidden": True}, {"params": others, "hidden": False}]
        defaults = {"lr": lr, "momentum": momentum, "betas": betas, "epsilon": epsilon}
        super().__init__([group for group in groups if group["params"]], defaults)

    def update(self, group: dict[str, Any]) -> None:
        """See :class:`GroupOptimizer`."""
        for parameter in group["params"]:
            if parameter.grad is None:
                continue
            if group["hidden"]:
                self._orthogonal_update(parameter, parameter.grad, group)
            else:
                adam_step(parameter, parameter.grad, self.state[parameter], group)

    def _orthogonal_update(self, parameter: nn.Parameter, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["mean"] = torch.zeros_like(parameter)
        mean = state["mean"].mul_(group["momentum"]).add_(gradient)
        # Weights may have the memory order channels_last.
        ahead = gradient.add(mean, alpha=group["momentum"]).contiguous().flatten(1)
        update = orthogonalised(ahead).view(parameter.shape)
        parameter.add_(update, alpha=-group["lr"] * 0.2 * max(ahead.shape) ** 0.5)


def orthogonalised(matrix: Tensor, iterations: int = 5) -> Tensor:
    """Approximately the nearest orthogonal matrix of (rows, columns): its singular values lie between 0.7 and 1.2.

    Jordan's quintic Newton-Schulz iteration, for which bfloat16 is precise enough.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    orthogonal: Tensor = (x.T if tall else x).to(matrix.dtype)
    return orthogonal.contiguous()
