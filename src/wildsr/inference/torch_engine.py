"""The PyTorch engine, for GPUs and for CPUs that OpenVINO does not support."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from wildsr.inference.engine import OutOfMemory
from wildsr.storage.out_of_memory import is_out_of_memory


class TorchEngine:
    """Runs one network with PyTorch in channels_last; float16 on GPUs or bfloat16 on CPUs when ``half``."""

    def __init__(self, network: nn.Module, device: torch.device, half: bool) -> None:
        self.name = f"PyTorch {device} {'half' if half else 'f32'}"
        self._device = device
        self._dtype = torch.float32
        if half:
            self._dtype = torch.bfloat16 if device.type == "cpu" else torch.float16
        own = deepcopy(network)  # so that the caller's model stays on its device
        self._network = own.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(self, tile: Tensor) -> Tensor:
        """See :class:`wildsr.inference.engine.Engine`."""
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


def cpu_has_bf16() -> bool:
    """Whether PyTorch supports bfloat16 natively on this CPU."""
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
