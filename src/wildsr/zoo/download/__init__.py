"""Brings model files into the user's folder: downloads and copies, verified. Imports no torch."""

from wildsr.zoo.download.install import MIRROR_VARIABLE, add, pull, remove
from wildsr.zoo.download.transfer import PATIENT, OnBytes, Patience, download

__all__ = ["MIRROR_VARIABLE", "PATIENT", "OnBytes", "Patience", "add", "download", "pull", "remove"]
