"""ncnn models: published files, graphs in several styles, and damaged or misleading files."""

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.span import SPAN
from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.ncnn import NcnnLayer
from wildsr.zoo.formats.ncnn_compute import evaluate
from wildsr.zoo.load import load

SHARED_WEIGHTS = Path(__file__).parents[2].parent / "shared" / "weights"
Array = np.ndarray


def shared(name: str) -> Path:
    path = SHARED_WEIGHTS / name
    if not path.is_file():
        pytest.skip(f"no {path}")
    return path


# --- a second reader of the format, which knows no networks and no PyTorch


def convolved(x: Array, weight: Array, bias: Array) -> Array:
    radius = weight.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (radius, radius), (radius, radius)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[-2:], (1, 2))
    return np.einsum("oikl,ihwkl->ohw", weight, patches, optimize=True) + bias[:, None, None]


def shuffled(x: Array, by: int) -> Array:
    channels, height, width = x.shape
    x = x.reshape(channels // by**2, by, by, height, width).transpose(0, 3, 1, 4, 2)
    return x.reshape(channels // by**2, height * by, width * by)


def run_ncnn(param: Path, image: Array) -> Array:
    """The output of the graph for an image (3, H, W), in float64."""
    data, blobs = param.with_suffix(".bin").read_bytes(), {}

    def take(kind: str, count: int) -> Array:
        nonlocal data
        size = -(-count * np.dtype(kind).itemsize // 4) * 4
        taken, data = np.frombuffer(data[:size], kind, count), data[size:]
        return taken.astype(np.float64)

    for line in param.read_text().splitlines()[2:]:
        kind, _, ins, outs, *rest = line.split()
        given = [blobs[name] for name in rest[: int(ins)]]
        names = rest[int(ins) : int(ins) + int(outs)]
        p = dict(setting.split("=") for setting in rest[int(ins) + int(outs) :])
        if kind == "Input":
            out = image.astype(np.float64)
        elif kind == "Split":
            out = given[0]
        elif kind == "MemoryData":
            out = take("<f4", 3).reshape(3, 1, 1)
        elif kind == "Convolution":
            flag, count, side = take("<u4", 1)[0], int(p["6"]), int(p["1"])
            weight = take("<f2" if flag == 0x01306B47 else "<f4", count).reshape(int(p["0"]), -1, side, side)
            out = convolved(given[0], weight, take("<f4", int(p["0"])))
            if p.get("9") == "2":
                out = np.where(out > 0, out, out * float(p["-23310"].split(",")[1]))
        elif kind == "PReLU":
            out = np.where(given[0] > 0, given[0], given[0] * take("<f4", int(p["0"]))[:, None, None])
        elif kind == "ReLU":
            out = np.where(given[0] > 0, given[0], given[0] * float(p["0"]))
        elif kind in ("Sigmoid", "Swish"):
            out = 1 / (1 + np.exp(-given[0])) * (given[0] if kind == "Swish" else 1)
        elif kind == "BinaryOp":
            other = float(p["2"]) if p.get("1") == "1" else given[1]
            out = {"0": np.add, "1": np.subtract, "2": np.multiply}[p.get("0", "0")](given[0], other)
        elif kind == "Eltwise":
            factors = p["-23301"].split(",")[1:]
            out = sum(blob * float(factor) for blob, factor in zip(given, factors, strict=True))
        elif kind == "Concat":
            out = np.concatenate(given)
        elif kind == "PixelShuffle":
            out = shuffled(given[0], int(p["0"]))
        else:
            assert kind == "Interp", kind
            out = given[0].repeat(int(float(p["1"])), 1).repeat(int(float(p["2"])), 2)
        blobs |= dict.fromkeys(names, out)
    assert not data, "weights are left over"
    return out


def assert_computes_its_graph(path: Path, tolerance: float = 2e-5) -> None:
    """Errors are measured against the largest value."""
    image = torch.rand(1, 3, 11, 14, generator=torch.Generator().manual_seed(2))
    drawn = torch.from_numpy(run_ncnn(path.with_suffix(".param"), image[0].numpy()))
    assert drawn.std() > 0.01, "the graph hardly answers, so this shows nothing"
    assert (load(path)(image)[0] - drawn).abs().max() < tolerance * max(1, drawn.abs().max())


# --- published files


@pytest.mark.parametrize(
    ("name", "twin"),
    [
        ("realesr-general-x4v3", "realesr-general-x4v3"),
        ("realesr-animevideov3-x4", "realesr-animevideov3"),
    ],
)
@pytest.mark.parametrize("suffix", [".param", ".bin"])
def test_published_compact_models_are_their_safetensors(name: str, twin: str, suffix: str) -> None:
    model, expected = load(shared(name + suffix)), load_file(shared(f"{twin}.safetensors"))
    found = model.network.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], value.float()) for key, value in expected.items())
    assert model.contract.name == name
    digest = hashlib.sha256(shared(f"{name}.bin").read_bytes()).hexdigest()
    assert model.contract.sha256 == digest, "the graph alone says nothing about the weights"


@pytest.mark.parametrize("strength", ["medium", "weak"])
def test_published_span_models(strength: str) -> None:
    path = shared(f"4xNomos8k_span_otf_{strength}.param")
    model = load(path)
    assert model.contract.architecture == "SPAN"
    assert model.contract.sizes == {"features": 48, "scale": 4, "normalised": 1}
    assert_computes_its_graph(path)
    axis = torch.linspace(0.1, 0.9, 40)
    colour = torch.tensor((0.9, 0.6, 0.3)).view(1, 3, 1, 1)
    ramp = (axis[:, None] * 0.5 + axis[None] * 0.5) * colour
    enlarged = nn.functional.interpolate(ramp, scale_factor=4, mode="bicubic")
    assert (model(ramp) - enlarged)[..., 20:-20, 20:-20].abs().mean() < 0.04, "a ramp stays one"


# --- graphs written here

Line = tuple[str, list[str], list[str], str]


class Writer:
    """Writes a graph line by line, with its weights; ``half`` stores convolutions as float16."""

    def __init__(self, half: bool) -> None:
        self.half = half
        self.lines: list[Line] = [("Input", [], ["data"], "")]
        self.data = b""

    def add(self, kind: str, inputs: list[str], settings: str = "") -> str:
        self.lines.append((kind, inputs, [f"b{len(self.lines)}"], settings))
        return self.lines[-1][2][0]

    def conv(self, layer: nn.Conv2d, x: str, settings: str = "") -> str:
        weight = layer.weight.detach().numpy()
        stored = weight.astype("<f2" if self.half else "<f4").tobytes()
        self.data += struct.pack("<I", 0x01306B47 if self.half else 0) + stored + bytes(-len(stored) % 4)
        assert layer.bias is not None
        self.data += layer.bias.detach().numpy().astype("<f4").tobytes()
        out, _, side, _ = weight.shape
        return self.add(
            "Convolution", [x], f"0={out} 1={side} 4={side // 2} 5=1 6={weight.size} {settings}".strip()
        )

    def text(self) -> str:
        """With a Split wherever a blob is used twice, as ncnn wants."""
        lines: list[str] = []
        for kind, inputs, outputs, settings in self.lines:
            lines.append(self._line(kind, inputs, outputs, settings))
            uses = sum(other[1].count(outputs[0]) for other in self.lines)
            if uses > 1:
                copies = [f"{outputs[0]}_{index}" for index in range(uses)]
                lines.append(self._line("Split", outputs, copies, ""))
                left = iter(copies)
                for other in self.lines:
                    other[1][:] = [next(left) if name == outputs[0] else name for name in other[1]]
        return f"7767517\n{len(lines)} {10 * len(lines)}\n" + "\n".join(lines) + "\n"

    def _line(self, kind: str, inputs: list[str], outputs: list[str], settings: str) -> str:
        return f"{kind:16s} {outputs[0]}_ {len(inputs)} {len(outputs)} {' '.join([*inputs, *outputs])} {settings}"

    def save(self, path: Path) -> Path:
        path.write_text(self.text())
        path.with_suffix(".bin").write_bytes(self.data)
        return path


def leaky_conv(w: Writer, layer: nn.Module, x: str, fused: bool) -> str:
    assert isinstance(layer, nn.Conv2d)
    if fused:
        return w.conv(layer, x, "9=2 -23310=1,2.000000e-01")
    return w.add("ReLU", [w.conv(layer, x)], "0=2.000000e-01")


def residual(w: Writer, x: str, change: str, fused: bool) -> str:
    if fused:
        return w.add("Eltwise", [change, x], "0=1 -23301=2,2.000000e-01,1.000000e+00")
    return w.add("BinaryOp", [w.add("BinaryOp", [change], "0=2 1=1 2=2.000000e-01"), x], "0=0")


def draw_rrdbnet(network: RRDBNet, half: bool, fused: bool) -> Writer:
    """As onnx2ncnn writes it, or as ncnnoptimize does."""
    w = Writer(half)
    first = features = w.conv(network.conv_first, "data")
    for block in network.RRDB_trunk:
        start = features
        for dense in (block.RDB1, block.RDB2, block.RDB3):
            grown = [features]
            for index in range(1, 5):
                x = w.add("Concat", grown, "0=0") if index > 1 else features
                grown = [*grown, leaky_conv(w, getattr(dense, f"conv{index}"), x, fused)]
            change = w.conv(dense.conv5, w.add("Concat", grown, "0=0"))
            features = residual(w, features, change, fused)
        features = residual(w, start, features, fused)
    features = w.add("BinaryOp", [first, w.conv(network.trunk_conv, features)], "0=0")
    for index in range(network.upsamplings):
        up = w.add("Interp", [features], "0=1 1=2.000000e+00 2=2.000000e+00")
        features = leaky_conv(w, network.get_submodule(f"upconv{index + 1}"), up, fused)
    w.conv(network.conv_last, leaky_conv(w, network.HRconv, features, fused))
    return w


def draw_compact(network: SRVGGNetCompact, half: bool = False, slope: float | None = None) -> Writer:
    w = Writer(half)
    x = "data"
    for layer in network.body:
        if isinstance(layer, nn.Conv2d):
            x = w.conv(layer, x)
        elif slope is not None:
            x = w.add("ReLU", [x], f"0={slope}")
        else:
            assert isinstance(layer, nn.PReLU)
            w.data += layer.weight.detach().numpy().astype("<f4").tobytes()
            x = w.add("PReLU", [x], f"0={layer.weight.numel()}")
    scale = f"{network.scale}"
    shuffle = w.add("PixelShuffle", [x], f"0={scale}")
    plain = w.add("Interp", ["data"], f"0=1 1={scale}.0 2={scale}.0")
    w.add("BinaryOp", [shuffle, plain])
    return w


def draw_span(network: SPAN, gathered_before_activation: bool = False) -> Writer:
    w = Writer(False)
    shallow = x = w.conv(network.conv_1, "data")
    first = ""
    for index in range(1, 7):
        block = network.get_submodule(f"block_{index}")
        before = w.conv(block.c1_r, x)
        inside = w.add("Swish", [before])
        three = w.conv(block.c3_r, w.add("Swish", [w.conv(block.c2_r, inside)]))
        attention = w.add("BinaryOp", [w.add("Sigmoid", [three])], "0=1 1=1 2=5.000000e-01")
        x = w.add("BinaryOp", [w.add("BinaryOp", [three, x], "0=0"), attention], "0=2")
        first = first or x
    deep = w.conv(network.conv_2, x)
    last = before if gathered_before_activation else inside
    merged = w.conv(network.conv_cat, w.add("Concat", [shallow, deep, first, last], "0=0"))
    w.add("PixelShuffle", [w.conv(network.upsampler[0], merged)], f"0={network.scale} 1=0")
    return w


def made(build: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(4)
    network = build().eval().requires_grad_(False)
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.normal_(0, parameter[0].numel() ** -0.5)
        else:
            parameter.uniform_(-0.3, 0.3)
    return network


def compact() -> SRVGGNetCompact:
    network = made(lambda: SRVGGNetCompact(features=5, convs=2, scale=2))
    assert isinstance(network, SRVGGNetCompact)
    return network


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_rrdbnet(tmp_path: Path, half: bool, fused: bool, scale: int) -> None:
    network = made(lambda: RRDBNet(features=5, blocks=2, growth=3, scale=scale))
    assert isinstance(network, RRDBNet)
    path = draw_rrdbnet(network, half, fused).save(tmp_path / "net.param")
    model = load(path)
    assert model.contract.sizes == {"features": 5, "blocks": 2, "growth": 3, "scale": scale, "unshuffle": 1}
    expected = network.state_dict()
    for key, value in model.network.state_dict().items():
        stored = expected[key].half().float() if half and key.endswith("weight") else expected[key]
        assert torch.equal(value, stored), key
    assert_computes_its_graph(path)


@pytest.mark.parametrize("half", [False, True])
def test_compact(tmp_path: Path, half: bool) -> None:
    path = draw_compact(compact(), half).save(tmp_path / "net.param")
    assert_computes_its_graph(path)
    assert load(tmp_path / "net.bin").contract.sizes == {"features": 5, "convs": 2, "scale": 2}


def test_span_without_normalisation(tmp_path: Path) -> None:
    network = made(lambda: SPAN(features=4, scale=2, normalised=False))
    assert isinstance(network, SPAN)
    path = draw_span(network).save(tmp_path / "net.param")
    assert load(path).contract.sizes == {"features": 4, "scale": 2, "normalised": 0}
    assert_computes_its_graph(path)


# --- graphs of other networks


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(path)
    assert path.stem in str(caught.value)
    return str(caught.value)


def test_a_graph_that_computes_something_else(tmp_path: Path) -> None:
    """The same layers and weights, connected in another way."""
    network = made(lambda: SPAN(features=4, scale=2, normalised=False))
    assert isinstance(network, SPAN)
    path = draw_span(network, gathered_before_activation=True).save(tmp_path / "net.param")
    assert "computes something other than SPAN" in refusal(path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Interp", "Deconvolution", "Deconvolution"),
        ("0=1 1=2.0 2=2.0", "0=3 1=2.0 2=2.0", "another way than nearest"),
        ("0=1 1=2.0 2=2.0", "0=2 1=2.0 2=2.0", "computes something other"),
        ("0=1 1=2.0 2=2.0", "0=1 1=99999.0 2=99999.0", "would make"),
        ("b7 b8 0=2", "b7 b8 0=2 1=1", "another order"),
        ("2 1 b8 b9 b10", "2 1 b8 b9 b10 0=1", "something other"),
        ("2 1 b8 b9 b10", "2 1 b8 b99 b10", "cannot be computed"),
        ("BinaryOp         b10_ 2 1 b8 b9 b10", "Sigmoid b10_ 1 1 b8 b10", "2 outputs"),
        ("4=1 5=1", "4=0 5=1", "not square, of stride 1"),
        ("4=1 5=1", "3=2 4=1 5=1", "not square, of stride 1"),
        ("4=1 5=1", "4=1 5=1 9=6", "activation 6"),
        ("4=1 5=1", "4=1 5=1 8=1", "int8"),
        ("6=135", "6=134", "claims 134 weights"),
        ("6=135", "6=99999990", "truncated"),
        ("0=5 1=3", "0=-5 1=3", "claims 135 weights"),
        ("5=1 6=540", "5=0 6=540", "left over"),
        ("1=3", "1=three", "cannot be read"),
        ("1 1 data_0", "1 99 data_0", "incomplete"),
    ],
)
def test_other_graphs(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = draw_compact(compact()).save(tmp_path / "net.param")
    text = path.read_text()
    assert old in text, text
    path.write_text(text.replace(old, new, 1))
    assert said in refusal(path)


def test_another_activation_is_no_compact_network(tmp_path: Path) -> None:
    path = draw_compact(compact(), slope=0.1).save(tmp_path / "net.param")
    assert "none of those that wildsr reads from ncnn" in refusal(path)


# --- broken files


def test_half_of_a_model(tmp_path: Path) -> None:
    path = draw_compact(compact()).save(tmp_path / "net.param")
    path.with_suffix(".bin").rename(tmp_path / "other.bin")
    assert "put net.bin with its weights beside it" in refusal(path)
    assert "put other.param with its graph beside it" in refusal(tmp_path / "other.bin")


def test_weights_of_another_model(tmp_path: Path) -> None:
    path = draw_compact(compact()).save(tmp_path / "net.param")
    path.with_suffix(".bin").write_bytes(path.with_suffix(".bin").read_bytes() + bytes(8))
    assert "do not belong together" in refusal(path)


@pytest.mark.parametrize(("flag", "said"), [(0x000D4B38, "int8"), (0x0002C056, "0x2c056")])
def test_other_storage(tmp_path: Path, flag: int, said: str) -> None:
    path = draw_compact(compact()).save(tmp_path / "net.param")
    values = path.with_suffix(".bin")
    values.write_bytes(struct.pack("<I", flag) + values.read_bytes()[4:])
    assert said in refusal(path)


def test_binary_param(tmp_path: Path) -> None:
    path = tmp_path / "net.param"
    path.write_bytes(struct.pack("<I", 7767517) + bytes(60))
    assert "binary form" in refusal(path)


def test_nan_weights(tmp_path: Path) -> None:
    broken: Tensor = compact().body[2].weight
    network = compact()
    network.body[2].weight[0, 0, 0, 0] = float("nan")
    assert broken.isfinite().all()
    assert "cannot be used" in refusal(draw_compact(network).save(tmp_path / "net.param"))


def test_random_damage_is_always_explained(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(5)
    path = draw_compact(compact(), half=True).save(tmp_path / "net.param")
    for damaged in (path, path.with_suffix(".bin")):
        sound = damaged.read_bytes()
        for _ in range(60):
            content = bytearray(sound)
            for place in torch.randint(len(content), (3,), generator=generator).tolist():
                content[place] = int(torch.randint(256, (), generator=generator))
            damaged.write_bytes(content[: int(torch.randint(1, 2 * len(content), (), generator=generator))])
            try:
                load(path)
            except ModelError:
                continue
        damaged.write_bytes(sound)
    load(path)


def _layer(kind: str, inputs: str, outputs: str, **numbers: float) -> NcnnLayer:
    settings = {int(key[1:]): value for key, value in numbers.items()}
    return NcnnLayer(kind, tuple(inputs.split()), tuple(outputs.split()), settings, {}, {})


def test_a_graph_of_many_large_blobs() -> None:
    """No blob is too large by itself, but 30 of them are 86 million values."""
    enlarged = _layer("Interp", "in", "b0", _0=1, _1=100.0, _2=100.0)
    chain = [_layer("ReLU", f"b{index}", f"b{index + 1}") for index in range(30)]
    with pytest.raises(ModelError, match="values of a small image"):
        evaluate([_layer("Input", "", "in"), enlarged, *chain], torch.rand(1, 3, 12, 8))


def test_broadcasting_is_bounded() -> None:
    columns = _layer("MemoryData", "", "a")._replace(weights={"value": torch.zeros(1, 9000, 1)})
    rows = _layer("MemoryData", "", "b")._replace(weights={"value": torch.zeros(1, 1, 9000)})
    with pytest.raises(ModelError, match="BinaryOp in its graph would make 81000000 values"):
        evaluate([columns, rows, _layer("BinaryOp", "a b", "c")], torch.rand(1, 3, 12, 8))
