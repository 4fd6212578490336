"""``load``: a name or a file becomes a Model."""

import os
from typing import cast

from torch import nn

from wildsr.zoo.architectures import ARCHITECTURES, build, recognise
from wildsr.zoo.catalogue import find
from wildsr.zoo.digest import sha256_of
from wildsr.zoo.errors import ModelError
from wildsr.zoo.model import Contract, Model
from wildsr.zoo.readers import read_weights


def load(name_or_path: str | os.PathLike[str] = "default") -> Model:
    """The model of a catalogue name, of a file, or of a file in the user's model folder (by stem).

    Reads safetensors and PyTorch files of every family in :data:`wildsr.zoo.architectures.SUPPORTED`; the
    weights alone decide what the network is. The model is on the CPU, in float32, in evaluation mode,
    without gradients. Nothing in a file is ever executed.

    Raises:
        ModelError: when there is no such name or file, or the file is not a model that wildsr can run.
    """
    name, path, entry = find(name_or_path)
    weights = read_weights(path)
    try:
        recognised = recognise(weights.tensors)
        network = build(recognised)
    except ModelError as error:
        raise ModelError(f"{path} cannot be used: {error}") from error
    digest = sha256_of(path)
    if entry and entry.checkpoint and entry.checkpoint.sha256 not in (None, digest):
        entry = None  # a file of one's own under a published name: what is known about that does not hold
    licence = entry.licence if entry else weights.metadata.get("licence", "unknown")
    source = entry.origin if entry else weights.metadata.get("source", str(path))
    contract = contract_of(network, recognised.architecture, recognised.sizes, name, licence, source, digest)
    return Model(network, contract)


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
        scale=sizes["scale"],
        value_range=common.value_range,
        size_multiple=sizes.get("unshuffle", 1),
        receptive_field=radius,
        overlap=radius if common.largest_overlap is None else min(radius, common.largest_overlap),
        licence=licence,
        source=source,
        sha256=digest,
    )
