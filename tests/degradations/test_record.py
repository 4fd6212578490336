"""Files of parameters."""

import json
from pathlib import Path
from typing import Any

import pytest
from degradation_samples import draws

from wildsr.degradations.degradation import DegradationError, Record, Sample, load_record, save_record
from wildsr.degradations.methods.bsrgan_plus import BsrganPlus


def test_round_trip(tmp_path: Path) -> None:
    drawn = draws(BsrganPlus(4, camera=True), 20)
    record = Record(
        "bsrgan-plus", 4, tuple(Sample(f"ü/{i}.png", (64, 80), one) for i, one in enumerate(drawn))
    )
    path = tmp_path / "degradations.json"
    save_record(path, record)
    assert load_record(path) == record
    assert [file.name for file in tmp_path.iterdir()] == ["degradations.json"]


def test_what_is_not_json_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "degradations.json"
    path.write_text("older")
    with pytest.raises(ValueError, match="JSON"):
        save_record(path, Record("x", 4, (Sample("a", (1, 1), {"sigma": float("inf")}),)))
    assert path.read_text() == "older"
    assert len(list(tmp_path.iterdir())) == 1


GOOD = {
    "format": "wildsr.degradations",
    "version": 1,
    "degradation": "bsrgan",
    "scale": 4,
    "samples": [{"picture": "a.png", "size": [4, 4], "parameters": {"steps": []}}],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "is not a file of degradation parameters"),
        ({"version": 2}, "has version 2 of the format, this wildsr reads version 1"),
        ({"degradation": 3}, "is damaged"),
        ({"scale": "4"}, "is damaged"),
        ({"samples": {}}, "is damaged"),
        ({"samples": [{"picture": "a.png", "parameters": {}}]}, "sample 0 is damaged"),
        ({"samples": [{"picture": "a.png", "size": [4], "parameters": {}}]}, "sample 0 is damaged"),
        ({"samples": [*GOOD["samples"], 7]}, "sample 1 is damaged"),
    ],
)
def test_damaged_files_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(DegradationError, match=message) as caught:
        load_record(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff\xfe\x00", b"{", b"null"])
def test_other_files_are_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(DegradationError, match="is not a file of degradation parameters"):
        load_record(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DegradationError, match="cannot be read: No such file"):
        load_record(tmp_path / "gone.json")
    with pytest.raises(DegradationError, match="cannot be read"):
        load_record(tmp_path)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DegradationError, match="cannot be written: No such file or directory"):
        save_record(tmp_path / "gone" / "x.json", Record("bsrgan", 4, ()))
