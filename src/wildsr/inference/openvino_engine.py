"""The CPU engine: OpenVINO with static tile shapes and a cache of compiled models on disk.

Imports torch only where a network is used for the first time.
"""

import math
import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from wildsr.inference import openvino_cache
from wildsr.inference.engine import Array, NotFinite, OutOfMemory, Wait
from wildsr.inference.openvino_graph import convert, depends_on_size, with_outputs
from wildsr.inference.tile_costs import cpu_costs
from wildsr.storage.out_of_memory import is_out_of_memory
from wildsr.zoo.formats.openvino_runtime import core as _core
from wildsr.zoo.formats.openvino_runtime import openvino as _openvino

if TYPE_CHECKING:
    from torch import nn

_GRAPH = 6
"""Changes with the graphs that a network becomes, and with the form of their files."""
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
    """Runs one network, compiled for each tile shape; compiled models are cached in memory and on disk.

    ``identity`` names the network and its weights in the cache. ``network`` is called when it must be traced: if
    ``build`` gives no OpenVINO model of it.
    """

    def __init__(
        self,
        network: "Callable[[], nn.Module]",
        identity: str,
        half: bool,
        build: Callable[[], Any | None] = lambda: None,
    ) -> None:
        self.name = f"OpenVINO CPU {'bf16' if half else 'f32'}"
        self.version = str(_openvino().__version__)
        self.costs = cpu_costs(half)
        self._network, self._build = network, build
        self._kind = (_GRAPH, self.version, identity)
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
        cpu = _core().get_property("CPU", "FULL_DEVICE_NAME")
        capabilities = sorted(_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
        parts = (*self._kind, cpu, capabilities, os.cpu_count(), key, self._options)
        compiled = openvino_cache.load_compiled(parts, self._options)
        if compiled is None:
            height, width, levels = key
            model = self._shapeless(height, width).clone()
            model.reshape([1, 3, height, width])
            compiled = _core().compile_model(with_outputs(model, levels), "CPU", self._options)
            openvino_cache.keep_compiled(parts, compiled)
        return compiled

    def _shapeless(self, height: int, width: int) -> Any:
        """The network as a model of any height and width, or of these where its graph depends on them.

        The former is kept on disk, so that further shapes are compiled without PyTorch.
        """
        kept = (*self._kind, "converted")
        if self._converted is None:
            self._converted = openvino_cache.load_converted(kept)
        if self._converted is None:
            self._converted = self._build()
            if self._converted is None:
                network = self._network()
                if depends_on_size(network):
                    return convert(network, (height, width))
                self._converted = convert(network, (16, 16))
            openvino_cache.keep_converted(kept, self._converted)
        return self._converted


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
