"""Reads plain safetensors files as NumPy arrays. Imports no torch."""

from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

_TYPES = ("F16", "F32")


def read_arrays(path: Path) -> dict[str, np.ndarray[Any, Any]] | None:
    """The tensors of a safetensors file as float32; None when it is damaged, or holds types that NumPy lacks."""
    try:
        with safe_open(path, framework="np") as file:
            names = list(file.keys())
            if any(file.get_slice(name).get_dtype() not in _TYPES for name in names):
                return None
            return {name: file.get_tensor(name).astype(np.float32) for name in names}
    except (OSError, SafetensorError, ValueError, OverflowError, MemoryError):
        return None
