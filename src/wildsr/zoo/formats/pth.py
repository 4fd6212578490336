"""Reads PyTorch's model files. Nothing in them is executed."""

import io
import os
import pickle
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import torch
from torch import Tensor

from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.named_weights import NamedWeights, unprefixed
from wildsr.zoo.formats.pickle_scan import FOREIGN, RefusedPickle, scan

_WRAPPERS = (
    "params_ema",
    "params",
    "state_dict_ema",
    "state_dict",
    "model_state_dict",
    "model_g_state_dict",
    "model",
    "net_g",
    "generator",
)
_READ_AT_ONCE = 1 << 16


class _Bounded(io.BufferedReader):
    """Never allocates more memory than the file has, whatever length its content claims."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > _READ_AT_ONCE:
            size = min(size, max(os.fstat(self.fileno()).st_size - self.tell(), 0))
        return super().read(size)


def read_zip(path: Path) -> NamedWeights:
    """A PyTorch file since version 1.6: a zip archive of a pickle and one uncompressed record per tensor."""
    require_safe_archive(path)
    if path.suffix.lower() != ".safetensors":
        return _read_torch(path, path)
    # torch.load depends on the suffix, and memory-maps only files given by path.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return _read_torch(path, Path(shutil.copyfile(path, Path(folder) / "model.pth")))


def require_safe_archive(path: Path) -> None:
    """Check a zip archive that is given to ``torch.load``; nothing is built or executed.

    Raises:
        ModelError: it is damaged, holds anything but tensors and plain data, or claims sizes that it does not have.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            _require_plain(path, records)
            for record in records:
                if record.filename.endswith("/data.pkl"):
                    with archive.open(record) as stream:
                        _require_loadable(path, stream, 1)
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError) as error:
        raise ModelError(f"{path} is truncated or damaged ({error}); download or copy it again") from error


def _require_plain(path: Path, records: list[zipfile.ZipInfo]) -> None:
    """Refuse archives of anything but weights, and those that other zip readers may read differently."""
    names = {record.filename.partition("/")[2] for record in records}
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        raise ModelError(
            f"{path} is a TorchScript archive, which contains a program; wildsr never executes code from a "
            "model file: ask for the weights (state dict) instead"
        )
    if "data.pkl" not in names:
        raise ModelError(f"{path} is a zip archive, not a model; unpack it and give the model file inside")
    size = path.stat().st_size
    if any(record.compress_type != zipfile.ZIP_STORED for record in records):
        raise ModelError(f"{path} is not as PyTorch writes model files: its records are compressed")
    if len({record.filename for record in records}) < len(records):
        raise ModelError(
            f"{path} is not as PyTorch writes model files: two of its records have the same name"
        )
    if any(max(record.file_size, record.compress_size) > size for record in records):
        raise ModelError(
            f"{path} is truncated or damaged: it has records that are larger than the whole file"
        )


def _require_loadable(path: Path, stream: IO[bytes], pickles: int) -> None:
    """Refuse pickles that claim sizes or nest data so that loading them would exhaust memory or never end."""
    try:
        for _ in range(pickles):
            if not scan(stream, path.stat().st_size):
                break
    except RefusedPickle as error:
        raise ModelError(f"{path} {error}") from error


def read_pickle(path: Path) -> NamedWeights:
    """A PyTorch file from before version 1.6: pickles, then the tensors."""
    with _Bounded(io.FileIO(path)) as file:
        # The magic number, the version, the system, the weights and the names of their storages.
        _require_loadable(path, file, 5)
        file.seek(0)
        return _read_torch(path, file)


def _read_torch(path: Path, data: Path | IO[bytes]) -> NamedWeights:
    # Mapping the file keeps every tensor inside its record, whatever size the pickle declares.
    mapped = isinstance(data, Path)
    try:
        content: object = torch.load(data, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        if "truncated" in str(error):
            raise ModelError(f"{path} is truncated; download or copy it again") from error
        raise ModelError(f"{path} {FOREIGN}") from error
    except Exception as error:  # torch.load raises many kinds of errors for damaged files
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path} is truncated or damaged ({reason}); download or copy it again") from error
    tensors = unprefixed(_state_dict(path, content))
    for key, tensor in tensors.items():
        _require_plain_tensor(path, key, tensor)
    declared = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if declared > path.stat().st_size:
        raise ModelError(
            f"{path} is damaged: it declares {declared} bytes of weights, more than the file has"
        )
    return NamedWeights(tensors, {})


def _state_dict(path: Path, content: object) -> dict[str, Tensor]:
    """The tensors of a possibly nested checkpoint."""
    for _ in range(4):
        if not isinstance(content, Mapping):
            break
        inner = [content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)]
        if not inner:
            return {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
        content = inner[0]
    raise ModelError(
        f"{path} holds {type(content).__name__} instead of named weights; ask for the state dict"
    )


def _require_plain_tensor(path: Path, key: str, tensor: Tensor) -> None:
    """Refuse tensors without plain values (meta, nested, sparse, quantised)."""
    kinds = {
        "without values": tensor.is_meta,
        "nested": tensor.is_nested,
        "sparse": tensor.layout != torch.strided,
        "quantised": tensor.is_quantized,
    }
    odd = next((kind for kind, it_is in kinds.items() if it_is), None)
    if odd is not None:
        raise ModelError(f"{path}: the tensor {key} is {odd}; wildsr reads plain floating-point weights")
