"""Damaged and malicious model files, the same ones for the same seed."""

import random
import tempfile
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import torch
from fuzz_pool import Files, Hostile
from hostile_formats import CHANGES, saved
from safetensors.torch import save
from torch import nn

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.msrresnet import MSRResNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.srrescgan import SRResCGAN

Mutation = Callable[[random.Random, bytes], bytes]


def samples() -> dict[str, list[Files]]:
    """Healthy files of every format, small ones."""
    torch.manual_seed(0)
    networks: list[nn.Module] = [
        SRVGGNetCompact(4, 2, 2),
        RRDBNet(features=4, blocks=1, growth=2),
        MSRResNet(features=4, blocks=1, scale=4),
        SRResCGAN(features=4, blocks=1),
    ]
    states = [network.state_dict() for network in networks]
    return {
        "safetensors": [{".safetensors": save(state, {"licence": "MIT"})} for state in states],
        "zip": [{".pth": saved({"params_ema": state}, legacy=False)} for state in states],
        "legacy": [{".pth": saved(state, legacy=True)} for state in states],
        **_other_formats(),
    }


def _other_formats() -> dict[str, list[Files]]:
    from test_ncnn import draw_compact

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        param = draw_compact(SRVGGNetCompact(4, 2, 2), half=True).save(folder / "net.param")
        found = {"ncnn": [{s: param.with_suffix(s).read_bytes() for s in (".param", ".bin")}]}
        if find_spec("h5py"):
            from test_keras import keras_file, small_weights

            weights = small_weights()
            layers = list(dict.fromkeys(key.split("/")[0] for key in weights))
            found["keras"] = [{".h5": keras_file(folder / "net.h5", weights, layers).read_bytes()}]
        return found


def onnx_samples() -> dict[str, list[Files]]:
    """The same for ONNX, apart: OpenVINO compiles and runs such a file to find out what it is, which takes time."""
    from test_onnx import export

    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = export(SRVGGNetCompact(4, 1, 2), Path(name) / "net.onnx")
        return {"onnx": [{".onnx": path.read_bytes()}]}


def hostile(seed: int, index: int, healthy: dict[str, list[Files]], canary: Path) -> Hostile:
    """Number ``index`` of the hostile files of ``seed``; malicious ones create ``canary``."""
    rng = random.Random(f"{seed} {index}")
    formats = list(healthy)
    form = formats[index % len(formats)]
    files = dict(rng.choice(healthy[form]))
    main = next(iter(files))
    own = CHANGES.get(form, {})
    choice = rng.choice([*ANY, *own, *own])  # what knows the format goes deeper
    if choice in own:
        files[main] = own[choice](rng, files[main], canary)
    else:
        changed = rng.choice(list(files))
        files[changed] = ANY[choice](rng, files[changed])
    return Hostile(f"{form}: {choice}", files)


# --- what can be done to any file


def flip_bits(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice([1, 2, 8, 64])):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def spoil_the_beginning(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 12)):
        changed[rng.randrange(min(512, len(changed)))] = rng.randrange(256)
    return bytes(changed)


def spoil_the_end(rng: random.Random, data: bytes) -> bytes:
    return spoil_the_beginning(rng, data[::-1])[::-1]


def truncate(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.choice([rng.randrange(len(data)), rng.randrange(min(64, len(data))), len(data) - 1])]


def append(rng: random.Random, data: bytes) -> bytes:
    return data + rng.choice([b"\0" * 4096, rng.randbytes(rng.randint(1, 9000)), data])


def cut_out(rng: random.Random, data: bytes) -> bytes:
    start = rng.randrange(len(data))
    return data[:start] + data[start + rng.randint(1, 4096) :]


def repeat_a_part(rng: random.Random, data: bytes) -> bytes:
    start, place = rng.randrange(len(data)), rng.randrange(len(data))
    return data[:place] + data[start : start + rng.randint(1, 4096)] + data[place:]


def extreme_numbers(rng: random.Random, data: bytes) -> bytes:
    """Counts and lengths become enormous, negative or nothing."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        width = rng.choice([2, 4, 8])
        value = rng.choice([0, 1, (1 << 8 * width) - 1, 1 << (8 * width - 1), 1 << (4 * width)])
        place = rng.randrange(min(len(changed), rng.choice([256, len(changed)])))
        changed[place : place + width] = value.to_bytes(width, "little")
    return bytes(changed)


def extreme_digits(rng: random.Random, data: bytes) -> bytes:
    """The same for numbers that are written out."""
    places = [place for place, byte in enumerate(data) if 0x30 <= byte <= 0x39] or [0]
    place = rng.choice(places)
    return data[:place] + rng.choice([b"99999999999", b"-1", b"1e999", b"0", b"nan"]) + data[place + 1 :]


def garbage(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.choice([0, 2, 9, 64])] + rng.randbytes(rng.randint(1, 20_000))


ANY: dict[str, Mutation] = {
    "bits flipped": flip_bits,
    "beginning spoilt": spoil_the_beginning,
    "end spoilt": spoil_the_end,
    "truncated": truncate,
    "something appended": append,
    "a part cut out": cut_out,
    "a part repeated": repeat_a_part,
    "extreme numbers": extreme_numbers,
    "extreme digits": extreme_digits,
    "garbage": garbage,
}
