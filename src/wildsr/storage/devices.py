"""Which device to compute on."""

import torch


def pick_device(wanted: str) -> torch.device:
    """The device for ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``; ``auto`` prefers CUDA, then MPS, then the CPU.

    Raises:
        ValueError: the device is unknown or not available.
    """
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
