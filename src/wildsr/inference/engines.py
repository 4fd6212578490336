"""Chooses the engine: OpenVINO on CPUs where it works, PyTorch otherwise. Imports torch for the latter only."""

from typing import TYPE_CHECKING, Any

from wildsr.inference import openvino_engine, openvino_networks
from wildsr.inference.engine import Maker
from wildsr.storage.devices import certainly_cpu, pick_device
from wildsr.zoo.model import Model

if TYPE_CHECKING:
    from torch import nn


def engine_maker(model: Model, device: str) -> tuple[Maker, bool]:
    """The maker of engines for a model on ``device``, and whether half precision is faster there.

    The engines run the part of the network that depends on a tile alone, from and to [0, 1].

    Raises ``ValueError`` for a device that is not available.
    """
    cpu = certainly_cpu(device) or pick_device(device).type == "cpu"
    if cpu and openvino_engine.works():
        identity = model.identity()
        return (
            lambda half: openvino_engine.OpenVinoEngine(
                lambda: _local(model), identity, half, lambda: _built(model)
            ),
            openvino_engine.has_bf16(),
        )
    from wildsr.inference.torch_engine import TorchEngine, cpu_has_bf16

    picked = pick_device(device)
    half_helps = not cpu or cpu_has_bf16()
    return lambda half: TorchEngine(_local(model), picked, half), half_helps


def _local(model: Model) -> "nn.Module":
    from wildsr.zoo.unit_range import LocalPart

    return LocalPart(model.unit_range)


def _built(model: Model) -> Any | None:
    """The model for OpenVINO where its architecture needs no PyTorch for that."""
    contract = model.contract
    if contract.architecture not in openvino_networks.ARCHITECTURES or contract.value_range != 1:
        return None
    weights = model.weights()
    return None if weights is None else openvino_networks.built(contract.architecture, weights)
