"""Losses on low frequencies or mean colours, which do not constrain detail."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from wildsr.losses.pixel import l1
from wildsr.ops.frequency import LowPass


@dataclass(frozen=True)
class LowFrequencyLoss:
    """A pixel loss between the low frequencies of two batches (B, C, H, W).

    DSGAN's colour loss (Fritsche et al., 2019, section 3.2) takes L1 and a 5x5 box without borders; its ESRGAN-FS a 9x9
    box padded with zeros.
    """

    low_pass: LowPass
    loss: Callable[[Tensor, Tensor], Tensor] = l1

    def __call__(self, sr: Tensor, hr: Tensor) -> Tensor:
        """The loss of two batches of the same shape."""
        return self.loss(self.low_pass(sr), self.low_pass(hr))


def rgb_loss(sr: Tensor, hr: Tensor) -> Tensor:
    """L1 of the mean colours of each pair in (B, C, H, W)."""
    return l1(sr.mean((2, 3)), hr.mean((2, 3)))


def mean_loss(sr: Tensor, hr: Tensor) -> Tensor:
    """L1 of the means over all values of each pair in (B, C, H, W)."""
    return l1(sr.mean((1, 2, 3)), hr.mean((1, 2, 3)))
