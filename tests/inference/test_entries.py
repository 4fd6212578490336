"""Entries of manifests, with little memory for a million of them."""

import random
import sqlite3
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

from wildsr.inference.entries import Entries, Entry
from wildsr.inference.manifest_checks import summary
from wildsr.inference.run_manifest import Head, read_manifest, write_manifest

NAMES = ["a.png", "a b.png", "b/ä.png", "b.png", "猫.png", "\udcff.png", "\U0001f388.png", "\ue000.png"]


def test_entries_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    entries = Entries()
    shuffled = random.Random(0).sample(NAMES, len(NAMES))
    entries.add(Entry(name, f"out/{name}", "done", output_sha256="0" * 64) for name in shuffled)
    assert [entry.input for entry in entries] == sorted(NAMES)
    assert [name for name, _ in entries.finished()] == sorted(f"out/{name}" for name in NAMES)
    head = Head("upscale", {})
    write_manifest(tmp_path / "run.jsonl", head, entries)
    again, read = read_manifest(tmp_path / "run.jsonl")
    assert (again, list(read)) == (head, list(entries))
    assert summary(head, read)["results_sha256"] == summary(head, entries)["results_sha256"]


def test_the_last_state_of_an_image_counts() -> None:
    entries = Entries()
    entries.add([Entry("a", "x", "done"), Entry("a", "x", "started")])
    entries.add([Entry("b", "y", "done"), Entry("b", "y", "failed")], keep_done=True)
    assert [(entry.output, entry.status) for entry in entries] == [("x", "started"), ("y", "done")]
    assert len(entries) == 2
    assert entries.get("none") is None


def test_merging_prefers_what_is_done_and_finds_contradictions() -> None:
    one = [Entry("a", "x", "done", output_sha256="0"), Entry("b", "y", "started"), Entry("c", "", "failed")]
    for states in permutations(one):
        merged, other = Entries(), Entries()
        merged.add(states)
        other.add([Entry("a", "x", "failed"), Entry("b", "y", "done", output_sha256="1")])
        assert merged.merge(other) is None
        assert [(entry.input, entry.status) for entry in merged] == [
            ("a", "done"),
            ("b", "done"),
            ("c", "failed"),
        ]
        other.add([Entry("a", "x", "done", output_sha256="2")])
        differing = merged.merge(other)
        assert differing is not None
        assert [entry.output_sha256 for entry in differing] == ["0", "2"]


def test_no_space_for_temporary_files_is_said() -> None:
    entries = Entries()
    entries._database.execute("PRAGMA max_page_count = 20")
    with pytest.raises(OSError, match="set TMPDIR") as caught:
        entries.add(Entry(f"{i}" * 50, f"{i}" * 60, "done") for i in range(2000))
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


def test_a_large_manifest_needs_little_memory(tmp_path: Path) -> None:
    """Forty megabytes of manifest; the memory that is added stays below that."""
    name = "scans/" + "long name " * 150
    with (tmp_path / "run.jsonl").open("w") as file:
        file.write(Head("upscale", {}).line() + "\n")
        for i in range(12_000):
            file.write(Entry(f"{name}{i}", f"out/{name}{i}", "done").line() + "\n")
    assert (tmp_path / "run.jsonl").stat().st_size > 38e6
    code = f"""
from pathlib import Path
from wildsr.inference.manifest_checks import merge_files, summary
peak = lambda: int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
before = peak()
head, entries = merge_files([Path({str(tmp_path / "run.jsonl")!r})], Path({str(tmp_path / "all.jsonl")!r}))
assert summary(head, entries)["done"] == 12_000
print(peak() - before)
"""
    if not Path("/proc/self/status").exists():
        pytest.skip("only Linux says how much memory a process took")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 28_000
