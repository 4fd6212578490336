"""The CPU engine: OpenVINO with static tile shapes and a cache of compiled models on disk.

Imports torch only where a model is compiled for the first time.
"""

import hashlib
import math
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wildsr.inference.engine import Array, NotFinite, OutOfMemory, Wait
from wildsr.inference.tile_costs import cpu_costs
from wildsr.storage.atomic import write_bytes
from wildsr.storage.caches import cache_folder
from wildsr.storage.out_of_memory import is_out_of_memory
from wildsr.zoo.formats.openvino_runtime import core as _core
from wildsr.zoo.formats.openvino_runtime import openvino as _openvino

if TYPE_CHECKING:
    from torch import nn

CACHE_LIMIT = 512 * 2**20
"""Bytes of compiled models kept on disk; the least recently used are deleted first."""

_DIGEST_BYTES = 32
_GRAPH = 2
"""Changes whenever :mod:`wildsr.inference.openvino_graph` makes other graphs of the same networks."""
KEPT_IN_MEMORY = 4
"""Compiled models that one engine holds; each has its own copy of the weights. The most recently used are kept."""

_Key = tuple[int, int, bool]
"""Height and width of a tile, and whether the result is levels."""


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


class _Request:
    """One inference request of a compiled model, and its input, which it only borrows."""

    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()
        self._input: Array | None = None

    def start(self, tile: Array) -> None:
        if self._input is not None:  # its result was never asked for, since the image was cancelled
            self._request.wait()
        self._input = np.ascontiguousarray(tile)
        self._request.set_input_tensor(_openvino().Tensor(self._input, shared_memory=True))
        self._request.start_async()

    def wait(self) -> Array:
        self._request.wait()
        self._input = None
        if not math.isfinite(float(self._request.get_output_tensor(1).data)):
            raise NotFinite("NaN or infinite values")
        pixels: Array = self._request.get_output_tensor(0).data
        return pixels


class OpenVinoEngine:
    """Runs one network, compiled for each tile shape; compiled models are cached in memory and on disk."""

    def __init__(self, network: "Callable[[], nn.Module]", identity: str, half: bool) -> None:
        self.name = f"OpenVINO CPU {'bf16' if half else 'f32'}"
        self.version = str(_openvino().__version__)
        self.costs = cpu_costs(half)
        self._network = network
        self._identity = identity
        self._options = {
            "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
            "PERFORMANCE_HINT": "LATENCY",
        }
        self._converted: Any = None
        self._requests: dict[_Key, list[_Request]] = {}

    def batch(self, height: int, width: int) -> int:  # noqa: ARG002
        """See :class:`wildsr.inference.engine.Engine`."""
        return 1

    def start(self, tiles: Array, levels: bool) -> Wait:
        """See :class:`wildsr.inference.engine.Engine`; one tile at a time."""
        key = (tiles.shape[-2], tiles.shape[-1], levels)
        with _Memory(self._requests):
            pair = self._requests.pop(key, None)
            if pair is None:
                compiled = self._compile(key)
                pair = [_Request(compiled), _Request(compiled)]
            while len(self._requests) >= KEPT_IN_MEMORY:
                del self._requests[next(iter(self._requests))]
            pair.reverse()
            self._requests[key] = pair
            pair[0].start(tiles)

        def wait(request: _Request = pair[0]) -> Array:
            with _Memory(self._requests):
                return request.wait()

        return wait

    def _compile(self, key: _Key) -> Any:
        path = cache_folder("openvino") / f"{self._digest(key)}.blob"
        try:
            compiled = _core().import_model(_cached(path), "CPU", self._options)
            os.utime(path)
            return compiled
        except (OSError, ValueError, RuntimeError):
            compiled = self._convert_and_compile(key)
            _keep(path, compiled)
            return compiled

    def _convert_and_compile(self, key: _Key) -> Any:
        from wildsr.inference.openvino_graph import convert, depends_on_size, with_outputs

        height, width, levels = key
        network = self._network()
        per_size = depends_on_size(network)
        if self._converted is None or per_size:
            self._converted = convert(network, (height, width) if per_size else (16, 16))
        model = self._converted.clone()
        model.reshape([1, 3, height, width])
        return _core().compile_model(with_outputs(model, levels), "CPU", self._options)

    def _digest(self, key: _Key) -> str:
        cpu = _core().get_property("CPU", "FULL_DEVICE_NAME")
        capabilities = sorted(_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
        parts = [
            _GRAPH,
            self.version,
            cpu,
            capabilities,
            os.cpu_count(),
            self._identity,
            key,
            self._options,
        ]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def limit_threads(count: int) -> None:
    """Compute with at most ``count`` threads from now on in this process."""
    _core().set_property("CPU", {"INFERENCE_NUM_THREADS": count})


class _Memory:
    """Turns the runtime's errors about memory into OutOfMemory, and frees the compiled models."""

    def __init__(self, requests: dict[_Key, list[_Request]]) -> None:
        self._requests = requests

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (RuntimeError, MemoryError)) and is_out_of_memory(error):
            self._requests.clear()
            raise OutOfMemory(str(error)) from error


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
