"""Converts any readable model file to wildsr's own ``.safetensors``, to ``.pth`` for the originals, or to ONNX."""

import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save
from torch import Tensor, nn

from wildsr.networks.protocols import WholeImageNetwork
from wildsr.storage.atomic import replacing
from wildsr.storage.digest import sha256_of
from wildsr.zoo.architectures import ARCHITECTURES, Recognised, build, recognise
from wildsr.zoo.architectures.foreign import ForeignNetwork
from wildsr.zoo.blend import blend
from wildsr.zoo.catalogue import find
from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.ncnn import weights_file
from wildsr.zoo.formats.onnx import ARCHITECTURE as ONNX
from wildsr.zoo.formats.onnx import load_onnx
from wildsr.zoo.formats.onnx_file import is_onnx
from wildsr.zoo.header import FORMAT, Header
from wildsr.zoo.load import load
from wildsr.zoo.model import Model
from wildsr.zoo.read import read_weights

FORMATS = (".safetensors", ".pth", ".onnx")
WRONG = 0.1
"""An ONNX export is refused where its output differs by more than this fraction of the largest value."""


class Converted(NamedTuple):
    """A converted file. ``difference`` is the largest one, in [0, 1], of an ONNX file's output to the model's."""

    path: Path
    architecture: str
    difference: float | None


def convert(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    half: bool = False,
    overwrite: bool = False,
    toward: str | os.PathLike[str] | None = None,
    strength: float = 1,
) -> Converted:
    """Write the model ``source``, a name or a file of any readable format, to ``target``, whole or not at all.

    The suffix of ``target`` decides: ``.safetensors`` is read back by :func:`wildsr.zoo.load.load` and computes
    the same, bit for bit; its header describes the model and its source. ``.pth`` holds the weights alone, under the
    names that the original implementations give them, for their ``load_state_dict``. ``.onnx`` takes float32
    images (1, 3, H, W) RGB in [0, 1] of any size, or of multiples of the model's; the export is run and
    compared with the model first. ``half`` stores weights as float16 for computation in float32. With ``toward``,
    another model of the same architecture, the interpolation of both is written: all of ``source`` at ``strength`` 1,
    all of ``toward`` at 0.

    Raises:
        ModelError: when the source cannot be read, or cannot be written in that format, or the target exists and
            is not to be overwritten, or the models cannot be blended, or ``toward`` is missing.
        ValueError: for a strength outside 0 to 1.
    """
    if toward is None and strength != 1:
        raise ModelError(f"a strength of {strength:g} needs another model: name it with --toward")
    target = Path(target)
    if target.suffix.lower() not in FORMATS:
        raise ModelError(f"{target} must end in {' or '.join(FORMATS)}, which says what to write")
    if target.exists() and not overwrite:
        raise ModelError(f"{target} exists already; use --overwrite to replace it")
    if not target.parent.is_dir():
        raise ModelError(f"{target} cannot be written: there is no folder {target.parent}")
    if is_onnx(find(source)[1]):
        raise ModelError(
            f"{source} is an ONNX model, which cannot be converted; start from the original weights"
        )
    if target.suffix.lower() == ".onnx":
        model = _loaded(source, toward, strength)
        _require_any_size(model)
        content = onnx_content(model, find(source)[1], padded=False, half=half)
        difference = _written(target, content, lambda path: _difference(model, path))
        return Converted(target, model.contract.architecture, difference)
    written = _pth if target.suffix.lower() == ".pth" else _safetensors
    architecture, content = written(source, half, toward, strength)
    _written(target, content, lambda _: None)
    return Converted(target, architecture, None)


def _loaded(source: str | os.PathLike[str], toward: str | os.PathLike[str] | None, strength: float) -> Model:
    model = load(source)
    return model if toward is None else blend(load(toward), model, strength)


def _network(
    source: str | os.PathLike[str], toward: str | os.PathLike[str] | None, strength: float
) -> tuple[Recognised, nn.Module, Header]:
    """The architecture of the source, its network, and the header of the converted file."""
    path = find(source)[1]
    try:
        recognised = recognise(read_weights(path).tensors)
        if ARCHITECTURES[recognised.architecture].training_only and toward is None:
            return recognised, build(recognised), _origin(str(path), path, sha256_of(path))
        model = _loaded(source, toward, strength)
    except ModelError as error:
        raise error if str(path) in str(error) else ModelError(f"{path} cannot be used: {error}") from error
    return recognised, model.network, header_of(model, path)


def _pth(
    source: str | os.PathLike[str], half: bool, toward: str | os.PathLike[str] | None, strength: float
) -> tuple[str, bytes]:
    """The architecture, and the content of a file that ``torch.load`` reads: the state dict of the original."""
    recognised, network, _ = _network(source, toward, strength)
    if all(layout.rename for layout in ARCHITECTURES[recognised.architecture].layouts):
        raise ModelError(
            f"{source} is {recognised.architecture}, whose published files have other names for their weights than "
            "wildsr writes; convert it to .safetensors or .onnx"
        )
    state = network.state_dict()
    floats = _stored({key: value for key, value in state.items() if value.is_floating_point()}, half)
    buffer = io.BytesIO()
    # The old form, which the versions of PyTorch read that the originals ask for.
    torch.save({**state, **floats}, buffer, _use_new_zipfile_serialization=False)
    return recognised.architecture, buffer.getvalue()


def _safetensors(
    source: str | os.PathLike[str], half: bool, toward: str | os.PathLike[str] | None, strength: float
) -> tuple[str, bytes]:
    """The architecture, and the content of a safetensors file with its header."""
    recognised, network, header = _network(source, toward, strength)
    header = replace(header, architecture=recognised.architecture, sizes=recognised.sizes)
    # Batch norms also have integer counters, which inference does not use.
    tensors = {key: value for key, value in network.state_dict().items() if value.is_floating_point()}
    return recognised.architecture, save(_stored(tensors, half), {"format": FORMAT, **header.metadata()})


def header_of(model: Model, path: Path) -> Header:
    """The description of a Model that was read from ``path``, for both formats."""
    contract = model.contract
    return replace(
        _origin(contract.source, path, contract.sha256),
        scale=contract.scale,
        value_range=contract.value_range,
        licence="" if contract.licence == "unknown" else contract.licence,
        trained_on=contract.trained_on,
    )


def _origin(source: str, path: Path, digest: str | None) -> Header:
    """The origin of the weights, without local folder names."""
    return Header(
        source=path.name if source == str(path) else source,
        source_file=weights_file(path).name,
        source_sha256=digest or "",
    )


def _stored(tensors: dict[str, Tensor], half: bool) -> dict[str, Tensor]:
    stored = {key: (value.half() if half else value).contiguous() for key, value in tensors.items()}
    for key, value in stored.items():
        if not bool(torch.isfinite(value).all()):
            raise ModelError(f"the weight {key} is too large for half precision; convert without --half")
    return stored


def _require_any_size(model: Model) -> None:
    contract = model.contract
    if isinstance(model.network, ForeignNetwork):
        raise ModelError(
            f"{contract.name} is {contract.architecture}, of which only spandrel knows what depends on the size of "
            "the image; it cannot be written for any size"
        )
    if isinstance(model.network, WholeImageNetwork):
        raise ModelError(
            f"{contract.name} is {contract.architecture}, which uses statistics of the whole image; as an ONNX "
            "file it would give every tile its own, with seams between them: convert it to .safetensors"
        )


def onnx_content(
    model: Model,
    path: Path,
    *,
    side: int | None = None,
    padded: bool = True,
    half: bool = False,
    extra: str = "onnx",
) -> bytes:
    """The content of an ONNX file of a Model, from float32 images (1, 3, H, W) in [0, 1].

    Args:
        model: the model.
        path: of its file, for the metadata.
        side: height and width of all images; None: any.
        padded: as of :func:`wildsr.zoo.formats.onnx_export.exported`.
        half: store kernels as float16, for computation in float32.
        extra: the extra of this package that brings what is needed.

    Raises:
        ModelError: a package is missing, the network cannot be exported, or a kernel is too large for float16.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401 - the exporter of PyTorch needs it
    except ImportError as error:
        raise ModelError(f"to write ONNX files, run: pip install 'wildsr[{extra}]'") from error
    from wildsr.zoo.formats.onnx_export import exported, with_half_kernels

    graph = exported(model, side, padded=padded)
    if half:
        with_half_kernels(graph)
    header = replace(header_of(model, path), architecture=model.contract.architecture, value_range=1)
    onnx.helper.set_model_props(graph, header.metadata())
    return bytes(graph.SerializeToString())


def _difference(model: Model, path: Path) -> float:
    """The largest difference between an exported file and the model on an image with shading and noise."""
    drawn = torch.Generator().manual_seed(0)
    shading = nn.functional.interpolate(
        torch.rand(1, 3, 4, 6, generator=drawn), size=(24, 32), mode="bilinear"
    )
    image = (shading + 0.03 * torch.randn(shading.shape, generator=drawn)).clamp(0, 1)
    with torch.inference_mode():
        expected, found = model(image), load_onnx(path, ONNX)(image)
    same = found.shape == expected.shape
    difference = float((found - expected).abs().max()) if same else float("inf")
    if not difference <= WRONG * max(1.0, float(expected.abs().max())):
        raise ModelError(
            f"{model.contract.name} as an ONNX file gives another result (by {difference:.3g}); nothing was written"
        )
    return difference


def _written(target: Path, content: bytes, check: Callable[[Path], float | None]) -> float | None:
    """Write a file that replaces the target only when it is complete and ``check`` raises nothing."""
    try:
        with replacing(target) as partial:
            partial.write_bytes(content)
            return check(partial)
    except OSError as error:
        raise ModelError(f"{target} cannot be written: {error.strerror or error}") from error
