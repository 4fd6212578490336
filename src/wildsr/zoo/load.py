"""Loads a catalogue name or a file as a Model, or a file as a network without a contract."""

import os
from dataclasses import replace
from pathlib import Path

from torch import nn

from wildsr.networks.protocols import UpscalingNetwork
from wildsr.storage.digest import sha256_of
from wildsr.zoo.architectures import ARCHITECTURES, build, foreign, recognise
from wildsr.zoo.catalogue import find
from wildsr.zoo.errors import ModelError, UnknownArchitecture
from wildsr.zoo.formats.ncnn import weights_file
from wildsr.zoo.formats.onnx import load_onnx
from wildsr.zoo.formats.onnx_file import is_onnx
from wildsr.zoo.header import Header
from wildsr.zoo.model import Contract, Model
from wildsr.zoo.read import read_weights


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
        return load_onnx(path, name)
    weights = read_weights(path)
    digest = sha256_of(weights_file(path))
    if entry and entry.checkpoint and entry.checkpoint.sha256 not in (None, digest):
        entry = None  # another file under a published name, to which the facts of the catalogue do not apply
    header = Header.parse(weights.metadata)
    licence = entry.licence if entry else header.licence or "unknown"
    source = entry.origin if entry else header.source or str(path)
    trained_on = entry.trained_on if entry else header.trained_on
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
            "file is mislabelled or damaged, so get it again from where it came from"
        )
    return Model(network, replace(contract, trained_on=trained_on))


def load_network(path: str | os.PathLike[str]) -> nn.Module:
    """The network of a file, without a contract: any that :func:`load` reads, or one that only training needs.

    The latter are DDNSR's degradation network and the discriminators. On the CPU, in float32, in evaluation mode,
    without gradients.

    Raises:
        ModelError: when there is no such file, or it holds no network that wildsr knows.
    """
    path = Path(path)
    weights = read_weights(path)
    try:
        return build(recognise(weights.tensors))
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error}") from error


def contract_of(
    network: nn.Module,
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
        licence=licence,
        source=source,
        sha256=digest,
    )
