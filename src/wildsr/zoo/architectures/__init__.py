"""The architectures that wildsr knows, one module each, and the recognition of weights."""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from wildsr.zoo.architectures.architecture import Architecture
from wildsr.zoo.architectures.compact import COMPACT
from wildsr.zoo.architectures.ddnsr_degradation import DDNSR_DEGRADATION
from wildsr.zoo.architectures.ddnsr_discriminators import DDNSR_PATCH, DDNSR_VGG
from wildsr.zoo.architectures.discriminators import PATCHGAN, PATCHGAN_KAIR, UNET, VGG128
from wildsr.zoo.architectures.dsgan import DSGAN
from wildsr.zoo.architectures.edlnet import EDLNET
from wildsr.zoo.architectures.msrresnet import MSRRESNET
from wildsr.zoo.architectures.resunet import RESUNET
from wildsr.zoo.architectures.rrdbnet import RRDBNET
from wildsr.zoo.architectures.span import SPAN_ARCHITECTURE
from wildsr.zoo.architectures.srrescgan import SRRESCGAN
from wildsr.zoo.errors import ModelError, UnknownArchitecture

ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        # Where the keys of two architectures match a file, the first one here is taken: an EDLNet contains an RRDBNet.
        EDLNET,
        RRDBNET,
        MSRRESNET,
        COMPACT,
        RESUNET,
        SRRESCGAN,
        SPAN_ARCHITECTURE,
        DDNSR_VGG,
        DDNSR_PATCH,
        DSGAN,
        DDNSR_DEGRADATION,
        PATCHGAN_KAIR,
        PATCHGAN,
        VGG128,
        UNET,
    )
}
"""All architectures by name; adding one is a module here and a line in this table."""
SUPPORTED = ", ".join(
    f"{each.name} ({each.projects})" if each.projects else each.name
    for each in ARCHITECTURES.values()
    if each.training_only is None
)


class Recognised(NamedTuple):
    """The name of an architecture, the arguments to build its network with, and the weights under our names."""

    architecture: str
    sizes: dict[str, int]
    weights: dict[str, Tensor]


def recognise(weights: Mapping[str, Tensor]) -> Recognised:
    """The architecture of :data:`ARCHITECTURES` that the weights belong to.

    Raises:
        UnknownArchitecture: a ModelError, for weights of another network.
        ModelError: for impossible sizes.
    """
    for architecture in ARCHITECTURES.values():
        for layout in architecture.layouts:
            if layout.matches(weights):
                ours = dict(weights) if layout.rename is None else layout.rename(weights)
                return Recognised(architecture.name, architecture.sizes(ours), ours)
    first = ", ".join(list(weights)[:5]) or "none"
    raise UnknownArchitecture(f"its architecture is unknown (first keys: {first}); wildsr reads {SUPPORTED}")


def build(recognised: Recognised) -> nn.Module:
    """The network with its weights, in evaluation mode and without gradients.

    Raises:
        ModelError: when keys are missing, left over or of the wrong shape; says which.
    """
    # On the meta device, so that nothing is allocated for sizes that the file's tensors do not have.
    known = ARCHITECTURES[recognised.architecture]
    sizes = ", ".join(f"{name}={value}" for name, value in recognised.sizes.items())
    try:
        with torch.device("meta"):
            network = known.build(**recognised.sizes)
    except (RuntimeError, OverflowError) as error:
        raise ModelError(
            f"it claims to be {recognised.architecture}({sizes}), which is impossible"
        ) from error
    expected = network.state_dict()
    counters = {
        key: torch.zeros_like(expected[key], device="cpu") for key in expected if _counts_batches(key)
    }
    weights = {**recognised.weights, **counters}
    problems = [
        *_listed("missing", [key for key in expected if key not in weights]),
        *_listed("unexpected", [key for key in weights if key not in expected]),
        *_listed(
            "of the wrong shape",
            [
                f"{key} {tuple(weights[key].shape)} instead of {tuple(value.shape)}"
                for key, value in expected.items()
                if key in weights and weights[key].shape != value.shape
            ],
        ),
    ]
    if problems:
        raise ModelError(f"its weights do not fit {recognised.architecture}({sizes}): {'; '.join(problems)}")
    network.load_state_dict(weights, strict=True, assign=True)
    return network.requires_grad_(False).eval()


def _counts_batches(key: str) -> bool:
    """Whether the tensor is the counter of a batch norm, which inference does not use and some files lack."""
    return key.endswith(".num_batches_tracked")


def _listed(what: str, keys: list[str]) -> list[str]:
    if not keys:
        return []
    return [f"{len(keys)} {what} ({', '.join(keys[:4])}{', ...' if len(keys) > 4 else ''})"]
