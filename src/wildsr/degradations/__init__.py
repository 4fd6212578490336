"""Degradations: HR images to LR images, with randomly sampled parameters that can be stored and replayed.

Names are imported on first use. Any object with the attributes of :class:`Degradation` can serve as a degradation.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.degradations.api import DegradedArray as DegradedArray
    from wildsr.degradations.api import DegradedTensor as DegradedTensor
    from wildsr.degradations.api import degrade as degrade
    from wildsr.degradations.api import degrade_pair as degrade_pair
    from wildsr.degradations.degradation import Degradation as Degradation
    from wildsr.degradations.degradation import DegradationError as DegradationError
    from wildsr.degradations.degradation import Parameters as Parameters
    from wildsr.degradations.degradation import Record as Record
    from wildsr.degradations.degradation import Sample as Sample
    from wildsr.degradations.degradation import load_record as load_record
    from wildsr.degradations.degradation import save_record as save_record
    from wildsr.degradations.methods.bsrgan import Bsrgan as Bsrgan
    from wildsr.degradations.methods.bsrgan_plus import BsrganPlus as BsrganPlus
    from wildsr.degradations.methods.corruptions import Corruption as Corruption
    from wildsr.degradations.methods.learned import Ddnsr as Ddnsr
    from wildsr.degradations.methods.learned import Dsgan as Dsgan
    from wildsr.degradations.methods.profiled import Profiled as Profiled
    from wildsr.degradations.methods.real_esrgan import RealEsrgan as RealEsrgan
    from wildsr.degradations.methods.realsr import RealSr as RealSr
    from wildsr.degradations.methods.wild import Wild as Wild
    from wildsr.degradations.pools import KernelPool as KernelPool
    from wildsr.degradations.pools import NoisePool as NoisePool
    from wildsr.degradations.pools import PoolError as PoolError
    from wildsr.degradations.pools import load_kernel_pool as load_kernel_pool
    from wildsr.degradations.pools import load_noise_pool as load_noise_pool
    from wildsr.degradations.pools import save_kernel_pool as save_kernel_pool
    from wildsr.degradations.pools import save_noise_pool as save_noise_pool
    from wildsr.degradations.presets import PRESETS as PRESETS
    from wildsr.degradations.presets import preset as preset
    from wildsr.degradations.profile import Profile as Profile
    from wildsr.degradations.profile import ProfileError as ProfileError
    from wildsr.degradations.profile import read_profile as read_profile
    from wildsr.degradations.profile import write_profile as write_profile
    from wildsr.degradations.program import run_steps as run_steps
    from wildsr.degradations.steps.builtin import STEPS as STEPS

_HOME_OF = {
    "Bsrgan": "wildsr.degradations.methods.bsrgan",
    "BsrganPlus": "wildsr.degradations.methods.bsrgan_plus",
    "Corruption": "wildsr.degradations.methods.corruptions",
    "Ddnsr": "wildsr.degradations.methods.learned",
    "Degradation": "wildsr.degradations.degradation",
    "DegradationError": "wildsr.degradations.degradation",
    "DegradedArray": "wildsr.degradations.api",
    "DegradedTensor": "wildsr.degradations.api",
    "Dsgan": "wildsr.degradations.methods.learned",
    "KernelPool": "wildsr.degradations.pools",
    "NoisePool": "wildsr.degradations.pools",
    "PRESETS": "wildsr.degradations.presets",
    "Parameters": "wildsr.degradations.degradation",
    "PoolError": "wildsr.degradations.pools",
    "RealEsrgan": "wildsr.degradations.methods.real_esrgan",
    "RealSr": "wildsr.degradations.methods.realsr",
    "Profile": "wildsr.degradations.profile",
    "ProfileError": "wildsr.degradations.profile",
    "Profiled": "wildsr.degradations.methods.profiled",
    "read_profile": "wildsr.degradations.profile",
    "write_profile": "wildsr.degradations.profile",
    "Record": "wildsr.degradations.degradation",
    "STEPS": "wildsr.degradations.steps.builtin",
    "Sample": "wildsr.degradations.degradation",
    "Wild": "wildsr.degradations.methods.wild",
    "degrade": "wildsr.degradations.api",
    "degrade_pair": "wildsr.degradations.api",
    "load_kernel_pool": "wildsr.degradations.pools",
    "load_noise_pool": "wildsr.degradations.pools",
    "load_record": "wildsr.degradations.degradation",
    "preset": "wildsr.degradations.presets",
    "run_steps": "wildsr.degradations.program",
    "save_kernel_pool": "wildsr.degradations.pools",
    "save_noise_pool": "wildsr.degradations.pools",
    "save_record": "wildsr.degradations.degradation",
}

__all__ = [
    "PRESETS",
    "STEPS",
    "Bsrgan",
    "BsrganPlus",
    "Corruption",
    "Ddnsr",
    "Degradation",
    "DegradationError",
    "DegradedArray",
    "DegradedTensor",
    "Dsgan",
    "KernelPool",
    "NoisePool",
    "Parameters",
    "PoolError",
    "Profile",
    "ProfileError",
    "Profiled",
    "RealEsrgan",
    "RealSr",
    "Record",
    "Sample",
    "Wild",
    "degrade",
    "degrade_pair",
    "load_kernel_pool",
    "load_noise_pool",
    "load_record",
    "preset",
    "read_profile",
    "run_steps",
    "save_kernel_pool",
    "save_noise_pool",
    "save_record",
    "write_profile",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr.degradations' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
