"""The PyTorch engine, for GPUs and for CPUs that OpenVINO does not support."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from traceback import clear_frames

import torch
from torch import Tensor, nn

from wildsr.inference.engine import Array, NotFinite, OutOfMemory, Wait
from wildsr.inference.tile_costs import FLAT, cpu_costs
from wildsr.storage.out_of_memory import is_out_of_memory

_MOST_TILES = 8
_BYTES_PER_PIXEL = 16 << 10
"""Memory assumed for each LR pixel of a batch: twice that of RRDBNet-23 in half precision."""


class TorchEngine:
    """Runs one network with PyTorch in channels_last; float16 on GPUs or bfloat16 on CPUs when ``half``.

    On CUDA, tiles are copied from and to pinned memory without waiting, and levels are rounded there, so that a
    quarter of the bytes come back. Float32 is not replaced by TF32.
    """

    def __init__(self, network: nn.Module, device: torch.device, half: bool) -> None:
        self.name = f"PyTorch {device} {'half' if half else 'f32'}"
        self.version = str(torch.__version__)
        self.costs = FLAT if device.type != "cpu" else cpu_costs(half)
        self._device = device
        self._dtype = torch.float32
        if half:
            self._dtype = torch.bfloat16 if device.type == "cpu" else torch.float16
        own = deepcopy(network)  # so that the caller's model stays on its device
        self._network = own.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        if half:
            # Once here: autocast would convert the weights anew for every tile.
            for part in self._network.modules():
                if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                    part.to(self._dtype)

    def batch(self, height: int, width: int) -> int:
        """See :class:`wildsr.inference.engine.Engine`: several on CUDA, as many as its free memory surely holds."""
        if self._device.type != "cuda":
            return 1
        free, _ = torch.cuda.mem_get_info(self._device)
        # Memory that PyTorch keeps for reuse is not free for the driver, but it is for the next tiles.
        free += torch.cuda.memory_reserved(self._device) - torch.cuda.memory_allocated(self._device)
        return max(1, min(_MOST_TILES, free // (_BYTES_PER_PIXEL * height * width)))

    def start(self, tiles: Array, levels: bool) -> Wait:
        """See :class:`wildsr.inference.engine.Engine`."""
        cuda = self._device.type == "cuda"
        with self._computing():
            given = torch.from_numpy(tiles)
            given = given.pin_memory() if cuda else given
            given = given.to(self._device, non_blocking=True).contiguous(memory_format=torch.channels_last)
            out: Tensor = self._network(given).float()
            finite = torch.isfinite(out).all()
            out = _levels(out) if levels else out.contiguous()
            if not cuda:
                pixels, sound, done = out.cpu(), finite, None
            else:
                pixels, sound = _copied(out), _copied(finite)
                done = torch.cuda.Event()  # type: ignore[no-untyped-call]
                done.record()

        def wait() -> Array:
            with self._computing():
                if done is not None:
                    done.synchronize()
                if not bool(sound):
                    raise NotFinite("NaN or infinite values")
            result: Array = pixels.numpy()
            return result

        return wait

    @contextmanager
    def _computing(self) -> Iterator[None]:
        half = self._dtype is not torch.float32
        try:
            with ExitStack() as stack:
                stack.enter_context(torch.inference_mode())
                stack.enter_context(torch.autocast(self._device.type, dtype=self._dtype, enabled=half))
                if self._device.type == "cuda":
                    # Events and pinned memory belong to the current device, which may be another GPU.
                    stack.enter_context(torch.cuda.device(self._device))
                    # Tiles have few shapes, so the search for the fastest algorithm is soon repaid.
                    stack.enter_context(
                        torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False)
                    )
                yield
        except RuntimeError as error:
            if is_out_of_memory(error):
                # The traceback holds what the layers were computing, so that none of it would be free.
                clear_frames(error.__traceback__)
                if self._device.type == "cuda":
                    torch.cuda.empty_cache()
                raise OutOfMemory(str(error)) from error
            raise


def _levels(pixels: Tensor) -> Tensor:
    """(n, 3, H, W) floats as (n, H, W, 3) uint8."""
    return pixels.clamp(0, 1).mul(255).round().byte().permute(0, 2, 3, 1).contiguous()


def _copied(values: Tensor) -> Tensor:
    """A copy in pinned memory, complete when the stream gets there."""
    return torch.empty(values.shape, dtype=values.dtype, pin_memory=True).copy_(values, non_blocking=True)


def cpu_has_bf16() -> bool:
    """Whether PyTorch supports bfloat16 natively on this CPU."""
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
