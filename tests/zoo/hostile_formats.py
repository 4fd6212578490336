"""Format-specific damage and attacks: safetensors, and PyTorch's files of both kinds."""

import io
import json
import pickle
import random
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch
from hostile_pickles import first_pickles, harmful_pickle, harmful_state, odd_pickle
from torch import Tensor

BOMB = 320  # MB, more than loading may take


def saved(content: object, *, legacy: bool) -> bytes:
    buffer = io.BytesIO()
    if legacy:
        _save_legacy(content, buffer)
    else:
        torch.save(content, buffer)
    return buffer.getvalue()


def _save_legacy(content: object, file: io.BytesIO) -> None:
    """The format of torch.save before version 1.6, without memory addresses as names of storages."""
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


def zipped(records: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in records.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # without the time of day
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


def bomb(rng: random.Random, data: bytes, _path: Path) -> bytes:
    """A few kilobytes that unpack to many megabytes."""
    records = records_of(data)
    victim = rng.choice([name for name in records if "data" in name])
    info = zipfile.ZipInfo(victim)
    info.compress_type = zipfile.ZIP_DEFLATED
    buffer = io.BytesIO(zipped({name: value for name, value in records.items() if name != victim}))
    with zipfile.ZipFile(buffer, "a") as archive, archive.open(info, "w") as record:
        for _ in range(BOMB):
            record.write(bytes(1 << 20))
    return buffer.getvalue()


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
    """Two records of one name: a reader may check one and execute the other."""
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


def odd_tensors(rng: random.Random, data: bytes, _: Path) -> bytes:
    """Weights of kinds that no network has."""
    state: dict[str, Tensor] = torch.load(io.BytesIO(data), weights_only=True)
    state = state.get("params_ema", state)  # type: ignore[assignment]
    key = rng.choice(list(state))
    value = state[key]
    state[key] = rng.choice(
        [
            value.to("meta"),
            torch.empty(1 << 40, device="meta"),
            value.to_sparse(),
            torch.quantize_per_tensor(value, 0.1, 0, torch.qint8),
            torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
            value.to(torch.complex64).conj(),
            value.to(rng.choice([torch.bool, torch.int64, torch.float8_e4m3fn, torch.float64])),
            torch.zeros(1).expand(1 << 20, 1 << 20),
            value.new_full(value.shape, float("nan")),
            torch.empty(0),
            torch.tensor(1.0),
        ]
    )
    return saved(state, legacy=rng.random() < 0.2)


# --- PyTorch files from before zip archives


def other_pickle_in_legacy(rng: random.Random, data: bytes, canary: Path) -> bytes:
    """After the magic number, the protocol and the system come the weights: here something else."""
    make = rng.choice([harmful_pickle, odd_pickle])
    start = first_pickles(data, rng.choice([0, 1, 3, 3, 3]))
    return data[:start] + make(rng, canary) + data[first_pickles(data, 4) :]


CHANGES: dict[str, dict[str, Callable[[random.Random, bytes, Path], bytes]]] = {
    "safetensors": {"lying header": lying_header, "nested header": nested_header},
    "zip": {
        "odd records": odd_records,
        "zip bomb": bomb,
        "nested archive": nested_archive,
        "lying directory": lying_directory,
        "two records of one name": duplicates,
        "another pickle": other_pickle_in_zip,
        "harm beside weights": harm_beside_weights,
        "odd tensors": odd_tensors,
    },
    "legacy": {
        "another pickle": other_pickle_in_legacy,
        "harm beside weights": harm_beside_weights,
        "odd tensors": odd_tensors,
    },
}
