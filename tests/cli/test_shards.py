"""Shards and manifests: a large job in independent parts."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from wildsr.errors import UsageError
from wildsr.inference.jobs import InputProblem, Job, Naming
from wildsr.inference.shards import Shard, parse_shard, stream_jobs

Run = Callable[..., Result]
Save = Callable[..., Path]


@pytest.fixture
def scans(tmp_path: Path, save_photo: Save) -> Path:
    for index in range(6):
        save_photo(tmp_path / f"scans/{index % 2}/{index}.png", seed=index)
    (tmp_path / "scans/1/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return tmp_path / "scans"


def lines(manifest: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in manifest.read_text().splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_shards_divide_by_name_whatever_the_order() -> None:
    names = [f"folder {i % 7}/scan-{i}.tif" for i in range(500)]
    shards = [Shard(number, 5) for number in range(1, 6)]
    parts = [{name for name in names if shard.holds(name)} for shard in shards]
    assert sum(map(len, parts)) == len(names)
    assert set.union(*parts) == set(names)
    assert min(map(len, parts)) > 60
    random.Random(0).shuffle(names)
    assert [{name for name in names if shard.holds(name)} for shard in shards] == parts


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/0", "-1/3", "1/3/4", "１/３"])
def test_a_shard_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="such as 3/100"):
        parse_shard(text)


def test_two_images_with_one_result_meet_in_the_same_shard(tmp_path: Path, save_photo: Save) -> None:
    for name in ("a.bmp", "a.png", "b.png"):
        save_photo(tmp_path / "in/a.png").rename(tmp_path / "in" / name)
    save_photo(tmp_path / "in/a.png")
    found = [
        one
        for number in range(1, 20)
        for one in stream_jobs(
            [str(tmp_path / "in")], Naming(output=str(tmp_path / "out")), Shard(number, 19)
        )
    ]
    assert sorted(str(job.target.name) for job in found if isinstance(job, Job)) == ["a.png", "b.png"]
    assert [
        "another image is written to" in one.reason for one in found if isinstance(one, InputProblem)
    ] == [True]


def test_shards_together_equal_the_whole(wildsr: Run, scans: Path, tmp_path: Path) -> None:
    whole = wildsr("upscale", scans, "-m", "tiny", "-o", tmp_path / "whole")
    assert whole.exit_code == 1
    codes = []
    for number in (3, 1, 2):
        options = ("--shard", f"{number}/3", "--manifest", tmp_path / f"run.{number}.jsonl")
        codes.append(wildsr("upscale", scans, "-m", "tiny", "-o", tmp_path / "parts", *options).exit_code)
    assert sorted(codes) == [0, 0, 1]
    assert files(tmp_path / "parts") == files(tmp_path / "whole")

    manifests = sorted(tmp_path.glob("run.*.jsonl"))
    merged = tmp_path / "all.jsonl"
    done = wildsr("manifest", "merge", *manifests, "-o", merged)
    assert done.exit_code == 0, done.output
    assert "7 images, shards 1,2,3/3" in done.output
    entries = lines(merged)[1:]
    assert [Path(entry["input"]).name for entry in entries if entry["status"] == "failed"] == ["broken.png"]
    assert all(len(entry["output_sha256"]) == 64 for entry in entries if entry["status"] == "done")

    summary = json.loads(wildsr("manifest", "summary", merged, "--json").stdout)
    assert (summary["done"], summary["failed"], summary["shards"]) == (6, 1, "1,2,3/3")
    assert "broken.png" in summary["failures"][0]["input"]

    checked = json.loads(wildsr("manifest", "check", *manifests[:2], "--json").stdout)
    assert checked["missing_shards"] == ["3/3"]


def test_a_rerun_does_only_what_is_missing_or_changed(
    wildsr: Run,
    events: Callable[[Result], list[dict[str, Any]]],
    scans: Path,
    tmp_path: Path,
    save_photo: Save,
) -> None:
    out, manifest = tmp_path / "out", tmp_path / "run.jsonl"
    command = ("upscale", scans, "-m", "tiny", "-o", out, "--manifest", manifest, "--json")
    (scans / "1/broken.png").unlink()
    assert wildsr(*command).exit_code == 0
    before = files(out)

    save_photo(scans / "0/2.png", seed=99)  # changed
    (out / "1/3.png").unlink()  # missing
    (out / "1/5.png").write_bytes(b"cut")  # damaged
    with manifest.open("a") as file:  # a run that was killed while it wrote these lines
        started = {"input": str(scans / "0/4.png"), "output": str(out / "0/4.png"), "status": "started"}
        file.write(json.dumps(started) + "\n" + '{"input": "half a li')
    again = wildsr(*command)
    assert again.exit_code == 0, again.output
    worked = {Path(one["source"]).name for one in events(again) if one["event"] == "finished"}
    assert worked == {"2.png", "3.png", "4.png", "5.png"}
    after = files(out)
    assert {name for name in after if after[name] != before[name]} == {"0/2.png"}
    assert len(lines(manifest)) == 1 + 6

    (out / "0/0.png").write_bytes(before["0/0.png"][:-1] + b"x")
    checked = wildsr("manifest", "check", manifest)
    assert checked.exit_code == 1
    assert "other content" in checked.output
    assert wildsr("manifest", "check", "--quick", manifest).exit_code == 0


def test_a_manifest_never_replaces_what_another_program_wrote(
    wildsr: Run, scans: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "out/0/0.png"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"precious")
    command = (
        "upscale",
        scans / "0",
        "-m",
        "tiny",
        "-o",
        tmp_path / "out/0",
        "--manifest",
        tmp_path / "m.jsonl",
    )
    for _ in range(2):
        done = wildsr(*command)
        assert done.exit_code == 1
        assert "exists already" in done.output
    assert mine.read_bytes() == b"precious"


@pytest.mark.parametrize("option", [("--quality", "7"), ("--scale", "2"), ("--shard", "1/2")])
def test_a_manifest_belongs_to_its_settings(
    wildsr: Run, scans: Path, tmp_path: Path, option: tuple[str, str]
) -> None:
    manifest = tmp_path / "run.jsonl"
    command = ("upscale", scans / "0", "-m", "tiny", "-o", tmp_path / "out", "--manifest", manifest)
    assert wildsr(*command).exit_code == 0
    other = wildsr(*command, *option)
    assert other.exit_code == 2
    assert "other settings" in other.output


def test_another_version_of_wildsr_is_refused(wildsr: Run, scans: Path, tmp_path: Path) -> None:
    manifest, other = tmp_path / "run.jsonl", tmp_path / "other.jsonl"
    command = ("upscale", scans / "0", "-m", "tiny", "-o", tmp_path / "out", "--manifest", manifest)
    assert wildsr(*command).exit_code == 0
    other.write_text(manifest.read_text().replace('"wildsr": "', '"wildsr": "9.', 1))
    merged = wildsr("manifest", "merge", manifest, other, "-o", tmp_path / "all.jsonl")
    assert merged.exit_code == 1
    assert "wildsr is" in merged.output
    other.replace(manifest)
    assert "wildsr: 9." in wildsr(*command).output


def test_a_file_that_is_no_manifest_is_left_alone(wildsr: Run, scans: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("shopping list\n")
    done = wildsr("upscale", scans / "0", "-m", "tiny", "-o", tmp_path / "out", "--manifest", notes)
    assert done.exit_code == 1
    assert "is not a manifest" in done.output
    assert notes.read_text() == "shopping list\n"


def finished(folder: Path) -> list[str]:
    """Names of images, without the temporary file that a killed process leaves behind (removed after a day)."""
    return [name for name in files(folder) if ".wildsr-" not in name]


def test_a_killed_shard_goes_on(wildsr: Run, scans: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle: the rerun does the rest, and replaces only what was being written."""
    out, manifest = tmp_path / "out", tmp_path / "run.jsonl"
    options = ["-m", "tiny", "-o", str(out), "--manifest", str(manifest), "--json"]
    command = [sys.executable, "-m", "wildsr", "upscale", str(scans), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "finished":
                os.kill(process.pid, signal.SIGKILL)
                break
    assert 1 <= len(finished(out)) <= 6
    done = wildsr("upscale", scans, *options)
    assert done.exit_code == 1
    assert len(finished(out)) == 6
    assert [entry["status"] for entry in lines(manifest)[1:]].count("done") == 6


def test_degrade_in_shards(wildsr: Run, scans: Path, tmp_path: Path) -> None:
    (scans / "1/broken.png").unlink()
    options = ("-p", "bicubic", "--scale", "2")
    assert wildsr("degrade", scans, "-o", tmp_path / "whole", *options).exit_code == 0
    for number in (1, 2):
        part = ("--shard", f"{number}/2", "--manifest", tmp_path / f"{number}.jsonl")
        done = wildsr("degrade", scans, "-o", tmp_path / "parts", *options, *part)
        assert done.exit_code == 0, done.output
    records = {name for name in files(tmp_path / "parts") if name.endswith(".json")}
    assert len(records) == 2
    images = {name: data for name, data in files(tmp_path / "parts").items() if name.endswith(".png")}
    assert images == {n: d for n, d in files(tmp_path / "whole").items() if n.endswith(".png")}
    merged = wildsr("manifest", "check", tmp_path / "1.jsonl", tmp_path / "2.jsonl")
    assert merged.exit_code == 0, merged.output


def test_prepare_in_shards(wildsr: Run, scans: Path, tmp_path: Path) -> None:
    (scans / "1/broken.png").unlink()
    options = ("--clean-up", "none", "--min-side", "8", "--scale", "2", "--workers", "1")
    assert wildsr("prepare", scans, "-o", tmp_path / "whole", *options).exit_code == 0
    for number in (1, 2, 3):
        done = wildsr("prepare", scans, "-o", tmp_path / "parts", *options, "--shard", f"{number}/3")
        assert done.exit_code == 0, done.output
    manifests = sorted((tmp_path / "parts").glob("manifest.*-of-3.jsonl"))
    assert len(manifests) == 3
    merged = wildsr("manifest", "merge", *manifests, "-o", tmp_path / "parts/manifest.jsonl")
    assert merged.exit_code == 0, merged.output
    whole, parts = files(tmp_path / "whole"), files(tmp_path / "parts")
    assert {n: d for n, d in parts.items() if not n.startswith("manifest.")} == {
        n: d for n, d in whole.items() if n != "manifest.jsonl"
    }
    again = wildsr("prepare", scans, "-o", tmp_path / "parts", *options)
    assert "6 of them from before" in again.output
    assert wildsr("prepare", scans, "-o", tmp_path / "p", "--format", "lmdb", "--shard", "1/2").exit_code == 2
