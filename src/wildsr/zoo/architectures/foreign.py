"""Architectures that wildsr does not know itself, by way of the package spandrel, where that is installed."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from wildsr.zoo.errors import ModelError
from wildsr.zoo.model import Contract, Model

OVERLAP = 32
"""Of tiles, in LR pixels. How far these networks see is not known, so that nothing is promised of their borders."""
HINT = "pip install 'wildsr[spandrel]' brings more architectures"


class ForeignNetwork(nn.Module):
    """A network of spandrel's from (B, 3, H, W) RGB in [0, 1] to (B, 3, scale*H, scale*W) in [0, 1].

    ``traced_per_size`` tells engines that record the computation that a record holds for one size only.
    """

    traced_per_size = True

    def __init__(self, descriptor: Any) -> None:
        super().__init__()
        self.model: nn.Module = descriptor.model
        self.scale = int(descriptor.scale)
        self._descriptor = descriptor

    def forward(self, x: Tensor) -> Tensor:
        """Upscale; spandrel pads to the sizes that the network wants."""
        out: Tensor = self._descriptor(x)
        return out


def available() -> bool:
    """Whether spandrel is here and works; it needs torchvision, which may be broken or missing."""
    try:
        import spandrel  # noqa: F401
    except (ImportError, RuntimeError, OSError):
        return False
    return True


def load_foreign(weights: Mapping[str, Tensor], name: str, licence: str, source: str, digest: str) -> Model:
    """The Model that spandrel makes of the weights; the rest is what is known of their file.

    Raises:
        ModelError: when spandrel does not know the weights either, or they upscale no RGB images.
    """
    import spandrel

    try:
        descriptor = spandrel.ModelLoader(device="cpu").load_from_state_dict(dict(weights))
    except Exception as error:  # whatever its many architectures stumble over
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
