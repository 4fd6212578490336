"""Pickles that allocate, nest or call more than weights need are refused before anything is built."""

import io
import pickle
import struct
from collections import OrderedDict

import pytest
import torch

from wildsr.zoo.formats.pickle_scan import RefusedPickle, scan

_TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"


def _scan(content: bytes) -> bool:
    return scan(io.BytesIO(content), len(content))


def _text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def _integer(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def _storage(key: str, count: int) -> bytes:
    return (
        b"("
        + _text("storage")
        + b"ctorch\nFloatStorage\n"
        + _text(key)
        + _text("cpu")
        + _integer(count)
        + b"tQ"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"c__builtin__\nbytearray\n" + _integer(1 << 31) + b"\x85R.",
        b"c_codecs\nencode\n" + _text("a" * 9) + _text("utf-32") + b"\x86R.",
        b"c_codecs\nencode\n(c_codecs\nencode\n"
        + _text("\xff")
        + _text("utf-8")
        + b"\x86R"
        + _text("x")
        + b"tR.",
        b"ctorch\nSize\n(" + _text("a") + b"tR.",
        b"ctorch\nSize\n" + b"(K\x01t" + b"(K\x01t" + b"\x86R.",
        _storage("k" * 3000, 1 << 40) + b".",
        _storage("0", -1) + b".",
        b"(" + b"".join(_storage(str(index), 500) for index in range(40)) + b"t.",
        _TENSOR + b"(" + _integer(3) + b"K\0(K\x01t(K\x01ttR.",
        _TENSOR + b"(" + _storage("0", 1) + b"K\0(" + _text("1") + b"t(K\x01ttR.",
        b"ccollections\nOrderedDict\n]q\0\x85R" + b"ccollections\nOrderedDict\nh\0\x85R.",
        b"ccollections\nOrderedDict\n)\x81.",
    ],
    ids=[
        "bytearray of a size",
        "encoding that grows",
        "encoding within encoding",
        "size of text",
        "two arguments",
        "count behind a long key",
        "negative count",
        "many storages",
        "tensor of a number",
        "shape of text",
        "one list copied twice",
        "instance",
    ],
)
def test_refused(content: bytes) -> None:
    with pytest.raises(RefusedPickle):
        _scan(b"\x80\x02" + content)


@pytest.mark.parametrize("protocol", range(5))
def test_plain_data(protocol: int) -> None:
    content = {
        "a": [1, 2.5, None, True, "text", (1, (2,))],
        3: {"b": OrderedDict(c=1)},
        "d": torch.Size([1, 2]),
    }
    # Protocols 0 and 1 copy a Size by way of copyreg, as no PyTorch file does.
    plain = content if protocol > 1 else {key: value for key, value in content.items() if key == "a"}
    assert _scan(pickle.dumps(plain, protocol=protocol))


def test_pairs_of_python_2() -> None:
    assert _scan(b"\x80\x02ccollections\nOrderedDict\n](]" + _text("a") + b"aK\x01ae\x85R.")


@pytest.mark.parametrize("legacy", [False, True])
def test_training_state(legacy: bool) -> None:
    """All that a run saves is accepted: moments of optimizers, parameters, nested settings."""
    network = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    buffer = io.BytesIO()
    state = {
        "step": 7,
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "w": network.weight,
    }
    torch.save(state, buffer, _use_new_zipfile_serialization=not legacy)
    size = len(buffer.getvalue())
    if legacy:
        buffer.seek(0)
        assert all(scan(buffer, size) for _ in range(5))
    else:
        archive = torch._C.PyTorchFileReader(io.BytesIO(buffer.getvalue()))
        assert scan(io.BytesIO(archive.get_record("data.pkl")), size)
