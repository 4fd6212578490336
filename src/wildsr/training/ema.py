"""Exponential moving average (EMA) of a network's weights."""

from copy import deepcopy

import torch
from torch import Tensor, nn


class Average:
    """The averaged copy of a network, in ``network``: in evaluation mode, without gradients, in float32.

    In each update a weight becomes decay · average + (1 - decay) · current; buffers are copied. With ``warmup`` the
    decay of update n, counted from zero, is at most (n + 1) / (n + 10).
    """

    def __init__(self, network: nn.Module, decay: float, warmup: bool = False) -> None:
        self.network = deepcopy(network).requires_grad_(False).eval()
        self.decay = decay
        self.warmup = warmup

    @torch.no_grad()
    def update(self, network: nn.Module, number: int) -> None:
        """Average in the weights after update ``number``, counted from zero."""
        decay = min(self.decay, (number + 1) / (number + 10)) if self.warmup else self.decay
        kept: list[Tensor] = list(self.network.parameters())
        now = [parameter.detach() for parameter in network.parameters()]
        torch._foreach_lerp_(kept, now, 1 - decay)
        for mine, other in zip(self.network.buffers(), network.buffers(), strict=True):
            mine.copy_(other)
