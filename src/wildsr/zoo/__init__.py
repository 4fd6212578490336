"""Models: the catalogue, downloads, file formats, architectures, and loading a file as a Model.

Names are imported on first use; those of the catalogue and of downloads load no torch. ``wildsr.load`` loads a model.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.zoo.architectures import ARCHITECTURES as ARCHITECTURES
    from wildsr.zoo.architectures import recognise as recognise
    from wildsr.zoo.architectures.architecture import Architecture as Architecture
    from wildsr.zoo.architectures.architecture import KeyLayout as KeyLayout
    from wildsr.zoo.catalogue import ModelEntry as ModelEntry
    from wildsr.zoo.catalogue import Project as Project
    from wildsr.zoo.catalogue import PublishedModel as PublishedModel
    from wildsr.zoo.catalogue import available as available
    from wildsr.zoo.catalogue import describe as describe
    from wildsr.zoo.catalogue import find as find
    from wildsr.zoo.catalogue import models_folder as models_folder
    from wildsr.zoo.convert import Converted as Converted
    from wildsr.zoo.download import Patience as Patience
    from wildsr.zoo.download import add as add
    from wildsr.zoo.download import pull as pull
    from wildsr.zoo.errors import ModelError as ModelError
    from wildsr.zoo.errors import UnknownArchitecture as UnknownArchitecture
    from wildsr.zoo.features.files import MissingWeights as MissingWeights
    from wildsr.zoo.features.files import features_folders as features_folders
    from wildsr.zoo.features.files import find_file as find_file
    from wildsr.zoo.features.files import pull_file as pull_file
    from wildsr.zoo.features.lpips import load_lpips as load_lpips
    from wildsr.zoo.features.vgg import load_vgg as load_vgg
    from wildsr.zoo.formats.named_weights import NamedWeights as NamedWeights
    from wildsr.zoo.header import Header as Header
    from wildsr.zoo.header import read_metadata as read_metadata
    from wildsr.zoo.load import contract_of as contract_of
    from wildsr.zoo.load import load_network as load_network
    from wildsr.zoo.model import Contract as Contract
    from wildsr.zoo.model import Model as Model
    from wildsr.zoo.read import read_weights as read_weights
    from wildsr.zoo.unit_range import UnitRange as UnitRange

_HOME_OF = {
    "ARCHITECTURES": "wildsr.zoo.architectures",
    "Architecture": "wildsr.zoo.architectures.architecture",
    "Contract": "wildsr.zoo.model",
    "Converted": "wildsr.zoo.convert",
    "Header": "wildsr.zoo.header",
    "KeyLayout": "wildsr.zoo.architectures.architecture",
    "MissingWeights": "wildsr.zoo.features.files",
    "Model": "wildsr.zoo.model",
    "ModelEntry": "wildsr.zoo.catalogue",
    "ModelError": "wildsr.zoo.errors",
    "NamedWeights": "wildsr.zoo.formats.named_weights",
    "Patience": "wildsr.zoo.download",
    "Project": "wildsr.zoo.catalogue",
    "PublishedModel": "wildsr.zoo.catalogue",
    "UnitRange": "wildsr.zoo.unit_range",
    "UnknownArchitecture": "wildsr.zoo.errors",
    "add": "wildsr.zoo.download",
    "available": "wildsr.zoo.catalogue",
    "contract_of": "wildsr.zoo.load",
    "describe": "wildsr.zoo.catalogue",
    "features_folders": "wildsr.zoo.features.files",
    "find": "wildsr.zoo.catalogue",
    "find_file": "wildsr.zoo.features.files",
    "load_lpips": "wildsr.zoo.features.lpips",
    "load_network": "wildsr.zoo.load",
    "load_vgg": "wildsr.zoo.features.vgg",
    "models_folder": "wildsr.zoo.catalogue",
    "pull": "wildsr.zoo.download",
    "pull_file": "wildsr.zoo.features.files",
    "read_metadata": "wildsr.zoo.header",
    "read_weights": "wildsr.zoo.read",
    "recognise": "wildsr.zoo.architectures",
}

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "Contract",
    "Converted",
    "Header",
    "KeyLayout",
    "MissingWeights",
    "Model",
    "ModelEntry",
    "ModelError",
    "NamedWeights",
    "Patience",
    "Project",
    "PublishedModel",
    "UnitRange",
    "UnknownArchitecture",
    "add",
    "available",
    "contract_of",
    "describe",
    "features_folders",
    "find",
    "find_file",
    "load_lpips",
    "load_network",
    "load_vgg",
    "models_folder",
    "pull",
    "pull_file",
    "read_metadata",
    "read_weights",
    "recognise",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr.zoo' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
