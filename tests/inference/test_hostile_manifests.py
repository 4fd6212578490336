"""Manifests that were edited, damaged or made to do harm."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from wildsr.data.manifest import FORMAT, MANIFEST, VERSION, merge_manifests_of_pairs
from wildsr.errors import WildsrError
from wildsr.inference.entries import Entry
from wildsr.inference.manifest_checks import check, merge, missing_shards, summary
from wildsr.inference.run_manifest import Head, ManifestError, read_manifest

HEAD = Head("upscale", {"model": "default"}).line()
DONE: dict[str, Any] = {"input": "a.png", "output": "b.png", "status": "done"}


def manifest(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "changes",
    [
        {"output": 7},
        {"output": ["b"]},
        {"input": None},
        {"input": "", "output": ""},
        {"status": "finished"},
        {"status": ["done"]},
        {"output_bytes": "9"},
        {"output_bytes": True},
        {"output_bytes": 2**64},
        {"output_bytes": -1},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"error": {}},
        {"output_sha256": "\ud800"},
        {"unknown": 1},
    ],
)
def test_lines_with_other_types_count_as_damaged(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = manifest(tmp_path / "m.jsonl", HEAD, json.dumps(DONE | changes), json.dumps(DONE))
    head, entries = read_manifest(path)
    assert list(entries) == [Entry("a.png", "b.png", "done")]
    assert summary(head, entries)["done"] == 1


@pytest.mark.parametrize("line", ["[" * 100_000, "9" * 5000, '{"input": ' + "9" * 5000 + "}", "null", "{}"])
def test_lines_that_are_no_images(tmp_path: Path, line: str) -> None:
    assert not len(read_manifest(manifest(tmp_path / "m.jsonl", HEAD, line))[1])
    with pytest.raises(ManifestError, match="not a manifest"):
        read_manifest(manifest(tmp_path / "n.jsonl", line))


@pytest.mark.parametrize(
    "changes", [{"settings": []}, {"command": 1}, {"shard": 3}, {"shard": "1/" + "9" * 12}, {"shard": "x"}]
)
def test_heads_with_other_types_are_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    head = json.dumps(json.loads(HEAD) | changes)
    with pytest.raises(ManifestError, match="not a manifest"):
        missing_shards(merge([manifest(tmp_path / "m.jsonl", head)])[0])


def test_outputs_that_cannot_be_checked_are_problems(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    names = ["a\0.png", "s3://", "\ud800.png", str(pipe)]
    found = check([Entry("a", name, "done", output_bytes=0, output_sha256="0" * 64) for name in names])
    assert found.good == 0
    assert [reason.split(";")[0] for _, reason in found.problems] == [
        *["is not a valid name"] * 3,
        "is not a regular file",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"source": 1},
        {"outputs": [{"name": 1, "hr_sha256": "", "lr_sha256": ""}]},
        {"hr_size": ["8", 8]},
        {"x": 1},
    ],
)
def test_damaged_lines_of_pairs_are_left_out(tmp_path: Path, changes: dict[str, Any]) -> None:
    head = json.dumps({"format": FORMAT, "version": VERSION, "settings": {}})
    good: dict[str, Any] = {
        "source": "a",
        "role": "source",
        "bytes": 1,
        "mtime_ns": 1,
        "sha256": "",
        "hr_size": [8, 8],
    }
    good |= {"parameters": {}, "outputs": []}
    lines = (json.dumps(good), json.dumps(good | {"source": "b"} | changes), "[" * 100_000)
    path = manifest(tmp_path / MANIFEST, head, *lines)
    assert merge_manifests_of_pairs([path], tmp_path / "all.jsonl") == 1
    with pytest.raises(WildsrError, match="not a manifest"):
        merge_manifests_of_pairs([manifest(tmp_path / "x.jsonl", "[" * 100_000)], tmp_path / "all.jsonl")
