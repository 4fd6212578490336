"""Initial weights of a network: random by seed and name, by an initialisation, or those of a model."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from wildsr.networks.spectral_norm import SpectralNormConv2d
from wildsr.recipes.config.networks import NetworkConfig
from wildsr.recipes.errors import RecipeError
from wildsr.zoo.architectures import recognise
from wildsr.zoo.catalogue import find
from wildsr.zoo.errors import ModelError, UnknownArchitecture
from wildsr.zoo.load import load_network
from wildsr.zoo.read import read_weights


def new_network(config: NetworkConfig, name: str, scale: int, seed: int) -> nn.Module:
    """The network ``name`` of a recipe in training mode, with its initial weights.

    Random weights depend on ``seed`` and ``name`` alone.

    Raises:
        RecipeError: the scale does not suit the network, or the weights of ``config.start`` do not fit, or no weight
            has a prefix of ``config.frozen``.
    """
    # PyTorch's modules draw their weights from the default generator, whose state is restored afterwards.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_seed_of(seed, name))
        try:
            network = config.build(scale)
        except ValueError as error:
            raise RecipeError(f"networks.{name}: {error}") from error
        if config.orthogonal is not None:
            _initialise(network, partial(nn.init.orthogonal_, gain=config.orthogonal))
        elif config.initialisation == "glorot-uniform":
            _initialise(network, nn.init.xavier_uniform_)
    if config.start is not None:
        _start_from(network, config.start, config.start_whole, name)
    network.train().requires_grad_(True)
    _freeze(network, config.frozen, name)
    return network


def _seed_of(seed: int, name: str) -> int:
    # One number for each name, so that adding a network does not change the weights of the others.
    return seed * 1_000_003 + int.from_bytes(name.encode(), "big") % 1_000_003


def _initialise(network: nn.Module, fill: Callable[[Tensor], Tensor]) -> None:
    """Fill the weights of convolutions and linear layers, and set their biases to zero."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            # A convolution under spectral norm computes its weight from this one.
            weight = module.weight_orig if isinstance(module, SpectralNormConv2d) else module.weight
            fill(weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _freeze(network: nn.Module, prefixes: tuple[str, ...], name: str) -> None:
    weights = dict(network.named_parameters())
    for prefix in prefixes:
        frozen = [key for key in weights if key.startswith(prefix)]
        if not frozen:
            raise RecipeError(
                f"networks.{name}.frozen: no weight has the prefix {prefix}; the weights are {', '.join(weights)}"
            )
        for key in frozen:
            weights[key].requires_grad_(False)


def _start_from(network: nn.Module, start: str, whole: bool, name: str) -> None:
    own = network.state_dict()
    try:
        path = Path(start) if Path(start).is_file() else find(start)[1]
        weights = _weights(path, own)
    except ModelError as error:
        raise RecipeError(f"networks.{name}.start: {error}") from error
    fitting = {key: value for key, value in weights.items() if key in own and own[key].shape == value.shape}
    # Nothing depends on the counters of batch norms, which some files lack.
    others = [
        key for key in (*own, *weights) if key not in fitting and not key.endswith("num_batches_tracked")
    ]
    if not fitting or (whole and others):
        raise RecipeError(
            f"networks.{name}.start: the weights of {start} do not fit; {len(fitting)} of {len(own)} tensors do, and "
            f"{others[0] if others else 'none'} does not. Choose weights of the same architecture and sizes"
            + (", or set start_whole to false to take what fits" if fitting else "")
        )
    network.load_state_dict({**own, **fitting})


def _weights(path: Path, own: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """The weights of a file: as they are if they are named as ours, otherwise renamed by their architecture.

    The first serves all networks that a run writes, also those of architectures that wildsr cannot recognise.
    """
    weights = read_weights(path).tensors
    if all(key in own and own[key].shape == value.shape for key, value in weights.items()):
        return weights
    try:
        recognise(weights)
    except UnknownArchitecture:
        return weights
    return load_network(path).state_dict()
