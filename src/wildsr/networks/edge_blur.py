"""A small network from features of edges to the blur across them."""

import torch
from torch import Tensor, nn


class EdgeBlurNetwork(nn.Module):
    """Maps features of the edges of one direction (N, features) to blur and sharpening, (N, 5).

    The results are the logarithm of the blur's variance plus 0.15, in squared pixels; the logarithm of the standard
    error of that; the strength of unsharp masking; the logarithm of its standard error; and the logarithm of the
    radius in pixels. The features are standardised with the buffers ``mean`` and ``spread``.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, features: int, hidden: int = 32) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.layers = nn.Sequential(
            nn.Linear(features, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 5)
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, features) to (N, 5)."""
        found: Tensor = self.layers(((features - self.mean) / self.spread).clamp(-4, 4))
        return found
