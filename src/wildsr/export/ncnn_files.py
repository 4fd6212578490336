"""Writes ncnn models, a ``.param`` and a ``.bin`` file, through pnnx, and runs them. Needs pnnx and ncnn."""

import subprocess
import tempfile
import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.ncnn import MAGIC
from wildsr.zoo.model import Model

INPUT, OUTPUT = "data", "output"
_MINUTES = 10


def write_ncnn(model: Model, target: Path) -> None:
    """Write ``model`` as ``target`` (.param) and its .bin, in float16, for images of any size.

    The blobs are named :data:`INPUT` and :data:`OUTPUT`. For a network that works on multiples of a size, the image is
    padded and the result is cropped in the graph.

    Raises:
        ModelError: pnnx is missing or fails.
    """
    side = 16 * model.contract.size_multiple
    with tempfile.TemporaryDirectory() as work, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer
        traced = torch.jit.trace(_rounded(model), torch.zeros(1, 3, side, side))  # type: ignore[no-untyped-call]
        torch.jit.save(traced, f"{work}/net.pt")
        _run_pnnx(Path(work), (side, side), (2 * side, side))
        lines = Path(work, "net.ncnn.param").read_text("utf-8").splitlines()[2:]
        weights = Path(work, "net.ncnn.bin").read_bytes()
    contract = model.contract
    graph = _any_size(_renamed(lines), contract.size_multiple, contract.scale)
    blobs = sum(int(line.split()[3]) for line in graph)
    target.write_text(f"{MAGIC.decode()}\n{len(graph)} {blobs}\n" + "\n".join(graph) + "\n", "utf-8")
    target.with_suffix(".bin").write_bytes(weights)


def ncnn_runner(path: Path) -> Any:
    """A function that computes images (1, 3, H, W) with the ncnn model ``path`` (.param) on the CPU."""
    try:
        import ncnn
    except ImportError as error:
        raise ModelError("to check ncnn files, run: pip install 'wildsr[export]'") from error
    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    net.opt.num_threads = torch.get_num_threads()
    if net.load_param(str(path)) or net.load_model(str(path.with_suffix(".bin"))):
        raise ModelError(f"ncnn cannot read {path.name}; nothing was written")

    def run(image: Tensor) -> Tensor:
        extractor = net.create_extractor()
        extractor.input(INPUT, ncnn.Mat(image[0].contiguous().numpy()).clone())
        failed, out = extractor.extract(OUTPUT)
        if failed:
            raise ModelError(f"ncnn cannot compute {path.name}; nothing was written")
        return torch.tensor(out.numpy()).unsqueeze(0)

    return run


def _rounded(model: Model) -> nn.Module:
    """A copy of the network, from and to [0, 1], with kernels that float16 holds: pnnx would cut digits off."""
    network = deepcopy(model.unit_range).eval().requires_grad_(False)
    for kernel in network.parameters():
        if kernel.ndim == 4:
            kernel.copy_(kernel.half())
    return network


def _run_pnnx(folder: Path, *sizes: tuple[int, int]) -> None:
    """Convert ``net.pt`` in ``folder``; a height and a width that differ between the ``sizes`` are free."""
    try:
        import pnnx
    except ImportError as error:
        raise ModelError("to write ncnn files, run: pip install 'wildsr[export]'") from error
    shapes = [f"[1,3,{height},{width}]" for height, width in sizes]
    command = [pnnx.EXEC_PATH, "net.pt", f"inputshape={shapes[0]}", f"inputshape2={shapes[1]}", "fp16=1"]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=60 * _MINUTES
        )
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"pnnx did not finish within {_MINUTES} minutes; nothing was written") from error
    if done.returncode or not (folder / "net.ncnn.param").is_file():
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
        raise ModelError(f"pnnx cannot convert the model ({last[0]}); nothing was written")


def _renamed(lines: list[str]) -> list[str]:
    """The lines of a graph with pnnx's names of the input and the output replaced by ours."""
    names = {"in0": INPUT, "out0": OUTPUT}
    return [" ".join(names.get(word, word) for word in line.split()) for line in lines]


def _any_size(lines: list[str], multiple: int, scale: int) -> list[str]:
    """A graph of multiples of a size as one of any size: the image is padded, the result is cropped.

    Only with layers that ncnn has had for years, on all devices: padding is by a fixed number of lines; then the image
    is cropped to a blob that was reduced and enlarged again, whose size is therefore a multiple.
    """
    if multiple == 1:
        return lines
    more = multiple - 1
    first, rest = lines[0], lines[1:]
    rest = [" ".join("fitting" if word == INPUT else word for word in line.split()) for line in rest]
    rest = [" ".join("uncropped" if word == OUTPUT else word for word in line.split()) for line in rest]
    return [
        first,
        f"Split split_data 1 2 {INPUT} data_0 data_1",
        f"Padding pad 1 1 data_0 padded 0=0 1={more} 2=0 3={more} 4=2",
        "Split split_padded 1 2 padded padded_0 padded_1",
        f"Interp reduced 1 1 padded_0 reduced 0=1 1={1 / multiple} 2={1 / multiple}",
        f"Interp enlarged 1 1 reduced enlarged 0=1 1={multiple}.0 2={multiple}.0",
        "Crop fit 2 1 padded_1 enlarged fitting",
        *rest,
        f"Interp size 1 1 data_1 size 0=1 1={scale}.0 2={scale}.0",
        f"Crop crop 2 1 uncropped size {OUTPUT}",
    ]
