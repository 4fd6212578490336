"""The CPU engine: OpenVINO with static tile shapes and a cache of compiled models on disk."""

import hashlib
import os
import warnings
from functools import cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from wildsr.inference.engine import OutOfMemory
from wildsr.storage.atomic import write_bytes
from wildsr.storage.caches import cache_folder
from wildsr.storage.out_of_memory import is_out_of_memory
from wildsr.zoo.formats.openvino_runtime import core as _core
from wildsr.zoo.formats.openvino_runtime import openvino as _openvino

CACHE_LIMIT = 512 * 2**20
"""Bytes of compiled models kept on disk; the least recently used are deleted first."""

_DIGEST_BYTES = 32
KEPT_IN_MEMORY = 4
"""Compiled models that one engine holds; each has its own copy of the weights. The most recently used are kept."""


@cache
def works() -> bool:
    """Whether OpenVINO can be imported and supports this CPU."""
    try:
        return "CPU" in _core().available_devices
    except (ImportError, OSError, RuntimeError):
        return False


def has_bf16() -> bool:
    """Whether the CPU supports bfloat16."""
    return "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


@runtime_checkable
class _HasOpenVinoModel(Protocol):
    def openvino_model(self) -> Any: ...


class OpenVinoEngine:
    """Runs one network, compiled for each tile shape; compiled models are cached in memory and on disk."""

    def __init__(self, network: nn.Module, identity: str, half: bool) -> None:
        self.name = f"OpenVINO CPU {'bf16' if half else 'f32'}"
        self._network = network
        self._identity = identity
        self._options = {
            "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._converted: Any = None
        self._sizes_differ = any(getattr(part, "traced_per_size", False) for part in network.modules())
        self._requests: dict[tuple[int, int], Any] = {}

    def run(self, tile: Tensor) -> Tensor:
        """See :class:`wildsr.inference.engine.Engine`."""
        shape = (tile.shape[-2], tile.shape[-1])
        try:
            request = self._requests.pop(shape, None) or self._compile(shape).create_infer_request()
            while len(self._requests) >= KEPT_IN_MEMORY:
                del self._requests[next(iter(self._requests))]
            self._requests[shape] = request
            outputs = request.infer([tile.contiguous().numpy()], share_inputs=True)
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                self._requests.clear()
                raise OutOfMemory(str(error)) from error
            raise
        return torch.from_numpy(outputs[0])

    def _compile(self, shape: tuple[int, int]) -> Any:
        path = cache_folder("openvino") / f"{self._key(shape)}.blob"
        try:
            compiled = _core().import_model(_cached(path), "CPU", self._options)
            os.utime(path)
            return compiled
        except (OSError, ValueError, RuntimeError):
            compiled = self._convert_and_compile(shape)
            _keep(path, compiled)
            return compiled

    def _convert_and_compile(self, shape: tuple[int, int]) -> Any:
        if self._converted is None or self._sizes_differ:
            self._converted = _convert(self._network, shape if self._sizes_differ else (16, 16))
        self._converted.reshape([1, 3, *shape])
        return _core().compile_model(self._converted, "CPU", self._options)

    def _key(self, shape: tuple[int, int]) -> str:
        cpu = _core().get_property("CPU", "FULL_DEVICE_NAME")
        capabilities = sorted(_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
        parts = [
            _openvino().__version__,
            cpu,
            capabilities,
            os.cpu_count(),
            self._identity,
            shape,
            self._options,
        ]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _convert(network: nn.Module, example: tuple[int, int]) -> Any:
    """Convert a network, traced with an image of size ``example``, to an OpenVINO model of any height and width.

    Networks whose trace is valid for one size only, marked by ``traced_per_size``, are traced for every size. Networks
    with a module that has the method ``openvino_model`` use that model. The frontend is called directly, since
    OpenVINO's convert_model sends telemetry.
    """
    for module in network.modules():
        if isinstance(module, _HasOpenVinoModel):
            return module.openvino_model()
    _openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with torch.no_grad(), warnings.catch_warnings():
        # Deprecated in favour of torch.export, whose graphs OpenVINO cannot yet give free sizes.
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            network.eval(), torch.zeros(1, 3, *example), check_trace=False
        )
    frontend = FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(traced)  # must outlive convert(): the frontend only borrows it
    return frontend.convert(frontend.load(decoder))


def _cached(path: Path) -> bytes:
    """A compiled model from the cache, verified by the digest that precedes it, since a changed bit changes results.

    Raises:
        OSError: when there is none, or it cannot be read.
        ValueError: when its content has changed.
    """
    content = path.read_bytes()
    digest, model = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if digest != hashlib.sha256(model).digest():
        raise ValueError(f"{path} is damaged")
    return model


def _keep(path: Path, compiled: Any) -> None:
    """Write a compiled model to the cache if possible; a full or read-only disk is no error."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # private: its content is executed
        exported = compiled.export_model()
        model = exported if isinstance(exported, bytes) else exported.getvalue()
        write_bytes(path, hashlib.sha256(model).digest() + model)
        _prune(path.parent)
    except (OSError, RuntimeError):
        return


def _prune(folder: Path) -> None:
    kept = sorted(folder.glob("*.blob"), key=lambda p: p.stat().st_mtime, reverse=True)
    total = 0
    for path in kept:
        total += path.stat().st_size
        if total > CACHE_LIMIT:
            path.unlink(missing_ok=True)
