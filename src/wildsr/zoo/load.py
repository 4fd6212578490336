"""``load``: a name or a file becomes a Model; ``load_network``: a file becomes a bare network."""

import os
from dataclasses import replace
from pathlib import Path
from typing import cast

from torch import nn

from wildsr.zoo import foreign
from wildsr.zoo.architectures import ARCHITECTURES, TRAINING_NETWORKS, build, recognise
from wildsr.zoo.catalogue import find, listed_metrics
from wildsr.zoo.digest import sha256_of
from wildsr.zoo.errors import ModelError, UnknownArchitecture
from wildsr.zoo.model import Contract, Model
from wildsr.zoo.ncnn import weights_file
from wildsr.zoo.onnx import load_onnx
from wildsr.zoo.onnx_file import is_onnx
from wildsr.zoo.readers import read_weights


def load(name_or_path: str | os.PathLike[str] = "default") -> Model:
    """The model of a catalogue name, of a file, or of a file in the user's model folder (by stem).

    Reads safetensors, PyTorch, Keras and ncnn files of every family in
    :data:`wildsr.zoo.architectures.SUPPORTED`, of which the weights alone decide what the network is, and ONNX
    files of any network that upscales RGB images. Other architectures are left to the package spandrel, where
    it is installed. The model is on the CPU, in float32, in evaluation mode,
    without gradients. Nothing in a file is ever executed.

    Raises:
        ModelError: when there is no such name or file, or the file is not a model that wildsr can run.
    """
    name, path, entry = find(name_or_path)
    if is_onnx(path):
        return load_onnx(path, name)
    weights = read_weights(path)
    digest = sha256_of(weights_file(path))
    if entry and entry.checkpoint and entry.checkpoint.sha256 not in (None, digest):
        entry = None  # a file of one's own under a published name: what is known about that does not hold
    licence = entry.licence if entry else weights.metadata.get("licence", "unknown")
    source = entry.origin if entry else weights.metadata.get("source", str(path))
    trained_on = entry.trained_on if entry else listed_metrics(weights.metadata)
    try:
        recognised = recognise(weights.tensors)
        if other := TRAINING_NETWORKS.get(recognised.architecture):
            raise ModelError(
                f"it is {other.what}, and upscales nothing; wildsr.zoo.load.load_network reads it"
            )
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
    return Model(network, replace(contract, trained_on=trained_on))


def load_network(path: str | os.PathLike[str]) -> nn.Module:
    """The network of a file, without a contract: any that :func:`load` reads, or one that only training needs.

    These are DDNSR's degradation network and the discriminators of
    :data:`wildsr.zoo.architectures.TRAINING_NETWORKS`. On the CPU, in float32, in evaluation mode, without
    gradients.

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
    """The contract of a network that was built with ``sizes``, for instance one still in training."""
    common = ARCHITECTURES[architecture]
    radius = cast(int, network.receptive_field)
    return Contract(
        name=name,
        architecture=architecture,
        sizes=dict(sizes),
        scale=cast(int, network.scale),
        value_range=common.value_range,
        size_multiple=cast(int, getattr(network, "size_multiple", 1)),
        receptive_field=radius,
        overlap=radius if common.largest_overlap is None else min(radius, common.largest_overlap),
        licence=licence,
        source=source,
        sha256=digest,
    )
