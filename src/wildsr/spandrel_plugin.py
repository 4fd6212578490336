"""Adds wildsr's own architecture to spandrel, the model loader of chaiNNer and ComfyUI.

``import wildsr.spandrel_plugin; wildsr.spandrel_plugin.install()`` once, before models are loaded: afterwards
``spandrel.ModelLoader().load_from_file`` reads ResUNet files. Needs the package spandrel.
"""

from typing import Any

from spandrel import (
    MAIN_REGISTRY,
    Architecture,
    ArchRegistry,
    ArchSupport,
    ImageModelDescriptor,
    SizeRequirements,
)
from spandrel.util import KeyCondition
from torch import Tensor, nn

from wildsr.networks.resunet import ResUNet
from wildsr.zoo.architectures.resunet import RESUNET

ID = "ResUNet"
KEYS = (
    "head.weight",
    "full_in.0.first.weight",
    "to_half.weight",
    "to_quarter.weight",
    "quarter.0.first.weight",
    "from_quarter.weight",
    "from_half.weight",
    "tail.weight",
)
"""Keys that every file of a ResUNet has, and no architecture that spandrel knows."""


class ResUNetArch(Architecture[ResUNet]):  # type: ignore[misc]  # spandrel may be missing when types are checked
    """ResUNet for spandrel: recognised by its keys, its sizes read from the shapes of its weights."""

    def __init__(self) -> None:
        super().__init__(id=ID, detect=KeyCondition.has_all(*KEYS))

    def load(self, state_dict: dict[str, Tensor]) -> Any:
        """The descriptor of a ResUNet with these weights; spandrel pads images to its multiple of sizes."""
        sizes = RESUNET.sizes(state_dict)
        network: nn.Module = ResUNet(**sizes)
        return ImageModelDescriptor(
            network,
            state_dict,
            architecture=self,
            purpose="Restoration" if sizes["scale"] == 1 else "SR",
            tags=[f"{sizes['features']}nf", f"{sizes['blocks']}nb"],
            supports_half=True,
            supports_bfloat16=True,
            scale=sizes["scale"],
            input_channels=3,
            output_channels=3,
            size_requirements=SizeRequirements(multiple_of=ResUNet.size_multiple),
        )


def install(registry: ArchRegistry = MAIN_REGISTRY) -> None:
    """Add wildsr's architecture to a registry of spandrel's; once is enough, again does nothing."""
    if ID not in registry:
        registry.add(ArchSupport.from_architecture(ResUNetArch()))
