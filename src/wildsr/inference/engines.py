"""Chooses the engine: OpenVINO on CPUs where it works, PyTorch otherwise. Imports torch for the latter only."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from wildsr.inference import openvino_engine
from wildsr.inference.engine import Maker
from wildsr.storage.devices import certainly_cpu, pick_device

if TYPE_CHECKING:
    from torch import nn


def engine_maker(network: "Callable[[], nn.Module]", identity: str, device: str) -> tuple[Maker, bool]:
    """The maker of engines for a network on ``device``, and whether half precision is faster there.

    ``network`` is called when the network is needed. ``identity`` names it and its weights; compiled models are
    cached under it. Raises ``ValueError`` for a device that is not available.
    """
    cpu = certainly_cpu(device) or pick_device(device).type == "cpu"
    if cpu and openvino_engine.works():
        return (
            lambda half: openvino_engine.OpenVinoEngine(network, identity, half),
            openvino_engine.has_bf16(),
        )
    from wildsr.inference.torch_engine import TorchEngine, cpu_has_bf16

    picked = pick_device(device)
    half_helps = not cpu or cpu_has_bf16()
    return lambda half: TorchEngine(network(), picked, half), half_helps
