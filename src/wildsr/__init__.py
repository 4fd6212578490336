"""wildsr: real-world super-resolution.

For most uses, ``wildsr.upscale("photo.jpg")`` is enough; :func:`load` returns a model that can be used repeatedly.
Names are imported on first use, so that ``import wildsr`` is fast and loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.adapt.errors import AdaptError as AdaptError
    from wildsr.adapt.errors import SeveralCameras as SeveralCameras
    from wildsr.data.errors import DataError as DataError
    from wildsr.data.errors import DataUsageError as DataUsageError
    from wildsr.degradations.api import degrade as degrade
    from wildsr.degradations.api import degrade_pair as degrade_pair
    from wildsr.degradations.degradation import DegradationError as DegradationError
    from wildsr.degradations.pools import PoolError as PoolError
    from wildsr.degradations.profile import ProfileError as ProfileError
    from wildsr.errors import UsageError as UsageError
    from wildsr.errors import WildsrError as WildsrError
    from wildsr.estimation.errors import EstimationError as EstimationError
    from wildsr.estimation.errors import NoImages as NoImages
    from wildsr.evaluation.pairing import PairingError as PairingError
    from wildsr.image.errors import FormatError as FormatError
    from wildsr.image.errors import ImageError as ImageError
    from wildsr.image.errors import ImageTooLarge as ImageTooLarge
    from wildsr.inference.api import upscale as upscale
    from wildsr.inference.errors import UpscaleError as UpscaleError
    from wildsr.inference.jobs import JobsError as JobsError
    from wildsr.inference.run_manifest import ManifestError as ManifestError
    from wildsr.inference.upscaler import Upscaler as Upscaler
    from wildsr.recipes.errors import RecipeError as RecipeError
    from wildsr.training.errors import TrainingError as TrainingError
    from wildsr.zoo.errors import ModelError as ModelError
    from wildsr.zoo.errors import UnknownArchitecture as UnknownArchitecture
    from wildsr.zoo.features.files import MissingWeights as MissingWeights
    from wildsr.zoo.load import load as load
    from wildsr.zoo.model import Model as Model

__version__ = "0.1.0"

_HOME_OF = {
    "AdaptError": "wildsr.adapt.errors",
    "DataError": "wildsr.data.errors",
    "DataUsageError": "wildsr.data.errors",
    "DegradationError": "wildsr.degradations.degradation",
    "EstimationError": "wildsr.estimation.errors",
    "FormatError": "wildsr.image.errors",
    "ImageError": "wildsr.image.errors",
    "ImageTooLarge": "wildsr.image.errors",
    "JobsError": "wildsr.inference.jobs",
    "ManifestError": "wildsr.inference.run_manifest",
    "MissingWeights": "wildsr.zoo.features.files",
    "Model": "wildsr.zoo.model",
    "ModelError": "wildsr.zoo.errors",
    "NoImages": "wildsr.estimation.errors",
    "PairingError": "wildsr.evaluation.pairing",
    "PoolError": "wildsr.degradations.pools",
    "ProfileError": "wildsr.degradations.profile",
    "RecipeError": "wildsr.recipes.errors",
    "SeveralCameras": "wildsr.adapt.errors",
    "TrainingError": "wildsr.training.errors",
    "UnknownArchitecture": "wildsr.zoo.errors",
    "UpscaleError": "wildsr.inference.errors",
    "Upscaler": "wildsr.inference.upscaler",
    "UsageError": "wildsr.errors",
    "WildsrError": "wildsr.errors",
    "degrade": "wildsr.degradations.api",
    "degrade_pair": "wildsr.degradations.api",
    "load": "wildsr.zoo.load",
    "upscale": "wildsr.inference.api",
}

__all__ = [
    "AdaptError",
    "DataError",
    "DataUsageError",
    "DegradationError",
    "EstimationError",
    "FormatError",
    "ImageError",
    "ImageTooLarge",
    "JobsError",
    "ManifestError",
    "MissingWeights",
    "Model",
    "ModelError",
    "NoImages",
    "PairingError",
    "PoolError",
    "ProfileError",
    "RecipeError",
    "SeveralCameras",
    "TrainingError",
    "UnknownArchitecture",
    "UpscaleError",
    "Upscaler",
    "UsageError",
    "WildsrError",
    "__version__",
    "degrade",
    "degrade_pair",
    "load",
    "upscale",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
