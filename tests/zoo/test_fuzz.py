"""A small part of benchmarks/fuzz.py, and tests that its findings are detected."""

import io
import random
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from fuzz_pool import CANARY, run
from hostile_files import Files, Hostile, hostile, samples
from hostile_formats import duplicates, records_of, renamed, saved, zipped
from hostile_inputs import KINDS, healthy_inputs, hostile_input
from hostile_pickles import first_pickles
from load_any import load_any
from torch import Tensor

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.zoo.errors import ModelError

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux tells it"),
    pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning", "ignore:torch.quantize:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*nested tensors:UserWarning"),
]


@pytest.fixture(scope="module")
def healthy() -> dict[str, list[Files]]:
    return samples()


def test_the_files_are_healthy_before_anything_is_done_to_them(
    healthy: dict[str, list[Files]], tmp_path: Path
) -> None:
    for files in [files for form in healthy.values() for files in form]:
        for suffix, content in files.items():
            (tmp_path / f"net{suffix}").write_bytes(content)
        assert load_any(tmp_path / f"net{next(iter(files))}") is not None
        for path in tmp_path.iterdir():
            path.unlink()


def test_hostile_files(healthy: dict[str, list[Files]]) -> None:
    report = run(partial(hostile, 0, healthy=healthy, canary=CANARY), range(100))
    assert report.findings == []
    assert sum(report.outcomes.values()) == 100
    assert sum(count for (_, outcome), count in report.outcomes.items() if outcome == "refused") > 50


def test_the_same_files_for_the_same_seed(healthy: dict[str, list[Files]]) -> None:
    again = samples()
    for index in range(60):
        assert hostile(3, index, healthy, CANARY) == hostile(3, index, again, CANARY)
    assert hostile(3, 0, healthy, CANARY) != hostile(4, 0, healthy, CANARY)


@pytest.mark.parametrize(
    ("loader", "problem"),
    [
        ("executes", "a program was executed"),
        ("crashes", "the process died (-6)"),
        ("hangs", "no end in 1 s"),
        ("raises", "KeyError: 'whatever'"),
        ("fills_memory", "memory: 512 MB for 64 MB"),
        ("wants_too_much", "memory: "),
        ("hides_that", "memory: "),
    ],
)
def test_what_goes_wrong_is_noticed(loader: str, problem: str, tmp_path: Path) -> None:
    case = Hostile("some: file", {".pth": b"content"})
    report = run(
        lambda _: case, range(1), seconds=1, memory=64 << 20, loader=f"bad_loaders:{loader}", keep=tmp_path
    )
    assert len(report.findings) == 1
    assert report.findings[0].problem.startswith(problem)
    assert (tmp_path / "0.pth").read_bytes() == b"content", "the file is kept for debugging"


def test_after_a_crash_it_goes_on() -> None:
    case = Hostile("some: file", {".pth": b"content"})
    assert len(run(lambda _: case, range(3), seconds=5, loader="bad_loaders:crashes").findings) == 3
    assert not run(lambda _: case, range(3), seconds=5, loader="bad_loaders:is_fine").findings


# --- what it found, each by itself


def refusal(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_any(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def pickled(form: str, data: bytes, pickle: bytes) -> bytes:
    """``data`` with another pickle in the place of its weights."""
    if form == "zip":
        return zipped(renamed(records_of(data), "data.pkl", pickle))
    return data[: first_pickles(data, 3)] + pickle + data[first_pickles(data, 4) :]


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_nesting_that_would_be_walked_for_ever(
    healthy: dict[str, list[Files]], tmp_path: Path, form: str
) -> None:
    """A pair of pairs of pairs is a few bytes; to hash it takes 2 ** 60 steps."""
    for value in (b"}" + b")q\0" + b"h\0\x86q\0" * 60 + b"K\1s.", b")q\0" + b"h\0\x86q\0" * 60 + b"."):
        content = pickled(form, healthy[form][0][".pth"], b"\x80\2" + value)
        assert "nests data within data" in refusal(tmp_path / "net.pth", content)


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_storage_that_claims_to_be_huge(healthy: dict[str, list[Files]], tmp_path: Path, form: str) -> None:
    data = healthy[form][0][".pth"]
    storage = b"(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0000X\3\0\0\0cpu\x8a\5\0\0\0\0\1tQ"
    content = pickled(form, data, b"\x80\2}X\1\0\0\0a" + storage + b"s.")
    assert "more values than it has bytes" in refusal(tmp_path / "net.pth", content)


def test_two_records_of_one_name(healthy: dict[str, list[Files]], tmp_path: Path) -> None:
    content = duplicates(random.Random(0), healthy["zip"][0][".pth"], CANARY)
    assert "the same name" in refusal(tmp_path / "net.pth", content)


def test_record_larger_than_the_file(healthy: dict[str, list[Files]], tmp_path: Path) -> None:
    data = bytearray(healthy["zip"][0][".pth"])
    place = data.index(b"PK\1\2")
    data[place + 20 : place + 28] = b"\0\0\0\x70" * 2
    assert "larger than the whole file" in refusal(tmp_path / "net.pth", bytes(data))


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: torch.empty(4, 3, 3, 3, device="meta"), "is without values"),
        (lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]), ""),
        (lambda: torch.zeros(4, 3, 3, 3).to_sparse(), "is sparse"),
    ],
    ids=["meta", "nested", "sparse"],
)
def test_odd_tensors(tmp_path: Path, make: Callable[[], Tensor], said: str, legacy: bool) -> None:
    buffer = io.BytesIO()
    state = {**SRVGGNetCompact(4, 1).state_dict(), "body.0.weight": make()}
    torch.save(state, buffer, _use_new_zipfile_serialization=not legacy)
    assert said in refusal(tmp_path / "net.pth", buffer.getvalue())


def test_ordinary_nesting_is_no_crime(tmp_path: Path) -> None:
    """Content of training checkpoints besides weights: settings, counters, states of random generators."""
    state = SRVGGNetCompact(4, 1).state_dict()
    beside = {"rng": random.getstate(), "iter": 1 << 40, "loss": [0.5] * 50_000, "betas": ((0.9, 0.99),) * 20}
    for legacy in (False, True):
        path = tmp_path / "net.pth"
        path.write_bytes(saved({"params": state, **beside}, legacy=legacy))
        assert load_any(path) is not None


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_inputs_of_other_kinds(kind: str) -> None:
    """A few of those that benchmarks/fuzz.py tries; before them the healthy files, which load."""
    files = healthy_inputs(kind)

    def make(index: int) -> Hostile:
        if index < len(files):
            return Hostile("healthy", files[index])
        return hostile_input(0, kind, files, index)

    report = run(make, range(len(files) + 20), memory=4 << 30, loader=f"load_any:load_{kind}")
    assert report.findings == []
    assert report.outcomes["healthy", "model"] == len(files)
    assert sum(report.outcomes.values()) == len(files) + 20
