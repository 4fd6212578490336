"""Training data: folders, pairs, patches, stores, loaders.

Names are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.data.datasets import Dataset as Dataset
    from wildsr.data.datasets import DegradedPairs as DegradedPairs
    from wildsr.data.datasets import FolderPairs as FolderPairs
    from wildsr.data.datasets import TrainingSample as TrainingSample
    from wildsr.data.datasets import Unpaired as Unpaired
    from wildsr.data.errors import DataError as DataError
    from wildsr.data.errors import DataUsageError as DataUsageError
    from wildsr.data.image_sets import ImageSet as ImageSet
    from wildsr.data.image_sets import find_images as find_images
    from wildsr.data.learned import named_degradation as named_degradation
    from wildsr.data.loader import Batches as Batches
    from wildsr.data.pair_folders import items_of as items_of
    from wildsr.data.pair_folders import prepare as prepare
    from wildsr.data.pair_maker import Preparation as Preparation
    from wildsr.data.pair_maker import make_pair as make_pair
    from wildsr.data.pairs import find_pairs as find_pairs
    from wildsr.data.patches import Picker as Picker
    from wildsr.data.store import Store as Store
    from wildsr.data.store import write_store as write_store

_HOME_OF = {
    "Batches": "wildsr.data.loader",
    "DataError": "wildsr.data.errors",
    "DataUsageError": "wildsr.data.errors",
    "Dataset": "wildsr.data.datasets",
    "DegradedPairs": "wildsr.data.datasets",
    "FolderPairs": "wildsr.data.datasets",
    "ImageSet": "wildsr.data.image_sets",
    "Picker": "wildsr.data.patches",
    "Preparation": "wildsr.data.pair_maker",
    "Store": "wildsr.data.store",
    "TrainingSample": "wildsr.data.datasets",
    "Unpaired": "wildsr.data.datasets",
    "find_images": "wildsr.data.image_sets",
    "find_pairs": "wildsr.data.pairs",
    "items_of": "wildsr.data.pair_folders",
    "make_pair": "wildsr.data.pair_maker",
    "named_degradation": "wildsr.data.learned",
    "prepare": "wildsr.data.pair_folders",
    "write_store": "wildsr.data.store",
}

__all__ = [
    "Batches",
    "DataError",
    "DataUsageError",
    "Dataset",
    "DegradedPairs",
    "FolderPairs",
    "ImageSet",
    "Picker",
    "Preparation",
    "Store",
    "TrainingSample",
    "Unpaired",
    "find_images",
    "find_pairs",
    "items_of",
    "make_pair",
    "named_degradation",
    "prepare",
    "write_store",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr.data' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
