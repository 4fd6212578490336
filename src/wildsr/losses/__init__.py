"""Losses: functions of generated and reference images, and of discriminator outputs.

Names are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.losses.adversarial import GanLoss as GanLoss
    from wildsr.losses.adversarial import probability_gan_loss as probability_gan_loss
    from wildsr.losses.flat import flat_loss as flat_loss
    from wildsr.losses.frequency import LowFrequencyLoss as LowFrequencyLoss
    from wildsr.losses.frequency import mean_loss as mean_loss
    from wildsr.losses.frequency import rgb_loss as rgb_loss
    from wildsr.losses.grid import grid_loss as grid_loss
    from wildsr.losses.grid import serration_loss as serration_loss
    from wildsr.losses.penalties import gradient_penalty as gradient_penalty
    from wildsr.losses.penalties import r1_penalty as r1_penalty
    from wildsr.losses.perceptual import LpipsLoss as LpipsLoss
    from wildsr.losses.perceptual import PerceptualLoss as PerceptualLoss
    from wildsr.losses.pixel import charbonnier_mean as charbonnier_mean
    from wildsr.losses.pixel import charbonnier_sum as charbonnier_sum
    from wildsr.losses.pixel import l1 as l1
    from wildsr.losses.pixel import l2 as l2
    from wildsr.losses.pixel import psnr_loss as psnr_loss
    from wildsr.losses.specks import dots_loss as dots_loss
    from wildsr.losses.specks import phase_loss as phase_loss
    from wildsr.losses.specks import speck_loss as speck_loss
    from wildsr.losses.ssim import ssim_index as ssim_index
    from wildsr.losses.ssim import ssim_loss as ssim_loss
    from wildsr.losses.teacher import HaloFreeTarget as HaloFreeTarget
    from wildsr.losses.variation import total_variation as total_variation
    from wildsr.losses.variation import tv_difference as tv_difference

_HOME_OF = {
    "GanLoss": "wildsr.losses.adversarial",
    "HaloFreeTarget": "wildsr.losses.teacher",
    "LowFrequencyLoss": "wildsr.losses.frequency",
    "LpipsLoss": "wildsr.losses.perceptual",
    "PerceptualLoss": "wildsr.losses.perceptual",
    "charbonnier_mean": "wildsr.losses.pixel",
    "charbonnier_sum": "wildsr.losses.pixel",
    "dots_loss": "wildsr.losses.specks",
    "flat_loss": "wildsr.losses.flat",
    "phase_loss": "wildsr.losses.specks",
    "serration_loss": "wildsr.losses.grid",
    "speck_loss": "wildsr.losses.specks",
    "gradient_penalty": "wildsr.losses.penalties",
    "grid_loss": "wildsr.losses.grid",
    "l1": "wildsr.losses.pixel",
    "l2": "wildsr.losses.pixel",
    "mean_loss": "wildsr.losses.frequency",
    "probability_gan_loss": "wildsr.losses.adversarial",
    "psnr_loss": "wildsr.losses.pixel",
    "r1_penalty": "wildsr.losses.penalties",
    "rgb_loss": "wildsr.losses.frequency",
    "ssim_index": "wildsr.losses.ssim",
    "ssim_loss": "wildsr.losses.ssim",
    "total_variation": "wildsr.losses.variation",
    "tv_difference": "wildsr.losses.variation",
}

__all__ = [
    "GanLoss",
    "HaloFreeTarget",
    "LowFrequencyLoss",
    "LpipsLoss",
    "PerceptualLoss",
    "charbonnier_mean",
    "charbonnier_sum",
    "dots_loss",
    "flat_loss",
    "gradient_penalty",
    "grid_loss",
    "l1",
    "l2",
    "mean_loss",
    "phase_loss",
    "probability_gan_loss",
    "psnr_loss",
    "r1_penalty",
    "rgb_loss",
    "serration_loss",
    "speck_loss",
    "ssim_index",
    "ssim_loss",
    "total_variation",
    "tv_difference",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr.losses' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
