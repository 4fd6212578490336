"""A small network from features of a camera's photos to its blur, sharpening and noise."""

import torch
from torch import Tensor, nn

NUMBERS = 7


class CameraNetwork(nn.Module):
    """Deep sets (Zaheer et al., 2017) over photos, for each of 8 directions of edges.

    The features of each photo are embedded, the embeddings averaged over photos with weights that are estimated too,
    and the average is mapped to numbers of the camera. Averaging before estimating matters: a mean of estimates that
    are cautious for one photo would remain cautious for any number of photos.

    ``directional_mean``, ``directional_spread``, ``general_mean`` and ``general_spread`` standardise the features.
    """

    directional_mean: Tensor
    directional_spread: Tensor
    general_mean: Tensor
    general_spread: Tensor

    def __init__(self, directional: int, general: int, width: int = 40) -> None:
        super().__init__()
        for name, size in (("directional", directional), ("general", general)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_spread", torch.ones(size))
        self.photo = nn.Sequential(
            nn.Linear(directional + general, width), nn.SiLU(), nn.Linear(width, width + 1)
        )
        self.direction = nn.Sequential(
            nn.Linear(3 * width, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2)
        )
        self.camera = nn.Sequential(
            nn.Linear(2 * width, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, 2 * NUMBERS),
        )

    def embed(self, directional: Tensor, general: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings (..., 8, width) of photos, and the logarithms of their weights (..., 8).

        Args:
            directional: (..., 8, directional) features.
            general: (..., general) features.
            counts: (..., 8) numbers of edge pixels; photos with few hardly count.
        """
        first = ((directional - self.directional_mean) / self.directional_spread).clamp(-4, 4)
        second = ((general - self.general_mean) / self.general_spread).clamp(-4, 4)
        second = second.unsqueeze(-2).expand(*first.shape[:-1], -1)
        found = self.photo(torch.cat([first, second], -1))
        return found[..., :-1], found[..., -1].clamp(-3, 3) + (0.5 * (counts + 0.03).log())

    def forward(self, embedded: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of cameras from the embeddings (..., photos, 8, width) and weights (..., photos, 8) of photos.

        Returns:
            (..., 8, 2): logarithm of the variance of the blur in each direction plus a constant, and the logarithm of
            the standard error; (..., NUMBERS, 2): strength of sharpening, logarithm of its radius, logarithms of the
            levels of noise in dark, middle and bright parts plus a constant, and the noise's correlation between
            pixels and between channels, each with the logarithm of the standard error.
        """
        mean = (embedded * weights.softmax(-2).unsqueeze(-1)).sum(-3)
        every, squared = mean.mean(-2, keepdim=True), mean.square().mean(-2, keepdim=True)
        other = mean.roll(mean.shape[-2] // 2, -2)
        directions = self.direction(torch.cat([mean, other, every.expand_as(mean)], -1))
        numbers = self.camera(torch.cat([every, squared], -1)).squeeze(-2)
        return directions, numbers.unflatten(-1, (NUMBERS, 2))
