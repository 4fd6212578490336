"""Reads safetensors files."""

from pathlib import Path

from safetensors import SafetensorError, safe_open

from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.named_weights import NamedWeights, unprefixed


def read_safetensors(path: Path) -> NamedWeights:
    """The tensors of a safetensors file, and its metadata. Raises ModelError when it is damaged."""
    with path.open("rb") as head:
        length = int.from_bytes(head.read(8), "little")
    if 8 + length > path.stat().st_size:
        raise ModelError(f"{path} is truncated: it ends within its header; download or copy it again")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
            return NamedWeights(unprefixed(tensors), dict(file.metadata() or {}))
    except (SafetensorError, RuntimeError, ValueError, OverflowError, MemoryError) as error:
        raise ModelError(f"{path} is truncated or damaged ({error}); download or copy it again") from error
