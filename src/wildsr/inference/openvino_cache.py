"""Models of OpenVINO on disk: compiled for one shape of tiles, or only converted from PyTorch. Imports no torch."""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

from wildsr.storage.atomic import write_bytes
from wildsr.storage.caches import cache_folder
from wildsr.zoo.formats.openvino_runtime import core, openvino

CACHE_LIMIT = 512 * 2**20
"""Bytes of models kept on disk; the least recently used are deleted first."""
_DIGEST_BYTES = 32
_LENGTH_BYTES = 8


def load_compiled(key: object, options: dict[str, str]) -> Any:
    """The model that was compiled under this key for the CPU; None if there is none, or it is damaged."""
    path = _path(key)
    try:
        compiled = core().import_model(_content(path), "CPU", options)
        os.utime(path)
        return compiled
    except (OSError, ValueError, RuntimeError):
        return None


def keep_compiled(key: object, compiled: Any) -> None:
    """Write a compiled model to the cache if possible; a full or read-only disk is no error."""
    try:
        exported = compiled.export_model()
        _write(_path(key), exported if isinstance(exported, bytes) else exported.getvalue())
    except (OSError, RuntimeError):
        return


def load_converted(key: object) -> Any:
    """The model, without a shape, that was kept under this key; None if there is none, or it is damaged."""
    path = _path(key)
    try:
        content = memoryview(_content(path))
        graph = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
        model = core().read_model(bytes(content[_LENGTH_BYTES:graph]), bytes(content[graph:]))
        os.utime(path)
        return model
    except (OSError, ValueError, RuntimeError):
        return None


def keep_converted(key: object, model: Any) -> None:
    """Write a model without a shape to the cache if possible, see :func:`keep_compiled`."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            graph, weights = Path(folder, "model.xml"), Path(folder, "model.bin")
            openvino().serialize(model, graph, weights)
            text = graph.read_bytes()
            _write(_path(key), len(text).to_bytes(_LENGTH_BYTES, "little") + text + weights.read_bytes())
    except (OSError, RuntimeError):
        return


def _path(key: object) -> Path:
    return cache_folder("openvino") / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.blob"


def _digest_of(content: bytes) -> bytes:
    """BLAKE2b, which takes half the time of SHA-256 where the processor has no instructions for that."""
    return hashlib.blake2b(content, digest_size=_DIGEST_BYTES).digest()


def _content(path: Path) -> bytes:
    """A file of the cache, verified by the digest that it begins with, since a changed bit changes results.

    Raises:
        OSError: when there is none, or it cannot be read.
        ValueError: when its content has changed.
    """
    whole = path.read_bytes()
    content = whole[_DIGEST_BYTES:]
    if whole[:_DIGEST_BYTES] != _digest_of(content):
        raise ValueError(f"{path} is damaged")
    return content


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # private: its content is executed
    write_bytes(path, _digest_of(content) + content)
    _prune(path.parent)


def _prune(folder: Path) -> None:
    kept = sorted(folder.glob("*.blob"), key=lambda p: p.stat().st_mtime, reverse=True)
    total = 0
    for path in kept:
        total += path.stat().st_size
        if total > CACHE_LIMIT:
            path.unlink(missing_ok=True)
