"""The model file of a run, which :func:`wildsr.zoo.load.load` reads."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from safetensors.torch import save
from torch import nn

from wildsr.networks.protocols import UpscalingNetwork
from wildsr.training.errors import TrainingError
from wildsr.training.files import write_whole
from wildsr.zoo.architectures import ARCHITECTURES, recognise
from wildsr.zoo.errors import ModelError
from wildsr.zoo.header import FORMAT, Header


def model_header(network: nn.Module) -> dict[str, str]:
    """What a model file says of its network: ``architecture``, its ``sizes``, ``scale`` and ``value_range``.

    Raises:
        TrainingError: for a network that wildsr could not load again. Ask before training it for days.
    """
    try:
        recognised = recognise(network.state_dict())
    except ModelError as error:
        raise TrainingError(f"the trained network could not be loaded again: {error}") from error
    header = Header(recognised.architecture, recognised.sizes)
    architecture = ARCHITECTURES[recognised.architecture]
    if isinstance(network, UpscalingNetwork):
        header = replace(header, scale=network.scale, value_range=architecture.value_range)
    return {"format": FORMAT, **header.metadata()}


def save_model(path: Path, network: nn.Module, header: Mapping[str, str]) -> None:
    """Write the weights, as float32, and what the file says of them: :func:`model_header` and ``header``.

    Raises:
        TrainingError: when the file cannot be written; one that stood there stays.
    """
    # The counts of batch norms are whole numbers, which nothing depends on.
    tensors = {
        name: tensor.detach().float().cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point()
    }
    content = save(tensors, {**model_header(network), **header})
    write_whole(path, lambda file: file.write(content))
