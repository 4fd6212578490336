"""Mixed precision: networks compute in half precision, losses in float32."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn


def autocast_type(fabric: Fabric) -> torch.dtype | None:
    """The type in which networks compute: bfloat16 or float16; None for the type of their weights."""
    kind = fabric.device.type
    with fabric.autocast():
        return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None


@contextmanager
def float32_results(fabric: Fabric, networks: Iterable[nn.Module]) -> Iterator[None]:
    """Under autocast, convert the outputs of the networks to float32, in which losses are computed."""
    handles = []
    if autocast_type(fabric) is not None:
        handles = [
            network.register_forward_hook(lambda _, __, result: _float32(result)) for network in networks
        ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _float32(result: Any) -> Any:
    if isinstance(result, Tensor):
        return result.float() if result.is_floating_point() else result
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        return type(result)(*(_float32(part) for part in result))
    if isinstance(result, tuple | list):
        return type(result)(_float32(part) for part in result)
    return result
