"""Model files that are damaged or mean harm, the same ones for the same seed."""

import io
import json
import pickle
import random
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import torch
from fuzz_pool import Files, Hostile
from hostile_pickles import first_pickles, harmful_pickle, harmful_state, odd_pickle
from safetensors.torch import save
from torch import Tensor, nn

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.msrresnet import MSRResNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.srrescgan import SRResCGAN

Mutation = Callable[[random.Random, bytes], bytes]
LARGEST_BOMB = 1 << 27


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
        "safetensors": [{".safetensors": save(state, {"scale": "4"})} for state in states],
        "zip": [{".pth": saved({"params_ema": state}, legacy=False)} for state in states],
        "legacy": [{".pth": saved(state, legacy=True)} for state in states],
        **_other_formats(),
    }


def saved(content: object, *, legacy: bool) -> bytes:
    buffer = io.BytesIO()
    if legacy:
        _save_legacy(content, buffer)
    else:
        torch.save(content, buffer)
    return buffer.getvalue()


def _save_legacy(content: object, file: io.BytesIO) -> None:
    """What torch.save wrote before version 1.6, without the addresses in memory by which it named storages."""
    storages: dict[int, tuple[str, torch.TypedStorage]] = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, value: object) -> object:
            if not isinstance(value, torch.TypedStorage):
                return None
            key = storages.setdefault(value._untyped_storage.data_ptr(), (f"{len(storages):04}", value))[0]
            return ("storage", getattr(torch, value._pickle_storage_type()), key, "cpu", value._size(), None)

    sizes = {"short": 2, "int": 4, "long": 4}
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": sizes}
    for value in (0x1950A86A20F9469CFC6C, 1001, system):
        pickle.dump(value, file, protocol=2)
    Pickler(file, protocol=2).dump(content)
    pickle.dump([key for key, _ in storages.values()], file, protocol=2)
    for _, storage in storages.values():
        file.write(struct.pack("<q", storage._size()) + bytes(storage._untyped_storage.tolist()))


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
    """Number ``index`` of the hostile files of ``seed``; what means harm creates ``canary``."""
    rng = random.Random(f"{seed} {index}")
    formats = list(healthy)
    form = formats[index % len(formats)]
    files = dict(rng.choice(healthy[form]))
    main = next(iter(files))
    own = _OWN.get(form, {})
    choice = rng.choice([*_ANY, *own, *own])  # what knows the format goes deeper
    if choice in own:
        files[main] = own[choice](rng, files[main], canary)
    else:
        changed = rng.choice(list(files))
        files[changed] = _ANY[choice](rng, files[changed])
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


_ANY: dict[str, Mutation] = {
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

# --- safetensors


def lying_header(rng: random.Random, data: bytes, _: Path) -> bytes:
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    names = [name for name in header if name != "__metadata__"]
    for _ in range(rng.randint(1, 3)):
        entry = header[rng.choice(names)]
        match rng.randrange(8):
            case 0:
                entry["shape"] = [rng.choice([0, -1, 1 << 31, 1 << 62, 3.5, None]) for _ in range(4)]
            case 1:
                entry["dtype"] = rng.choice(["F64", "I64", "BOOL", "F8_E4M3", "F4", "", "BF16", "C64"])
            case 2:
                start = rng.randrange(1 << rng.choice([4, 16, 40, 62]))
                entry["data_offsets"] = [start, start + rng.randrange(1 << 16)]
            case 3:
                entry["data_offsets"] = [0, 1 << 62]
                entry["shape"] = [1 << 60]
            case 4:
                header["__metadata__"] = rng.choice([3, {"a": 1}, {"scale": "9" * 9000}, [], "x" * 99999])
            case 5:
                header[rng.choice(["a" * 100_000, "\ud800", "", "../../x", "__metadata__x"])] = dict(entry)
            case 6:
                entry["shape"] = entry["shape"] * 20
            case _:
                header.update({f"body.{index}.weight": dict(entry) for index in range(20_000)})
    text = json.dumps(header).encode()
    claimed = len(text) if rng.random() < 0.8 else rng.choice([0, 1, 1 << 31, 1 << 63, len(text) + 5])
    return struct.pack("<Q", claimed) + text + body


def nested_header(rng: random.Random, _data: bytes, _: Path) -> bytes:
    text = rng.choice([b'{"a":', b"[", b'{"__metadata__":{"a":']) * rng.choice([1000, 100_000])
    return struct.pack("<Q", len(text)) + text


# --- zip archives of PyTorch


def records_of(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {record.filename: archive.read(record) for record in archive.infolist()}


def zipped(records: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in records.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)  # without the time of day
    return buffer.getvalue()


def renamed(records: dict[str, bytes], end: str, content: bytes) -> dict[str, bytes]:
    return {name: content if name.endswith(end) else value for name, value in records.items()}


def odd_records(rng: random.Random, data: bytes, _: Path) -> bytes:
    records = records_of(data)
    name = rng.choice(list(records))
    match rng.randrange(6):
        case 0:
            del records[name]
        case 1:
            records[name] = rng.randbytes(rng.choice([0, 1, 7, 5000]))
        case 2:
            records[f"../../{name}"] = records.pop(name)
        case 3:
            records = {f"{'deep/' * 200}{key}": value for key, value in records.items()}
        case 4:
            records = renamed(records, "byteorder", rng.choice([b"big", b"", b"middle"]))
        case _:
            records |= {f"archive/data/{index}": b"" for index in range(3000)}
    return zipped(records)


def bomb(rng: random.Random, data: bytes, _: Path) -> bytes:
    """A few kilobytes that unpack to many megabytes."""
    records = records_of(data)
    victim = rng.choice([name for name in records if "data" in name])
    return zipped({**records, victim: bytes(LARGEST_BOMB)}, zipfile.ZIP_DEFLATED)


def nested_archive(rng: random.Random, data: bytes, _: Path) -> bytes:
    for _ in range(rng.randint(1, 5)):
        data = zipped({"archive/data.pkl" if rng.random() < 0.5 else "net.pth": data})
    return data


def lying_directory(rng: random.Random, data: bytes, _: Path) -> bytes:
    """The directory at the end of the archive gives other sizes and places than the records."""
    changed, places = bytearray(data), []
    place = data.find(b"PK\x01\x02")
    while place >= 0:
        places.append(place)
        place = data.find(b"PK\x01\x02", place + 4)
    for _ in range(rng.randint(1, 4)):
        field = rng.choice(places) + rng.choice([8, 10, 20, 24, 28, 42])
        changed[field : field + 4] = rng.choice(
            [b"\xff" * 4, b"\0" * 4, b"\1\0\0\0", rng.randbytes(4), struct.pack("<I", len(data) * 2)]
        )
    return bytes(changed)


def duplicates(rng: random.Random, data: bytes, canary: Path) -> bytes:
    """Two records of one name: who reads the one, may execute the other."""
    records, buffer = records_of(data), io.BytesIO()
    pairs = list(records.items())
    pairs.insert(
        rng.choice([0, len(pairs)]),
        (next(name for name in records if name.endswith("data.pkl")), harmful_pickle(rng, canary)),
    )
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in pairs:
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def other_pickle_in_zip(rng: random.Random, data: bytes, canary: Path) -> bytes:
    make = rng.choice([harmful_pickle, odd_pickle])
    return zipped(renamed(records_of(data), "data.pkl", make(rng, canary)))


def harm_beside_weights(rng: random.Random, data: bytes, canary: Path) -> bytes:
    state: dict[str, Tensor] = torch.load(io.BytesIO(data), weights_only=True)
    return saved(harmful_state(rng, state, canary), legacy=rng.random() < 0.5)


# --- PyTorch files from before zip archives


def other_pickle_in_legacy(rng: random.Random, data: bytes, canary: Path) -> bytes:
    """After the magic number, the protocol and the system come the weights: here something else."""
    make = rng.choice([harmful_pickle, odd_pickle])
    start = first_pickles(data, rng.choice([0, 1, 3, 3, 3]))
    return data[:start] + make(rng, canary) + data[first_pickles(data, 4) :]


_OWN: dict[str, dict[str, Callable[[random.Random, bytes, Path], bytes]]] = {
    "safetensors": {"lying header": lying_header, "nested header": nested_header},
    "zip": {
        "odd records": odd_records,
        "zip bomb": bomb,
        "nested archive": nested_archive,
        "lying directory": lying_directory,
        "two records of one name": duplicates,
        "another pickle": other_pickle_in_zip,
        "harm beside weights": harm_beside_weights,
    },
    "legacy": {"another pickle": other_pickle_in_legacy, "harm beside weights": harm_beside_weights},
}
