"""The models with names: embedded, published, and those in the user's folder. Imports no torch."""

from wildsr.zoo.catalogue.entries import (
    ALIASES,
    EMBEDDED,
    FOLDER_VARIABLE,
    SUFFIXES,
    ModelEntry,
    available,
    catalogue,
    describe,
    find,
    models_folder,
    user_models,
)
from wildsr.zoo.catalogue.published import PUBLISHED
from wildsr.zoo.catalogue.published_model import Project, PublishedModel

__all__ = [
    "ALIASES",
    "EMBEDDED",
    "FOLDER_VARIABLE",
    "PUBLISHED",
    "SUFFIXES",
    "ModelEntry",
    "Project",
    "PublishedModel",
    "available",
    "catalogue",
    "describe",
    "find",
    "models_folder",
    "user_models",
]
