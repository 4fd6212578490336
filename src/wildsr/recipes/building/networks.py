"""From a network of a recipe to a module with its first weights."""

from pathlib import Path

import torch
from torch import nn

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.ddnsr import DDNSRPatchDiscriminator, DDNSRVGGDiscriminator, DegradationNetwork
from wildsr.networks.discriminators import PatchGAN, UNetDiscriminator, VGG128Discriminator
from wildsr.networks.dsgan import DSGANDiscriminator, DSGANGenerator
from wildsr.networks.edl import EDLNet
from wildsr.networks.msrresnet import MSRResNet
from wildsr.networks.resunet import ResUNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.span import SPAN
from wildsr.networks.spectral_norm import SpectralNormConv2d
from wildsr.networks.srrescgan import SRResCGAN
from wildsr.ops.frequency import LowPass
from wildsr.recipes.parts import networks as parts
from wildsr.recipes.parts.strict import RecipeError
from wildsr.zoo.catalogue import find
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load_network


def build_network(part: parts.Network, scale: int, name: str, seed: int) -> nn.Module:
    """The network ``name`` of a recipe, in training mode, with the weights that the recipe says it starts from.

    New weights depend on ``seed`` and ``name`` alone.

    Raises:
        RecipeError: when the scale does not suit the network, or the weights it is to start from do not fit.
    """
    # PyTorch's modules draw their weights from the default generator; the rest of the program keeps its own state.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_seed_of(seed, name))
        try:
            network = new_network(part, scale)
        except ValueError as error:
            raise RecipeError(f"networks.{name}: {error}") from error
        if part.orthogonal is not None:
            _make_orthogonal(network, part.orthogonal)
    if part.start is not None:
        _start_from(network, part.start, part.start_whole, name)
    return network.train().requires_grad_(True)


def new_network(part: parts.Network, scale: int) -> nn.Module:
    """A network with weights drawn from PyTorch's default generator. Raises ``ValueError`` for an impossible scale."""
    match part:
        case parts.RRDBNetPart():
            return RRDBNet(3, 3, part.features, part.blocks, part.growth, scale, part.unshuffle)
        case parts.EDLNetPart():
            return EDLNet(3, 3, part.features, part.blocks, part.growth, scale)
        case parts.CompactPart():
            return SRVGGNetCompact(part.features, part.convs, scale)
        case parts.ResUNetPart():
            return ResUNet(part.features, part.width, part.blocks, scale)
        case parts.SPANPart():
            return SPAN(part.features, scale)
        case parts.MSRResNetPart():
            return MSRResNet(3, 3, part.features, part.blocks, scale)
        case parts.SRResCGANPart():
            return SRResCGAN(part.features, part.blocks, scale, part.alpha)
        case parts.DSGANPart():
            return DSGANGenerator(part.features, part.blocks)
        case parts.DegradationNetworkPart():
            if scale.bit_count() != 1:
                raise ValueError(f"DDNSR's degradation network halves, and cannot make 1/{scale} of an image")
            return DegradationNetwork(part.features, scale.bit_length() - 1, part.blocks, part.dual)
        case parts.PatchGANPart():
            return PatchGAN(3, part.features, part.layers, part.variant, part.spectral)
        case parts.VGG128Part():
            return VGG128Discriminator(3, part.features)
        case parts.UNetPart():
            return UNetDiscriminator(3, part.features)
        case parts.DSGANDiscriminatorPart():
            return DSGANDiscriminator(_low_pass(part), part.probabilities)
        case parts.DDNSRPatchPart():
            return DDNSRPatchDiscriminator(part.features, part.halvings)
        case parts.DDNSRVGGPart():
            return DDNSRVGGDiscriminator(part.features, part.halvings, (part.size, part.size))


def _low_pass(part: parts.DSGANDiscriminatorPart) -> LowPass | None:
    match part.low_pass:
        case "none":
            return None
        case "mean":
            return LowPass(part.kernel, borders="ignored")
        case "gaussian":
            return LowPass(part.kernel, sigma=part.kernel / 6)


def _seed_of(seed: int, name: str) -> int:
    # Adding a network does not change the weights of the others.
    return seed * 1_000_003 + int.from_bytes(name.encode(), "big") % 1_000_003


def _make_orthogonal(network: nn.Module, gain: float) -> None:
    """KAIR's initialisation: weights (out, -1) with orthonormal rows times the gain, biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            # A convolution under spectral norm computes its weight from this one.
            weight = module.weight_orig if isinstance(module, SpectralNormConv2d) else module.weight
            nn.init.orthogonal_(weight, gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _start_from(network: nn.Module, start: str, whole: bool, name: str) -> None:
    try:
        path = Path(start) if Path(start).is_file() else find(start)[1]
        weights = load_network(path).state_dict()
    except ModelError as error:
        raise RecipeError(f"networks.{name}.start: {error}") from error
    own = network.state_dict()
    fitting = {key: value for key, value in weights.items() if key in own and own[key].shape == value.shape}
    if not fitting or (whole and len(fitting) < max(len(own), len(weights))):
        other = next((key for key in (*own, *weights) if key not in fitting), "none")
        raise RecipeError(
            f"networks.{name}.start: the weights of {start} do not fit; {len(fitting)} of {len(own)} tensors do, and "
            f"{other} does not. Choose weights of the same architecture and sizes"
            + (", or set start_whole to false to take what fits" if fitting else "")
        )
    network.load_state_dict({**own, **fitting})
