"""Model files as named tensors. Their content decides how they are read, and none of it is ever executed."""

import io
import os
import pickle
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from wildsr.zoo.errors import ModelError
from wildsr.zoo.keras import MAGIC as KERAS_MAGIC
from wildsr.zoo.keras import read_keras
from wildsr.zoo.ncnn import MAGIC as NCNN_MAGIC
from wildsr.zoo.ncnn_graph import read_ncnn
from wildsr.zoo.pickle_scan import FOREIGN, RefusedPickle, scan

# A batch norm's count of passes: an integer, which nothing depends on.
_BATCH_COUNT = ".num_batches_tracked"
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
_PREFIXES = ("module.", "_orig_mod.")
_OUGHT_TO_BE_THERE = 1 << 16
_OTHER_FILES = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\xdd\x85\x76\x00": "an ncnn parameter file in binary form; ask for the .param file that is text",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
    b"version https://git-lfs": "a Git LFS pointer; download the real file",
    b"<": "a web page or XML; download the file itself",
}


class _Bounded(io.BufferedReader):
    """Never reserves memory for more than the file has, whatever length its content claims."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > _OUGHT_TO_BE_THERE:
            size = min(size, max(os.fstat(self.fileno()).st_size - self.tell(), 0))
        return super().read(size)


class Weights(NamedTuple):
    """The float32 tensors of a model file by name, and the text of its header."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]


def read_weights(path: Path) -> Weights:
    """The weights of a safetensors, PyTorch, ncnn or Keras file, as float32 on the CPU.

    Of several sets in one file, the averaged one.

    Raises:
        ModelError: when the file is missing, damaged, not a model, or would need code to be executed.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(64)
    except OSError as error:
        raise ModelError(f"cannot read {path}: {error.strerror or error}") from error
    weights = _reader_for(path, head, size)(path)
    tensors = {
        key: _float32(path, key, value)
        for key, value in weights.tensors.items()
        if not key.endswith(_BATCH_COUNT)
    }
    return Weights(tensors, weights.metadata)


def _reader_for(path: Path, head: bytes, size: int) -> Callable[[Path], Weights]:
    if not size:
        raise ModelError(f"{path} is empty; download or copy it again")
    # The weights of ncnn begin with nothing that would tell, and may look like the start of anything.
    if path.suffix.lower() == ".bin" and path.with_suffix(".param").is_file():
        return _read_ncnn
    # Next, since the length that a safetensors file begins with may look like the start of a pickle.
    if head[8:9] == b"{":
        return _read_safetensors
    if head.startswith(b"PK\x03\x04"):
        return _read_zip
    if head.startswith(b"\x80"):
        return _read_pickle
    if head.startswith(NCNN_MAGIC):
        return _read_ncnn
    if head.startswith(KERAS_MAGIC):
        return _read_keras
    for magic, kind in _OTHER_FILES.items():
        if head.lstrip().startswith(magic):
            raise ModelError(f"{path} is not a model but {kind}")
    if path.suffix.lower() == ".bin":
        return _read_ncnn  # says what is missing
    raise ModelError(
        f"{path} is not a model that wildsr knows: neither a safetensors, PyTorch, Keras, ncnn nor ONNX file"
    )


def _read_safetensors(path: Path) -> Weights:
    with path.open("rb") as head:
        length = int.from_bytes(head.read(8), "little")
    if 8 + length > path.stat().st_size:
        raise ModelError(f"{path} is truncated: it ends within its header; download or copy it again")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
            return Weights(_unprefixed(tensors), dict(file.metadata() or {}))
    except (SafetensorError, RuntimeError, ValueError, OverflowError, MemoryError) as error:
        raise ModelError(f"{path} is truncated or damaged ({error}); download or copy it again") from error


def _read_ncnn(path: Path) -> Weights:
    return Weights(read_ncnn(path), {})


def _read_keras(path: Path) -> Weights:
    return Weights(read_keras(path), {})


def _read_zip(path: Path) -> Weights:
    """A PyTorch file since version 1.6: a zip archive of a pickle and one uncompressed record per tensor."""
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
    if path.suffix.lower() != ".safetensors":
        return _read_torch(path, path)
    # torch.load goes by the suffix, and takes nothing but a path when it is to map the file.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return _read_torch(path, Path(shutil.copyfile(path, Path(folder) / "model.pth")))


def _require_plain(path: Path, records: list[zipfile.ZipInfo]) -> None:
    """Refuse archives of anything but weights, and those in which another reader might find something else."""
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
    """Refuse pickles that claim sizes or nest data so that loading them would take all memory or never end."""
    try:
        for _ in range(pickles):
            if not scan(stream, path.stat().st_size):
                break
    except RefusedPickle as error:
        raise ModelError(f"{path} {error}") from error


def _read_pickle(path: Path) -> Weights:
    """A PyTorch file from before version 1.6: pickles, then the tensors."""
    with _Bounded(io.FileIO(path)) as file:
        # The magic number, the version, the system, the weights and the names of their storages.
        _require_loadable(path, file, 5)
        file.seek(0)
        return _read_torch(path, file)


def _read_torch(path: Path, data: Path | IO[bytes]) -> Weights:
    # Mapping the file keeps every tensor inside its record, whatever size the pickle declares.
    mapped = isinstance(data, Path)
    try:
        content: object = torch.load(data, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        if "truncated" in str(error):
            raise ModelError(f"{path} is truncated; download or copy it again") from error
        raise ModelError(f"{path} {FOREIGN}") from error
    except Exception as error:  # torch.load answers a damaged file with whatever its parser stumbled over
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path} is truncated or damaged ({reason}); download or copy it again") from error
    tensors = _unprefixed(_state_dict(path, content))
    for key, tensor in tensors.items():
        _require_plain_tensor(path, key, tensor)
    declared = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    if declared > path.stat().st_size:
        raise ModelError(
            f"{path} is damaged: it declares {declared} bytes of weights, more than the file has"
        )
    return Weights(tensors, {})


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


def _unprefixed(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without the prefixes that DataParallel and torch.compile put before every name."""
    stripped = True
    while stripped:
        stripped = False
        for prefix in _PREFIXES:
            if tensors and all(key.startswith(prefix) for key in tensors):
                tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
                stripped = True
    return tensors


def _require_plain_tensor(path: Path, key: str, tensor: Tensor) -> None:
    """Refuse what has no values of its own, or other ones than it seems: such tensors fail in many ways."""
    kinds = {
        "without values": tensor.is_meta,
        "nested": tensor.is_nested,
        "sparse": tensor.layout != torch.strided,
        "quantised": tensor.is_quantized,
    }
    odd = next((kind for kind, it_is in kinds.items() if it_is), None)
    if odd is not None:
        raise ModelError(f"{path}: the tensor {key} is {odd}; wildsr reads plain floating-point weights")


def _float32(path: Path, key: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        raise ModelError(
            f"{path}: the tensor {key} is {tensor.dtype}; wildsr reads plain floating-point weights"
        )
    value = torch.empty(tensor.shape, dtype=torch.float32).copy_(tensor.detach())
    if not bool(torch.isfinite(value).all()):
        raise ModelError(f"{path}: the tensor {key} holds NaN or infinite values; the file is damaged")
    return value
