"""Photographs and parameters for tests of degradations."""

import numpy as np
import torch
from skimage import data
from torch import Tensor

from wildsr.degradations.degradation import Degradation, Parameters


def photo(height: int = 64, width: int = 80) -> Tensor:
    """(1, 3, height, width) of a cat."""
    return torch.from_numpy(data.chelsea()[60 : 60 + height, 100 : 100 + width]).permute(2, 0, 1)[None] / 255


def draws(
    degradation: Degradation, count: int, size: tuple[int, int] = (64, 80), seed: int = 0
) -> list[Parameters]:
    return [degradation.sample(np.random.default_rng([seed, index]), size) for index in range(count)]
