"""Model files of a run, which :func:`wildsr.zoo.load.load` reads."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from safetensors.torch import save
from torch import nn

from wildsr.networks.protocols import UpscalingNetwork
from wildsr.training.errors import TrainingError
from wildsr.training.state_files import write_whole
from wildsr.zoo.architectures import ARCHITECTURES, recognise
from wildsr.zoo.errors import ModelError, UnknownArchitecture
from wildsr.zoo.header import FORMAT, Header


def model_header(network: nn.Module) -> dict[str, str]:
    """Metadata from which a network is rebuilt: ``architecture``, its ``sizes``, ``scale`` and ``value_range``.

    For a network that is not one of wildsr's, only the name of its class: the weights can be loaded into a module of
    that class.

    Raises:
        TrainingError: the network is one of wildsr's with impossible sizes, and could not be loaded again.
    """
    try:
        recognised = recognise(network.state_dict())
    except UnknownArchitecture:
        return {"format": FORMAT, **Header(type(network).__name__).metadata()}
    except ModelError as error:
        raise TrainingError(f"the trained network could not be loaded again: {error}") from error
    header = Header(recognised.architecture, recognised.sizes)
    architecture = ARCHITECTURES[recognised.architecture]
    if isinstance(network, UpscalingNetwork):
        header = replace(header, scale=network.scale, value_range=architecture.value_range)
    return {"format": FORMAT, **header.metadata()}


def is_known(network: nn.Module) -> bool:
    """Whether wildsr can build the network again from its weights alone. Raises ``TrainingError`` as above."""
    return "sizes" in model_header(network)


def save_model(path: Path, network: nn.Module, header: Mapping[str, str]) -> None:
    """Write the weights as float32, with metadata: :func:`model_header` and ``header``.

    Raises:
        TrainingError: the file cannot be written; an existing one stays.
    """
    # The counters of batch norms are integers, on which nothing depends.
    tensors = {
        name: tensor.detach().float().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point()
    }
    content = save(tensors, {**model_header(network), **header})
    write_whole(path, lambda file: file.write(content))
