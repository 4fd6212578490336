"""What runs a network on one tile: OpenVINO on CPUs, PyTorch on CUDA and MPS and wherever OpenVINO is not."""

from collections.abc import Callable
from copy import deepcopy
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

Precision = Literal["auto", "exact", "half"]
"""``exact`` computes in float32; ``half`` in bfloat16 or float16; ``auto`` in half precision where the network keeps
:data:`wildsr.inference.fidelity.FAITHFUL` dB to float32."""


class Engine(Protocol):
    """Runs one network on tiles; shapes may change from call to call, a new one may cost a compilation."""

    name: str

    def run(self, tile: Tensor) -> Tensor:
        """Network output for a float32 (1, 3, h, w) tile on the CPU, as float32 on the CPU."""
        ...


class OutOfMemory(RuntimeError):
    """A tile did not fit; a smaller one may."""


Maker = Callable[[bool], Engine]
"""Makes an engine for one network: in half precision, or in float32."""


class TorchEngine:
    """PyTorch, in channels_last; float16 on GPUs or bfloat16 on CPUs when ``half``."""

    def __init__(self, network: nn.Module, device: torch.device, half: bool) -> None:
        self.name = f"PyTorch {device} {'half' if half else 'f32'}"
        self._device = device
        self._dtype = torch.float32
        if half:
            self._dtype = torch.bfloat16 if device.type == "cpu" else torch.float16
        own = deepcopy(network)  # the caller's model stays where it is
        self._network = own.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(self, tile: Tensor) -> Tensor:
        """See :class:`Engine`."""
        half = self._dtype is not torch.float32
        try:
            with torch.inference_mode(), torch.autocast(self._device.type, dtype=self._dtype, enabled=half):
                given = tile.to(self._device).contiguous(memory_format=torch.channels_last)
                out: Tensor = self._network(given)
                return out.float().cpu().contiguous()
        except RuntimeError as error:
            if is_out_of_memory(error):
                if self._device.type == "cuda":
                    torch.cuda.empty_cache()
                raise OutOfMemory(str(error)) from error
            raise


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a runtime's error says that memory ran out; each says it in its own words."""
    text = str(error).lower()
    signs = ("out of memory", "not enough memory", "can't allocate memory", "failed to allocate", "bad_alloc")
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(sign in text for sign in signs)


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
    if device.type == "cpu":
        from wildsr.inference import openvino_engine

        if openvino_engine.works():
            return (
                lambda half: openvino_engine.OpenVinoEngine(network, identity, half),
                openvino_engine.has_bf16(),
            )
    half_helps = device.type != "cpu" or (_cpu_has_bf16())
    return lambda half: TorchEngine(network, device, half), half_helps


def _cpu_has_bf16() -> bool:
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
