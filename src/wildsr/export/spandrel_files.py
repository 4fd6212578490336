"""Weights under the names by which spandrel, the model loader of chaiNNer and ComfyUI, recognises an architecture."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from wildsr.export import checks
from wildsr.export.request import Request
from wildsr.networks.span import SPAN
from wildsr.zoo.architectures import foreign
from wildsr.zoo.convert import header_of
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load
from wildsr.zoo.model import Model

FAMILIES = {"RRDBNet": "ESRGAN", "SRVGGNetCompact": "Compact", "SPAN": "SPAN"}
"""spandrel's names by ours; of the first two, our names of weights are among those that spandrel knows."""
SIZES = ((64, 64), (67, 93))
_GROWTH = 32
"""The only growth of dense blocks that spandrel builds."""
_WIDENING = 2
"""In SPAN's training form, the inner convolutions have this many times the channels."""


def readable(model: Model) -> bool:
    """Whether spandrel builds this network: its architecture and its sizes."""
    contract = model.contract
    usual = contract.sizes.get("growth", _GROWTH) == _GROWTH and not contract.sizes.get("relu")
    return contract.architecture in FAMILIES and usual


def require_readable(model: Model) -> None:
    """Raise ModelError for a network of :data:`FAMILIES` whose sizes spandrel does not build."""
    if not readable(model):
        sizes = ", ".join(f"{key}={value}" for key, value in model.contract.sizes.items())
        raise ModelError(
            f"{model.contract.name} is an RRDBNet with {sizes}; spandrel, with which chaiNNer and ComfyUI load models, "
            f"only builds those of growth {_GROWTH} and with leaky ReLUs. --for chainner writes it as ONNX"
        )


def spandrel_weights(model: Model) -> dict[str, Tensor]:
    """The weights of a model of :data:`FAMILIES` under names that spandrel knows."""
    weights = {key: value.contiguous() for key, value in model.network.state_dict().items()}
    return _training_form(weights) if isinstance(model.network, SPAN) else weights


def write_safetensors(request: Request, path: Path) -> None:
    """Write ``path`` (.safetensors) with wildsr's metadata."""
    save_file(spandrel_weights(request.model), path, header_of(request.model, request.path).metadata())


def check(request: Request, path: Path) -> None:
    """Load the file with spandrel, where that is installed, and with wildsr, and compare the results.

    Raises:
        ModelError: they differ from the model's.
    """
    back = load(path)
    for line in checks.compare(request.model, back, SIZES[:1], "read back by wildsr"):
        request.checked(line)
    if not foreign.available():
        request.checked("spandrel is not installed here (it needs torchvision), so that it was not tried")
        return
    import spandrel

    family = FAMILIES[request.model.contract.architecture]
    try:
        descriptor = spandrel.ModelLoader(device="cpu").load_from_file(path)
    except Exception as error:  # its architectures raise many kinds of errors
        raise ModelError(f"spandrel cannot load {path.name} ({str(error).splitlines()[0]})") from error
    if (descriptor.architecture.id, descriptor.scale) != (family, request.model.contract.scale):
        raise ModelError(f"spandrel takes {path.name} for {descriptor.architecture.id} x{descriptor.scale}")
    descriptor.model.eval()
    for line in checks.compare(request.model, descriptor, SIZES, f"spandrel's {family}", clamps=True):
        request.checked(line)


def _training_form(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """SPAN's deployed convolutions as the chains of the training form, which compute the same.

    The outer convolutions of a chain copy channels, the inner one is the deployed convolution, and the rest is zero.
    """
    result = {}
    for key, value in weights.items():
        layer, _, kind = key.rpartition(".")
        if kind != "weight" or value.shape[-1] != 3 or layer.startswith("upsampler"):
            if not _is_bias_of_chain(key, weights):
                result[key] = value
            continue
        out, width_in = value.shape[:2]
        zeros = value.new_zeros
        inner = zeros(_WIDENING * out, _WIDENING * width_in, 3, 3)
        inner[:out, :width_in] = value
        into, back = zeros(_WIDENING * width_in, width_in, 1, 1), zeros(out, _WIDENING * out, 1, 1)
        into[:width_in, :, 0, 0] = torch.eye(width_in)
        back[:, :out, 0, 0] = torch.eye(out)
        chain = {
            "sk": zeros(out, width_in, 1, 1),
            "conv.0": into,
            "conv.1": inner,
            "conv.2": back,
            "eval_conv": value,
        }
        for part, weight in chain.items():
            result[f"{layer}.{part}.weight"] = weight
            result[f"{layer}.{part}.bias"] = zeros(weight.shape[0])
        result[f"{layer}.conv.2.bias"] = weights[f"{layer}.bias"]
        result[f"{layer}.eval_conv.bias"] = weights[f"{layer}.bias"].clone()
    return result


def _is_bias_of_chain(key: str, weights: dict[str, Tensor]) -> bool:
    layer, _, kind = key.rpartition(".")
    if kind != "bias" or layer.startswith("upsampler"):
        return False
    return weights[f"{layer}.weight"].shape[-1] == 3
