"""Which engine runs a network: OpenVINO on CPUs, PyTorch on CUDA and MPS and wherever OpenVINO is not."""

import torch
from torch import nn

from wildsr.inference import openvino_engine
from wildsr.inference.engine import Maker
from wildsr.inference.torch_engine import TorchEngine, cpu_has_bf16


def pick_device(wanted: str) -> torch.device:
    """The device to use for ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``; ``ValueError`` when it is not there."""
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as error:
        raise ValueError(f"unknown device '{wanted}'; use auto, cpu, cuda, cuda:N or mps") from error
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if device.type not in there:
        raise ValueError(f"unknown device '{wanted}'; use auto, cpu, cuda, cuda:N or mps")
    if not there[device.type]:
        raise ValueError(f"device '{wanted}' is not available here; --device auto picks one that is")
    return device


def engine_maker(network: nn.Module, identity: str, device: torch.device) -> tuple[Maker, bool]:
    """The maker of engines for ``network`` on ``device``, and whether half precision is of any use there.

    ``identity`` names the network and its weights; compiled models are cached under it.
    """
    if device.type == "cpu" and openvino_engine.works():
        return (
            lambda half: openvino_engine.OpenVinoEngine(network, identity, half),
            openvino_engine.has_bf16(),
        )
    half_helps = device.type != "cpu" or cpu_has_bf16()
    return lambda half: TorchEngine(network, device, half), half_helps
