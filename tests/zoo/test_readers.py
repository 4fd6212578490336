"""Wrappings of checkpoints, and broken or malicious files: nothing is executed, every error is explained."""

import hashlib
import io
import json
import pickle
import random
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load
from wildsr.zoo.read import read_weights


def weights(seed: int = 0) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return SRVGGNetCompact(features=4, convs=2, scale=2).state_dict()


def loaded(path: Path) -> dict[str, Tensor]:
    return load(path).network.state_dict()


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(found[key], value.float()), key


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


# --- wrappings


@pytest.mark.parametrize(
    "wrapper", ["params", "params_ema", "state_dict", "model", "model_state_dict", "model_g_state_dict"]
)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_nesting_and_prefixes(tmp_path: Path, wrapper: str, prefix: str) -> None:
    path = tmp_path / "net.ckpt"
    torch.save(
        {wrapper: {prefix + key: value for key, value in weights().items()}, "iter": 7, "loss": [0.5]}, path
    )
    assert_same(loaded(path), weights())


def test_averaged_weights_are_preferred(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save({"params": weights(0), "params_ema": weights(1)}, path)
    assert_same(loaded(path), weights(1))


def test_deep_nesting(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save({"state_dict": {"params_ema": OrderedDict(weights())}}, path)
    assert_same(loaded(path), weights())


def test_old_pytorch_format(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(weights(), path, _use_new_zipfile_serialization=False)
    assert_same(loaded(path), weights())


def test_parameters_and_views(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(
        {key: nn.Parameter(value.to(memory_format=_any_format(value))) for key, value in weights().items()},
        path,
    )
    assert_same(loaded(path), weights())


def _any_format(value: Tensor) -> torch.memory_format:
    return torch.channels_last if value.ndim == 4 else torch.contiguous_format


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_other_precisions_become_float32(tmp_path: Path, dtype: torch.dtype, suffix: str) -> None:
    path = tmp_path / f"net{suffix}"
    stored = {key: value.to(dtype) for key, value in weights().items()}
    torch.save(stored, path) if suffix == ".pth" else save_file(stored, path)
    found = loaded(path)
    assert {value.dtype for value in found.values()} == {torch.float32}
    assert_same(found, stored)


def test_content_decides_not_the_suffix(tmp_path: Path) -> None:
    torch.save(weights(), tmp_path / "a.safetensors")
    save_file(weights(), tmp_path / "b.pth")
    assert_same(loaded(tmp_path / "a.safetensors"), weights())
    assert_same(loaded(tmp_path / "b.pth"), weights())


def test_a_header_as_long_as_a_pickle_begins(tmp_path: Path) -> None:
    """The header's length comes first in a safetensors file, and its low byte may be 0x80."""
    path = tmp_path / "net.safetensors"
    for padding in range(0, 256, 8):
        save_file(weights(), path, {"note": "x" * padding})
        if path.read_bytes()[0] == 0x80:
            break
    else:
        pytest.fail("no length of the header begins with 0x80")
    assert_same(loaded(path), weights())


def test_ready_for_use(tmp_path: Path) -> None:
    path = tmp_path / "my net.safetensors"
    save_file(weights(), path, {"licence": "CC-BY-4.0", "source": "https://example.org", "scale": "2"})
    model = load(str(path))
    assert not model.network.training
    assert not any(parameter.requires_grad for parameter in model.network.parameters())
    contract = model.contract
    assert (contract.name, contract.licence, contract.source) == (
        "my net",
        "CC-BY-4.0",
        "https://example.org",
    )
    assert contract.scale == 2, "the weights decide, not the header"
    assert contract.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_file_may_change_after_loading(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(weights(), path)
    model = load(path)
    path.write_bytes(b"\0" * path.stat().st_size)
    assert_same(model.network.state_dict(), weights())


# --- not models


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"just some text, not a model at all", "not a model"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "JPEG"),
        (b"\n<!DOCTYPE html><html></html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "Keras"),
        (b"7767517\n3 3\n", "ncnn"),
        (bytes(4096), "not a model"),
        (b"\x80", "truncated or damaged"),
        (b"\x80\x02" + random.Random(0).randbytes(64), ""),
        (b"PK\x03\x04" + bytes(100), "truncated or damaged"),
    ],
)
def test_other_files(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "net.pth"
    path.write_bytes(content)
    assert said in refusal(path)


def test_zip_archive(tmp_path: Path) -> None:
    path = tmp_path / "net.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net.pth", b"x")
    assert "zip archive" in refusal(path)


def test_folder_and_missing_file(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)
    assert "there is no file" in refusal(tmp_path / "net.pth")


@pytest.mark.parametrize("content", [[1, 2], "text", 5, {"epoch": 3}, {}])
def test_no_weights_inside(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "net.pth"
    torch.save(content, path)
    refusal(path)


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.97])
def test_truncated(tmp_path: Path, form: str, kept: float) -> None:
    path = tmp_path / "net"
    if form == "safetensors":
        save_file(weights(), path)
    else:
        torch.save(weights(), path, _use_new_zipfile_serialization=form == "zip")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * kept)])
    message = refusal(path)
    assert "truncated" in message or "damaged" in message, message


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_weights(tmp_path: Path, bad: float) -> None:
    broken = weights()
    broken["body.2.weight"][0, 0, 0, 0] = bad
    save_file(broken, tmp_path / "net.safetensors")
    assert "body.2.weight holds NaN" in refusal(tmp_path / "net.safetensors")


def test_integer_weights(tmp_path: Path) -> None:
    torch.save(
        {**weights(), "body.0.weight": torch.zeros(4, 3, 3, 3, dtype=torch.int64)}, tmp_path / "net.pth"
    )
    assert "body.0.weight" in refusal(tmp_path / "net.pth")


# --- harm


class Harm:
    """Unpickling this creates a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.marker), "w"))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("form", ["zip", "legacy", "bare"])
@pytest.mark.parametrize("placed", ["whole", "beside"])
@pytest.mark.parametrize("forced", [False, True])
def test_code_is_never_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, placed: str, forced: bool
) -> None:
    if forced:
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    marker, path = tmp_path / "harmed", tmp_path / "net.pth"
    content: Any = Harm(marker) if placed == "whole" else {**weights(), "extra": Harm(marker)}
    if form == "bare":
        path.write_bytes(pickle.dumps(Harm(marker) if placed == "whole" else {"extra": Harm(marker)}))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    assert "pickled code" in refusal(path)
    assert not marker.exists()
    pickle.loads(pickle.dumps(Harm(marker))).close()
    assert marker.exists(), "the harmful pickle itself is harmless, so this test shows nothing"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchscript_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    torch.jit.trace(SRVGGNetCompact(4, 1), torch.rand(1, 3, 4, 4)).save(str(path))
    assert "TorchScript" in refusal(path)


def header(entries: str, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(entries) if length is None else length) + entries.encode()


HUGE = '{"body.0.weight":{"dtype":"F32","shape":[1000000000,3,3,3],"data_offsets":[0,108000000000]}}'


@pytest.mark.parametrize(
    "content",
    [
        header(HUGE) + bytes(64),
        header("{" + " " * 20, 1 << 62) + bytes(64),
        header('{"body.0.weight":{"dtype":"F32","shape":[4,3,3,3],"data_offsets":[0,16]}}') + bytes(16),
        header('{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}'),
        header("{" * 5000) + bytes(16),
    ],
    ids=["more than the file", "endless header", "shape and size differ", "overflow", "nested"],
)
def test_lying_safetensors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.safetensors"
    path.write_bytes(content)
    message = refusal(path)
    assert "damaged" in message or "truncated" in message, message


def test_lying_zip(tmp_path: Path) -> None:
    """A record that is shorter than the pickle says must not be read beyond its end."""
    path, lying = tmp_path / "net.pth", tmp_path / "lying.pth"
    torch.save(weights(), path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(lying, "w") as target:
        for record in source.infolist():
            content = source.read(record)
            target.writestr(record.filename, content[:8] if "/data/" in record.filename else content)
    refusal(lying)


def test_tensor_larger_than_its_file(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save({**weights(), "body.0.weight": torch.zeros(1).expand(1 << 20, 1 << 20)}, path)
    assert "more than the file has" in refusal(path)


def test_compressed_records_are_refused(tmp_path: Path) -> None:
    path, packed = tmp_path / "net.pth", tmp_path / "packed.pth"
    torch.save(weights(), path)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for record in source.infolist():
            target.writestr(record.filename, source.read(record))
    assert "compressed" in refusal(packed)


def test_random_damage_is_always_explained(tmp_path: Path) -> None:
    """Bytes changed anywhere give a model of the same shape or a ModelError, never another exception."""
    generator = torch.Generator().manual_seed(5)
    path = tmp_path / "net"
    for form in ("zip", "legacy", "safetensors"):
        buffer, refused = io.BytesIO(), 0
        if form == "safetensors":
            save_file(weights(), path)
            buffer.write(path.read_bytes())
        else:
            torch.save(weights(), buffer, _use_new_zipfile_serialization=form == "zip")
        path.write_bytes(buffer.getvalue())
        whole = load(path)
        shape = whole(torch.zeros(1, 3, 8, 8)).shape
        for _ in range(60):
            content = bytearray(buffer.getvalue())
            for place in torch.randint(len(content), (4,), generator=generator).tolist():
                content[place] = int(torch.randint(256, (), generator=generator))
            path.write_bytes(content)
            try:
                model = load(path)
            except ModelError:
                refused += 1
            else:
                assert model.contract.scale == whole.contract.scale
                assert model(torch.zeros(1, 3, 8, 8)).shape == shape
        assert refused > 0, form


@pytest.mark.parametrize(
    ("kind", "shape", "size"),
    [("F4", [8], 4), ("F32", [0, 1 << 62, 1 << 62], 0), ("F32", [0] * 1000, 0)],
    ids=["a type that is only stored", "overflow", "dimensions"],
)
def test_tensors_that_cannot_be_converted(tmp_path: Path, kind: str, shape: list[int], size: int) -> None:
    header = json.dumps({"a": {"dtype": kind, "shape": shape, "data_offsets": [0, size]}}).encode()
    path = tmp_path / "net.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(size))
    with pytest.raises(ModelError, match=r"net\.safetensors"):
        read_weights(path)
