"""Work on a Ray cluster of two nodes on this machine, against an S3-compatible server."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

import object_server
from object_server import Bucket
from wildsr.errors import UsageError
from wildsr.image import write_rgb
from wildsr.networks.compact import SRVGGNetCompact

ray = pytest.importorskip("ray", reason="the extra 'ray' is not installed")
pytest.importorskip("ray.data")

from ray.cluster_utils import Cluster  # noqa: E402

from wildsr.cli.on_ray import run_on_ray  # noqa: E402
from wildsr.cli.report import BatchReport  # noqa: E402
from wildsr.cluster import ClusterError, Resources, Task, prepare, upscale  # noqa: E402
from wildsr.cluster import pairs as cluster_pairs  # noqa: E402
from wildsr.cluster.errors import RoundLost  # noqa: E402
from wildsr.cluster.status import latest, rows  # noqa: E402
from wildsr.data.errors import DataError  # noqa: E402
from wildsr.data.pair_maker import Preparation  # noqa: E402
from wildsr.data.prepare_folders import prepare_folders  # noqa: E402
from wildsr.inference.entries import Entry  # noqa: E402

endpoint = pytest.fixture(scope="module")(object_server.endpoint)


@pytest.fixture(scope="module")
def bucket(endpoint: str) -> Iterator[Bucket]:
    with pytest.MonkeyPatch.context() as patch:
        object_server.use(patch, endpoint)
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join(["src", os.environ.get("PYTHONPATH", "")]))
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        nodes.add_node(num_cpus=1)
        ray.init(address=nodes.address, log_to_driver=False, logging_level="ERROR")
        yield Bucket("archive", endpoint)
        ray.shutdown()
        nodes.shutdown()


@pytest.fixture
def task(bucket: Bucket, tmp_path: Path) -> Task:
    torch.manual_seed(0)
    model = tmp_path / "tiny.safetensors"
    save_file(SRVGGNetCompact(8, 2, 4).state_dict(), model, metadata={"scale": "4"})
    for index in range(5):
        file = tmp_path / f"in/{index % 2}/{index}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_rgb(file, torch.rand(3, 12, 16))
        bucket.put(f"in/{index % 2}/{index}.png", file.read_bytes())
    bucket.put("in/broken.jpg", b"\xff\xd8\xff no image")
    return Task(
        (f"{bucket.address}/in",), f"{bucket.address}/out", str(model), options={"precision": "exact"}
    )


def test_a_cluster_does_what_the_command_does(bucket: Bucket, task: Task, tmp_path: Path) -> None:
    import wildsr

    seen: list[Entry] = []
    done = upscale(task, Resources(batch=2), on_entry=seen.append)
    assert (done.done, [Path(name).name for name, _ in done.failures]) == (5, ["broken.jpg"])
    assert "damaged" in done.failures[0][1]
    assert len(seen) == len(list(rows(task))) == 6
    names = sorted(f"out/{index % 2}/{index}.png" for index in range(5))
    assert [name for name in bucket.names("out/") if "/.wildsr-status/" not in name] == names
    for name in names:
        plain = tmp_path / "plain.png"
        wildsr.upscale(tmp_path / f"in{name[3:]}", task.model, output=plain, precision="exact")
        assert bucket.get(name) == plain.read_bytes()

    # The same call again: only what is missing, changed or failed.
    bucket.client.delete_object(Bucket=bucket.name, Key="out/0/0.png")
    bucket.put("in/1/3.png", (tmp_path / "in/0/2.png").read_bytes())
    seen.clear()
    again = upscale(task, Resources(batch=2), on_entry=seen.append)
    assert again.done == 2
    assert sorted(Path(entry.input).name for entry in seen) == ["0.png", "3.png", "broken.jpg"]
    assert bucket.get("out/1/3.png") == bucket.get("out/0/2.png")
    assert sum(entry.status == "done" for entry in latest(task)) == 5

    with pytest.raises(UsageError, match=r"other settings.*quality"):
        upscale(replace(task, quality=7))
    with pytest.raises(ClusterError, match=r"runs wildsr 9\.9, but the node"):
        upscale(replace(task, version="9.9", output=f"{bucket.address}/other"))
    bucket.put("mine/a.png", b"x")
    with pytest.raises(UsageError, match="holds images already"):
        upscale(replace(task, output=f"{bucket.address}/mine"))


def test_failures_of_a_lost_round_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        write_rgb(tmp_path / f"in/{name}.png", torch.rand(3, 12, 16))
    rounds = iter(({"a": "failed", "b": "failed"}, {"a": "done", "b": "failed"}))

    def rows_of_round(*_: object) -> Iterator[dict[str, object]]:
        states = next(rounds)
        for name, state in states.items():
            source, target = (str(tmp_path / f"{folder}/{name}.png") for folder in ("in", "out"))
            yield asdict(Entry(source, target, state, error="busy" if state == "failed" else None))
        if states["a"] == "failed":
            raise RoundLost("a node is gone")

    monkeypatch.setattr("wildsr.cluster.run.rows_of_round", rows_of_round)
    monkeypatch.setattr("wildsr.cluster.run.connected", lambda _: nullcontext())
    report = BatchReport(as_json=False)
    run_on_ray(((str(tmp_path / "in"),), str(tmp_path / "out"), "default"), "auto", (1, 0), report, None)
    assert [(Path(str(source)).name, reason) for source, reason in report.failures] == [("b.png", "busy")]
    assert report.done == 1
    assert capsys.readouterr().out.count("failed") == 2


DRIVER = """
import sys
from wildsr.cluster import Resources, Task, upscale
task = Task((sys.argv[1],), sys.argv[2], sys.argv[3], options={"precision": "exact"})
upscale(task, Resources(batch=2), address=sys.argv[4], on_entry=lambda entry: print("ended", entry.input, flush=True))
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="actors are found through /proc")
def test_a_killed_actor_and_driver_cost_what_was_in_flight(
    bucket: Bucket, task: Task, endpoint: str, tmp_path: Path
) -> None:
    import wildsr

    count = 24
    for index in range(count):
        write_rgb(tmp_path / f"{index}.png", torch.rand(3, 24, 32))
        bucket.put(f"many/{index}.png", (tmp_path / f"{index}.png").read_bytes())
    bucket.put("many/broken.jpg", b"\xff\xd8\xff no image")
    task = replace(task, inputs=(f"{bucket.address}/many",), output=f"{bucket.address}/results")
    address = ray.get_runtime_context().gcs_address
    command = [sys.executable, "-c", DRIVER, task.inputs[0], task.output, task.model, address]
    ended, killed = 0, 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        for line in driver.stdout:
            ended += line.startswith("ended")
            if ended == 4 and not killed:
                killed = an_actor(endpoint)
                os.kill(killed, signal.SIGKILL)
            if ended == 12:
                driver.kill()
    assert killed
    assert driver.returncode == -signal.SIGKILL
    recorded = {entry.input for entry in rows(task) if entry.status == "done"}
    assert recorded

    seen: list[Entry] = []
    again = upscale(task, Resources(batch=2), on_entry=seen.append)
    assert recorded.isdisjoint(entry.input for entry in seen)
    assert [Path(name).name for name, _ in again.failures] == ["broken.jpg"]
    written = [name for name in bucket.names("results/") if "/.wildsr-status/" not in name]
    assert written == sorted(f"results/{index}.png" for index in range(count))
    assert sorted(entry.output for entry in latest(task) if entry.status == "done") == [
        f"{bucket.address}/{name}" for name in written
    ]
    for index in range(0, count, 6):
        plain = tmp_path / "plain.png"
        wildsr.upscale(tmp_path / f"{index}.png", task.model, output=plain, precision="exact")
        assert bucket.get(f"results/{index}.png") == plain.read_bytes()


def an_actor(endpoint: str) -> int:
    """The number of a process that upscales for these tests."""
    for entry in Path("/proc").iterdir():
        try:
            title, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue
        if title.startswith(b"ray::MapWorker") and endpoint.encode() in environment:
            return int(entry.name)
    return 0


def test_pairs_of_a_cluster_are_those_of_the_command(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bucket  # the cluster runs
    for index in range(6):
        (tmp_path / "photos/sub").mkdir(parents=True, exist_ok=True)
        write_rgb(tmp_path / f"photos/sub/{index}.png", torch.rand(3, 40, 48))
    write_rgb(tmp_path / "photos/small.png", torch.rand(3, 6, 8))
    (tmp_path / "photos/broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    how = Preparation(2, clean_up="none", preset="bsrgan", least=16)
    monkeypatch.chdir(tmp_path)  # where the actors are not
    plain = prepare_folders([Path("photos")], [], tmp_path / "plain", how, workers=1)
    pairs = Path("pairs")
    done = prepare([Path("photos")], [], pairs, how, Resources(batch=2))
    assert (done.done, done.small) == (plain.done, plain.small) == (6, done.small)
    assert [name for name, _ in done.small + done.failures] == ["small.png", "broken.jpg"]
    assert "damaged" in done.failures[0][1]
    assert files(pairs) == files(tmp_path / "plain")

    # A driver that was lost before it recorded three images, and a pair that was deleted.
    manifest = (pairs / "manifest.jsonl").read_text()
    (pairs / "manifest.jsonl").write_text("".join(manifest.splitlines(keepends=True)[:-3]))
    (pairs / "LR/sub/4.png").unlink()
    again = prepare([Path("photos")], [], pairs, how, Resources(batch=2))
    assert (again.kept, again.done, len(again.failures)) == (5, 1, 1)
    assert files(pairs) == files(tmp_path / "plain")
    with pytest.raises(DataError, match=r"other settings.*seed"):
        prepare([Path("photos")], [], pairs, replace(how, seed=1))


def test_nodes_find_both_parts_of_a_degradation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "anna@corp"
    (home / "real").mkdir(parents=True)
    (home / "bsrgan").mkdir()
    (home / "down.pth").touch()
    monkeypatch.chdir(home)

    def absolute(preset: str) -> str | None:
        return cluster_pairs._absolute(Preparation(preset=preset)).preset

    assert absolute("down.pth@real") == f"{home}/down.pth@{home}/real"
    assert absolute("ddnsr-track1@real") == f"ddnsr-track1@{home}/real"
    assert absolute(f"{home}/profile.json@0.3") == f"{home}/profile.json@0.3"
    assert absolute("bsrgan") == "bsrgan"


def files(folder: Path) -> dict[str, bytes]:
    names = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    return {str(name): (folder / name).read_bytes() for name in names if name.parts[0] != ".wildsr-status"}
