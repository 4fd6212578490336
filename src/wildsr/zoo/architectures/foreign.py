"""Loads architectures that wildsr does not know itself with the package spandrel, where that is installed."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from wildsr.zoo.errors import ModelError
from wildsr.zoo.model import Contract, Model

OVERLAP = 32
"""Overlap of tiles in LR pixels. The receptive fields of these networks are unknown; seams may be visible."""
HINT = "pip install 'wildsr[spandrel]' brings more architectures"


class ForeignNetwork(nn.Module):
    """A spandrel network from (B, 3, H, W) RGB in [0, 1] to (B, 3, scale*H, scale*W) in [0, 1].

    ``traced_per_size`` marks that a trace of the network is valid for one input size only.
    """

    traced_per_size = True

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model: nn.Module = descriptor.model
        self.scale = int(descriptor.scale)
        self._descriptor = descriptor

    def forward(self, x: Tensor) -> Tensor:
        """Upscale; spandrel pads to the sizes that the network needs."""
        out: Tensor = self._descriptor(x)
        return out


def available() -> bool:
    """Whether spandrel is installed and works; it needs torchvision, which may be broken or missing."""
    try:
        import spandrel  # noqa: F401
    except (ImportError, RuntimeError, OSError):
        return False
    return True


def load_foreign(weights: Mapping[str, Tensor], name: str, licence: str, source: str, digest: str) -> Model:
    """Load weights with spandrel; the other arguments are those of the contract.

    Raises:
        ModelError: when spandrel does not know the weights either, or they upscale no RGB images.
    """
    import spandrel

    try:
        descriptor = spandrel.ModelLoader(device="cpu").load_from_state_dict(dict(weights))
    except Exception as error:  # its architectures raise many kinds of errors
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"spandrel does not read it either ({reason})") from error
    if not isinstance(descriptor, spandrel.ImageModelDescriptor):
        raise ModelError("spandrel knows it, but it takes more than one image")
    if (descriptor.input_channels, descriptor.output_channels) != (3, 3) or descriptor.scale < 1:
        raise ModelError(
            f"spandrel knows it as {descriptor.architecture.name} with {descriptor.input_channels} channels in, "
            f"{descriptor.output_channels} out, scale {descriptor.scale}; wildsr upscales RGB"
        )
    network = ForeignNetwork(descriptor).float().eval().requires_grad_(False)
    contract = Contract(
        name=name,
        architecture=f"{descriptor.architecture.name} (spandrel)",
        sizes={},
        scale=network.scale,
        value_range=1.0,
        size_multiple=1,
        receptive_field=OVERLAP,
        overlap=OVERLAP,
        licence=licence,
        source=source,
        sha256=digest,
    )
    return Model(network, contract)
