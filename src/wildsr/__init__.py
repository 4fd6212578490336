"""wildsr: real-world super-resolution.

``wildsr.upscale("photo.jpg")`` is the whole of it for most people; :func:`load` gives a model to keep.
Names are imported on first use, so that ``import wildsr`` costs nothing and loads no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.degradations.api import degrade as degrade
    from wildsr.inference.api import upscale as upscale
    from wildsr.inference.upscaler import Upscaler as Upscaler
    from wildsr.zoo.load import load as load
    from wildsr.zoo.model import Model as Model

__version__ = "0.1.0"

_HOME_OF = {
    "Model": "wildsr.zoo.model",
    "Upscaler": "wildsr.inference.upscaler",
    "degrade": "wildsr.degradations.api",
    "load": "wildsr.zoo.load",
    "upscale": "wildsr.inference.api",
}

__all__ = ["Model", "Upscaler", "__version__", "degrade", "load", "upscale"]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
