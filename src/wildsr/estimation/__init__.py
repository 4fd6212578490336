"""Estimation from photos: blur kernels (KernelGAN), noise patches, clean-up of noisy images.

Names are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.estimation.cleanup import clean_up as clean_up
    from wildsr.estimation.cleanup import clean_up_ddnsr as clean_up_ddnsr
    from wildsr.estimation.errors import EstimationError as EstimationError
    from wildsr.estimation.errors import NoImages as NoImages
    from wildsr.estimation.inventory import Inventory as Inventory
    from wildsr.estimation.inventory import Photo as Photo
    from wildsr.estimation.inventory import take_inventory as take_inventory
    from wildsr.estimation.kernel_pools import KernelRecord as KernelRecord
    from wildsr.estimation.kernel_pools import estimate_all as estimate_all
    from wildsr.estimation.kernel_pools import pooled as pooled
    from wildsr.estimation.kernelgan import CropSource as CropSource
    from wildsr.estimation.kernelgan import KernelGANSettings as KernelGANSettings
    from wildsr.estimation.kernelgan import estimate_kernels as estimate_kernels
    from wildsr.estimation.kernelgan import finished as finished
    from wildsr.estimation.noise import NoiseRule as NoiseRule
    from wildsr.estimation.noise import collect_noise as collect_noise
    from wildsr.estimation.profile import estimate_profile as estimate_profile
    from wildsr.estimation.profile_check import ProfileCheck as ProfileCheck
    from wildsr.estimation.profile_check import check_profile as check_profile
    from wildsr.estimation.sources import Source as Source
    from wildsr.estimation.sources import find_sources as find_sources

_HOME_OF = {
    "CropSource": "wildsr.estimation.kernelgan",
    "EstimationError": "wildsr.estimation.errors",
    "KernelGANSettings": "wildsr.estimation.kernelgan",
    "KernelRecord": "wildsr.estimation.kernel_pools",
    "NoImages": "wildsr.estimation.errors",
    "NoiseRule": "wildsr.estimation.noise",
    "Inventory": "wildsr.estimation.inventory",
    "Photo": "wildsr.estimation.inventory",
    "take_inventory": "wildsr.estimation.inventory",
    "ProfileCheck": "wildsr.estimation.profile_check",
    "check_profile": "wildsr.estimation.profile_check",
    "estimate_profile": "wildsr.estimation.profile",
    "Source": "wildsr.estimation.sources",
    "clean_up": "wildsr.estimation.cleanup",
    "clean_up_ddnsr": "wildsr.estimation.cleanup",
    "collect_noise": "wildsr.estimation.noise",
    "estimate_all": "wildsr.estimation.kernel_pools",
    "estimate_kernels": "wildsr.estimation.kernelgan",
    "find_sources": "wildsr.estimation.sources",
    "finished": "wildsr.estimation.kernelgan",
    "pooled": "wildsr.estimation.kernel_pools",
}

__all__ = [
    "CropSource",
    "EstimationError",
    "Inventory",
    "KernelGANSettings",
    "KernelRecord",
    "NoImages",
    "NoiseRule",
    "Photo",
    "ProfileCheck",
    "Source",
    "check_profile",
    "clean_up",
    "clean_up_ddnsr",
    "collect_noise",
    "estimate_all",
    "estimate_kernels",
    "estimate_profile",
    "find_sources",
    "finished",
    "pooled",
    "take_inventory",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr.estimation' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
