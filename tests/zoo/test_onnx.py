"""ONNX files: any network that upscales images, with its contract found by test runs; and excessive files."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.inference.upscaler import Upscaler
from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.storage.digest import sha256_of
from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.onnx_file import inspect
from wildsr.zoo.load import load

onnx = pytest.importorskip("onnx")

FREE = {"input": {2: "height", 3: "width"}}


def export(network: nn.Module, path: Path, example: Tensor | None = None, **options: Any) -> Path:
    example = torch.zeros(1, 3, 16, 16) if example is None else example
    settings = {"input_names": ["input"], "dynamic_axes": FREE, "dynamo": False} | options
    torch.onnx.export(network.eval(), (example,), str(path), **settings)
    return path


pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning", "ignore:.*legacy:UserWarning"
)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return SRVGGNetCompact(features=8, convs=2, scale=4).eval().requires_grad_(False)


@pytest.fixture
def path(network: nn.Module, tmp_path: Path) -> Path:
    return export(network, tmp_path / "net.onnx")


def test_a_free_size(path: Path, network: nn.Module) -> None:
    model = load(path)
    contract = model.contract
    assert (contract.architecture, contract.name, contract.scale) == ("ONNX", "net", 4)
    assert (contract.size_multiple, contract.value_range) == (1, 1.0)
    assert contract.overlap == 16, "the least"
    for shape in ((2, 3, 9, 13), (1, 3, 1, 1)):
        x = torch.rand(shape)
        torch.testing.assert_close(model(x), network(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("free", [{0: "b", 1: "c", 2: "h", 3: "w"}, {}], ids=["all free", "all fixed"])
def test_other_shapes_of_input(tmp_path: Path, network: nn.Module, free: dict[int, str]) -> None:
    """A fixed input size is replaced if the graph accepts any size."""
    model = load(export(network, tmp_path / "net.onnx", dynamic_axes={"input": free}))
    x = torch.rand(1, 3, 21, 30)
    torch.testing.assert_close(model(x), network(x), rtol=0, atol=1e-5)


def test_half_precision(tmp_path: Path, network: nn.Module) -> None:
    from copy import deepcopy

    half = deepcopy(network).half()
    model = load(export(half, tmp_path / "net.onnx", torch.zeros(1, 3, 16, 16).half()))
    x = torch.rand(1, 3, 20, 18)
    torch.testing.assert_close(model(x), network(x), rtol=0, atol=5e-3)


@pytest.mark.parametrize(("scale", "unshuffle"), [(2, 2), (1, 4), (2, 1)])
def test_size_multiple(tmp_path: Path, scale: int, unshuffle: int) -> None:
    network = RRDBNet(features=4, blocks=1, growth=2, scale=scale, unshuffle=unshuffle)
    model = load(export(network, tmp_path / "net.onnx"))
    assert (model.contract.scale, model.contract.size_multiple) == (scale, unshuffle)
    assert model(torch.rand(1, 3, 9, 7)).shape == (1, 3, 9 * scale, 7 * scale)


class Box(nn.Module):
    """Means of rows of 2 * radius + 1 pixels, enlarged."""

    def __init__(self, radius: int, scale: int = 2) -> None:
        super().__init__()
        self.radius, self.scale = radius, scale

    def forward(self, x: Tensor) -> Tensor:
        mean = F.avg_pool2d(x, (1, 2 * self.radius + 1), 1, (0, self.radius))
        return F.interpolate(mean, scale_factor=self.scale, mode="nearest")


@pytest.mark.parametrize(("radius", "overlap"), [(2, 16), (25, 27), (90, 64)])
def test_the_overlap_is_measured(tmp_path: Path, radius: int, overlap: int) -> None:
    contract = load(export(Box(radius), tmp_path / "net.onnx")).contract
    assert contract.overlap == overlap
    assert contract.receptive_field == max(min(radius, 65), contract.overlap)


@pytest.mark.parametrize("runtime", ["OpenVINO", "PyTorch"])
def test_tiled_equals_untiled(path: Path, runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if runtime == "PyTorch":
        from wildsr.inference import openvino_engine

        monkeypatch.setattr(openvino_engine, "works", lambda: False)
    model = load(path)
    lr = torch.rand(1, 3, 90, 71)
    upscale = Upscaler(model, precision="exact", tile=40, overlap=model.contract.receptive_field)
    calls: list[int] = []
    result = upscale(lr, lambda _, total: calls.append(total))
    assert calls[0] > 1
    torch.testing.assert_close(result, model(lr).clamp(0, 1), rtol=0, atol=2e-5)
    assert runtime in upscale.engine


def test_models_are_not_taken_for_each_other(tmp_path: Path) -> None:
    """Compiled models are kept by weights, and an ONNX network has none to show."""
    lr = torch.rand(1, 3, 12, 12)
    for seed in (0, 1):
        torch.manual_seed(seed)
        network = SRVGGNetCompact(features=4, convs=1, scale=2).eval().requires_grad_(False)
        result = Upscaler(load(export(network, tmp_path / f"{seed}.onnx")), precision="exact")(lr)
        torch.testing.assert_close(result, network(lr).clamp(0, 1), rtol=0, atol=2e-5)


def test_content_decides_not_the_suffix(path: Path, network: nn.Module) -> None:
    other = path.rename(path.with_suffix(".pth"))
    x = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(load(other)(x), network(x), rtol=0, atol=1e-5)


def test_metadata(path: Path) -> None:
    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {"licence": "MIT", "source": "https://example.org"})
    onnx.save(model, str(path))
    contract = load(path).contract
    assert (contract.licence, contract.source) == ("MIT", "https://example.org")


# --- files that are something else


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


class Lambda(nn.Module):
    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x: (x, x + 1), "2 outputs"),
        (lambda x: x.mean(1, keepdim=True), "no RGB images"),
        (lambda x: F.avg_pool2d(x, 2), "no RGB images"),
        (lambda x: x[..., 2:-2, 2:-2], "no RGB images"),
        (lambda x: x / (x - x), "NaN or infinite"),
    ],
    ids=["two outputs", "grey", "smaller", "cropped", "NaN"],
)
def test_other_networks(tmp_path: Path, function: Callable[[Tensor], Any], said: str) -> None:
    assert said in refusal(export(Lambda(function), tmp_path / "net.onnx"))


@pytest.mark.parametrize(("shape", "said"), [((1, 1, 16, 16), "one RGB image"), ((16, 16), "one RGB image")])
def test_other_inputs(tmp_path: Path, shape: tuple[int, ...], said: str) -> None:
    path = export(Lambda(lambda x: x * 2), tmp_path / "net.onnx", torch.zeros(shape), dynamic_axes={})
    assert said in refusal(path)


def test_integer_input(tmp_path: Path) -> None:
    given = torch.zeros(1, 3, 16, 16, dtype=torch.uint8)
    path = export(Lambda(lambda x: x.float()), tmp_path / "net.onnx", given)
    assert "floats in [0, 1]" in refusal(path)


def test_a_baked_in_size(tmp_path: Path) -> None:
    """A graph that depends on its input size cannot be tiled freely."""
    fixed = Lambda(lambda x: x.reshape(1, 3, 256).flip(2).reshape(1, 3, 16, 16))
    assert "free height and width" in refusal(export(fixed, tmp_path / "net.onnx", dynamic_axes={}))


@pytest.mark.parametrize("content", [b"", b"\x08\x07\x12", b"garbage" * 9, b"\x89PNG" + bytes(40), bytes(99)])
def test_not_onnx(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    assert "no ONNX model" in refusal(path)


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_truncated(path: Path, kept: float) -> None:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    assert "truncated" in refusal(path)


def test_random_damage_is_always_explained(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = export(SRVGGNetCompact(features=2, convs=1, scale=2), tmp_path / "net.onnx")
    sound, generator = path.read_bytes(), torch.Generator().manual_seed(5)
    refused = 0
    for _ in range(60):
        content = bytearray(sound)
        for place in torch.randint(len(content), (3,), generator=generator).tolist():
            content[place] = int(torch.randint(256, (), generator=generator))
        path.write_bytes(content)
        try:
            load(path)
        except ModelError:
            refused += 1
    assert 10 < refused < 60


# --- weights in other files


def with_external_data(path: Path, location: str) -> Path:
    """The same model, its tensors moved to another file."""
    model = onnx.load(str(path))
    onnx.save(model, str(path), save_as_external_data=True, location="tensors.bin", size_threshold=0)
    with_external_data_at(path, location)
    return path


def test_weights_beside_it(path: Path, network: nn.Module) -> None:
    with_external_data(path, "tensors.bin")
    assert path.stat().st_size < 4000, "the weights are still inside"
    assert inspect(path).external == (path.with_name("tensors.bin").resolve(),)
    x = torch.rand(1, 3, 9, 9)
    torch.testing.assert_close(load(path)(x), network(x), rtol=0, atol=1e-5)
    path.with_name("tensors.bin").unlink()
    assert "tensors.bin, which is missing" in refusal(path)


def test_digest_includes_weights_beside_it(path: Path) -> None:
    assert load(path).contract.sha256 == sha256_of(path)
    with_external_data(path, "tensors.bin")
    graph, before = path.read_bytes(), load(path).contract.sha256
    assert load(path).contract.sha256 == before
    tensors = path.with_name("tensors.bin")
    tensors.write_bytes((np.frombuffer(tensors.read_bytes(), np.float32) / 2).tobytes())
    assert load(path).contract.sha256 != before
    assert path.read_bytes() == graph


def test_weights_elsewhere_are_not_read(path: Path) -> None:
    outside = path.parent.parent / f"{path.parent.name}.secret"
    with_external_data(path, "tensors.bin")
    path.with_name("tensors.bin").rename(outside)
    path.with_name("link").symlink_to(outside)
    inner = path.with_name("inner")
    inner.mkdir()
    for location in (
        str(outside),
        f"../{outside.name}",
        f"inner/../../{outside.name}",
        "link",
        "..\\x",
        "C:\\x",
    ):
        with_external_data_at(path, location)
        assert re.search("not in its folder", refusal(path)), location
    outside.unlink()


def with_external_data_at(path: Path, location: str) -> None:
    model = onnx.load(str(path), load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())


def test_every_place_of_a_tensor_is_looked_at(tmp_path: Path) -> None:
    """In a constant node, inside the branch of a condition, in a function."""
    from onnx import TensorProto, helper

    def outside(name: str) -> Any:
        tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[1])
        tensor.data_location = TensorProto.EXTERNAL
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", f"../{name}"
        return tensor

    constant = helper.make_node("Constant", [], ["c"], value=outside("constant"))
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["d"], value=outside("branch"))], "b", [], []
    )
    condition = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    function = helper.make_function(
        "own", "f", [], ["e"], [helper.make_node("Constant", [], ["e"], value=outside("function"))], []
    )
    path = tmp_path / "net.onnx"
    for nodes, functions, said in (
        ([constant], [], "../constant"),
        ([condition], [], "../branch"),
        ([], [function], "../function"),
    ):
        graph = helper.make_graph(nodes, "g", [], [])
        path.write_bytes(helper.make_model(graph, functions=functions).SerializeToString())
        with pytest.raises(ValueError, match="not in its folder") as caught:
            inspect(path)
        assert said in str(caught.value)


def test_tensors_far_larger_than_the_file(tmp_path: Path) -> None:
    """A constant of 300 million values takes 400 bytes to write; it is refused before it is computed."""
    side, tensor = 10_000, onnx.numpy_helper.from_array
    nodes = [
        onnx.helper.make_node("ConstantOfShape", ["shape"], ["large"]),
        onnx.helper.make_node("ReduceMean", ["large", "axes"], ["mean"], keepdims=1),
        onnx.helper.make_node("Add", ["x", "mean"], ["y"]),
    ]
    values = [onnx.helper.make_tensor_value_info(name, 1, [1, 3, "h", "w"]) for name in ("x", "y")]
    constants = [
        tensor(np.array([1, 3, side, side], np.int64), "shape"),
        tensor(np.array([2, 3], np.int64), "axes"),
    ]
    graph = onnx.helper.make_graph(nodes, "graph", values[:1], values[1:], constants)
    opset = [onnx.helper.make_opsetid("", 18)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=9), tmp_path / "net.onnx")
    with pytest.raises(ModelError, match="values from constants"):
        load(tmp_path / "net.onnx")
