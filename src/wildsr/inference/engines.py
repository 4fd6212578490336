"""Chooses the engine: OpenVINO on CPUs where it works, PyTorch otherwise."""

import torch
from torch import nn

from wildsr.inference import openvino_engine
from wildsr.inference.engine import Maker
from wildsr.inference.torch_engine import TorchEngine, cpu_has_bf16


def engine_maker(network: nn.Module, identity: str, device: torch.device) -> tuple[Maker, bool]:
    """The maker of engines for ``network`` on ``device``, and whether half precision is faster there.

    ``identity`` names the network and its weights; compiled models are cached under it.
    """
    if device.type == "cpu" and openvino_engine.works():
        return (
            lambda half: openvino_engine.OpenVinoEngine(network, identity, half),
            openvino_engine.has_bf16(),
        )
    half_helps = device.type != "cpu" or cpu_has_bf16()
    return lambda half: TorchEngine(network, device, half), half_helps
