"""Loads a catalogue name or a file as a Model, or a file as a network without a contract.

A file that was loaded before is known by its digest: its network is then built, and torch imported, on first use only.
"""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from wildsr.storage.digest import sha256_of
from wildsr.zoo.catalogue import ModelEntry, find
from wildsr.zoo.errors import ModelError, UnknownArchitecture
from wildsr.zoo.formats.onnx_file import is_onnx
from wildsr.zoo.header import Header
from wildsr.zoo.model import Contract, Model
from wildsr.zoo.records import KnownModel, recall, remember

if TYPE_CHECKING:
    from torch import nn

_TWO_FILES = (".param", ".bin")
"""Suffixes of models of two files, of which one digest says too little."""


def load(name_or_path: str | os.PathLike[str] = "default") -> Model:
    """The model of a catalogue name, of a file, or of a file in the user's model folder (by stem).

    Reads safetensors, PyTorch, Keras and ncnn files of every architecture in
    :data:`wildsr.zoo.architectures.SUPPORTED`, which is recognised from the weights alone, and ONNX files of any
    network that upscales RGB images. Other architectures are left to the package spandrel, where it is installed.
    The model is on the CPU, in float32, in evaluation mode, without gradients. Nothing in a file is ever executed.

    Raises:
        ModelError: when there is no such name or file, or the file is not a model that wildsr can run.
    """
    name, path, entry = find(name_or_path)
    if is_onnx(path):
        from wildsr.zoo.formats.onnx import load_onnx

        return load_onnx(path, name)
    return _recalled(name, path, entry) or _loaded(name, path, entry)


def _recalled(name: str, path: Path, entry: ModelEntry | None) -> Model | None:
    """The model of a file that was loaded before, without its network."""
    if path.suffix.lower() in _TWO_FILES:
        return None
    try:
        digest = sha256_of(path)
    except OSError:
        return None
    record = recall(digest)
    if record is None:
        return None
    licence, source, trained_on = _facts(path, entry, digest, Header.parse(record.metadata))
    contract = Contract(
        name=name,
        architecture=record.architecture,
        sizes=record.sizes,
        scale=record.scale,
        value_range=record.value_range,
        size_multiple=record.size_multiple,
        receptive_field=record.receptive_field,
        overlap=record.overlap,
        largest_tile=record.largest_tile,
        licence=licence,
        source=source,
        sha256=digest,
        trained_on=trained_on,
    )
    return Model.deferred(
        partial(_unchanged, path, digest), contract, record.identity, record.whole_image, path
    )


def _loaded(name: str, path: Path, entry: ModelEntry | None) -> Model:
    from wildsr.zoo.architectures import ARCHITECTURES, build, foreign, recognise
    from wildsr.zoo.formats.ncnn import weights_file
    from wildsr.zoo.read import read_weights

    weights = read_weights(path)
    digest = sha256_of(weights_file(path))
    header = Header.parse(weights.metadata)
    licence, source, trained_on = _facts(path, entry, digest, header)
    try:
        recognised = recognise(weights.tensors)
        if kind := ARCHITECTURES[recognised.architecture].training_only:
            raise ModelError(f"it is {kind}, and upscales nothing; wildsr.zoo.load_network reads it")
        network = build(recognised)
    except UnknownArchitecture as error:
        if not foreign.available():
            raise ModelError(f"{path} cannot be used: {error}; {foreign.HINT}") from error
        try:
            return foreign.load_foreign(weights.tensors, name, licence, source, digest)
        except ModelError as other_error:
            raise ModelError(f"{path} cannot be used: {error}; {other_error}") from error
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error}") from error
    contract = contract_of(network, recognised.architecture, recognised.sizes, name, licence, source, digest)
    if header.scale not in (None, contract.scale):
        raise ModelError(
            f"{path} cannot be used: its header says x{header.scale}, but its weights upscale x{contract.scale}; the "
            "file is mislabelled or damaged, so get it again from its source"
        )
    model = Model(network, replace(contract, trained_on=trained_on))
    if path.suffix.lower() not in _TWO_FILES:
        remember(digest, _record(model, weights.metadata))
    return model


def _facts(
    path: Path, entry: ModelEntry | None, digest: str, header: Header
) -> tuple[str, str, tuple[str, ...]]:
    """Licence, source and the metrics that a model was trained on."""
    # Not for another file under a published name, to which the facts of the catalogue do not apply.
    if entry and not (entry.checkpoint and entry.checkpoint.sha256 not in (None, digest)):
        return entry.licence, entry.origin, entry.trained_on
    return header.licence or "unknown", header.source or str(path), header.trained_on


def _record(model: Model, metadata: dict[str, str]) -> KnownModel:
    contract = model.contract
    return KnownModel(
        architecture=contract.architecture,
        sizes=contract.sizes,
        scale=contract.scale,
        value_range=contract.value_range,
        size_multiple=contract.size_multiple,
        receptive_field=contract.receptive_field,
        overlap=contract.overlap,
        largest_tile=contract.largest_tile,
        identity=model.identity(),
        whole_image=model.needs_whole_image,
        metadata=metadata,
    )


def _unchanged(path: Path, digest: str) -> "nn.Module":
    """The network of a file, which must still have the digest with which it was loaded."""
    network = load_network(path)
    if sha256_of(path) != digest:
        raise ModelError(f"{path} has changed since it was loaded; load it again")
    return network


def load_network(path: str | os.PathLike[str]) -> "nn.Module":
    """The network of a file, without a contract: any that :func:`load` reads, or one that only training needs.

    The latter are DDNSR's degradation network and the discriminators. On the CPU, in float32, in evaluation mode,
    without gradients.

    Raises:
        ModelError: when there is no such file, or it holds no network that wildsr knows.
    """
    from wildsr.zoo.architectures import build, recognise
    from wildsr.zoo.read import read_weights

    path = Path(path)
    weights = read_weights(path)
    try:
        return build(recognise(weights.tensors))
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error}") from error


def contract_of(
    network: "nn.Module",
    architecture: str,
    sizes: dict[str, int],
    name: str,
    licence: str = "unknown",
    source: str = "unknown",
    digest: str | None = None,
) -> Contract:
    """The contract of a network that was built with ``sizes``, for instance one still in training.

    Raises:
        TypeError: for a network that is no :class:`wildsr.networks.UpscalingNetwork`; says what it lacks.
    """
    from wildsr.networks.protocols import UpscalingNetwork
    from wildsr.zoo.architectures import ARCHITECTURES

    if not isinstance(network, UpscalingNetwork):
        needed = ("scale", "size_multiple", "receptive_field")
        lacking = ", ".join(name for name in needed if not hasattr(network, name))
        raise TypeError(f"{type(network).__name__} is no upscaling network: it lacks {lacking}")
    common = ARCHITECTURES[architecture]
    radius = network.receptive_field
    return Contract(
        name=name,
        architecture=architecture,
        sizes=dict(sizes),
        scale=network.scale,
        value_range=common.value_range,
        size_multiple=network.size_multiple,
        receptive_field=radius,
        overlap=radius if common.largest_overlap is None else min(radius, common.largest_overlap),
        largest_tile=common.largest_tile,
        licence=licence,
        source=source,
        sha256=digest,
    )
