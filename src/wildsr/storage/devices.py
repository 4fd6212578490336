"""Choice of the device to compute on."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_DRIVERS = ("/proc/driver/nvidia", "/dev/nvidiactl", "/dev/nvhost-gpu", "/dev/kfd", "/dev/dxg")
"""Files that the drivers of GPUs make on Linux: NVIDIA, its Jetson boards, AMD, and either within WSL."""


def pick_device(wanted: str) -> "torch.device":
    """The device for ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; ``auto`` prefers CUDA, then MPS, then the CPU.

    Raises:
        ValueError: the device is unknown or not available.
    """
    import torch

    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise ValueError(f"unknown device '{wanted}'; use auto, cpu, cuda, cuda:N or mps") from error
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if device.type not in available:
        raise ValueError(f"unknown device '{wanted}'; use auto, cpu, cuda, cuda:N or mps")
    if not available[device.type]:
        raise ValueError(f"device '{wanted}' is not available here; --device auto picks one that is")
    return device


def certainly_cpu(wanted: str) -> bool:
    """Whether :func:`pick_device` would return the CPU, as far as that is known without importing torch."""
    if wanted != "auto":
        return wanted == "cpu"
    if not sys.platform.startswith("linux"):
        return False
    return not _built_for_gpus() or not any(Path(file).exists() for file in _DRIVERS)


def _built_for_gpus() -> bool:
    """Whether the installed torch has the libraries of a GPU."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return True
    return any((Path(spec.origin).parent / "lib").glob("libtorch_[ch][ui][dp]*"))
