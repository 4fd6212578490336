"""EDLNet: files of RWSR-EDL, with the names of an RRDBNet and those of its branches."""

from wildsr.networks.edl import EDLNet
from wildsr.zoo.architectures import rrdbnet
from wildsr.zoo.architectures.architecture import Architecture, KeyLayout, Weights
from wildsr.zoo.errors import ModelError


def _sizes(weights: Weights) -> dict[str, int]:
    sizes = rrdbnet.sizes(weights)
    if sizes.pop("unshuffle") != 1:
        raise ModelError("it is an EDLNet that takes more than RGB")
    return sizes


EDLNET = Architecture(
    name="EDLNet",
    build=EDLNet,
    layouts=(KeyLayout(("RRDB_trunk.0.RDB1.", "conv_first.", "sm.0.block.", "branch1.0.block.")),),
    sizes=_sizes,
    projects="RWSR-EDL",
    largest_overlap=32,
)
