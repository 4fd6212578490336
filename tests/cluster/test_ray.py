"""Upscaling on a Ray cluster of this machine, against an S3-compatible server."""

import os
from collections.abc import Iterator
from dataclasses import replace
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

from wildsr.cluster import ClusterError, Resources, Task, upscale  # noqa: E402
from wildsr.cluster.status import latest, rows  # noqa: E402
from wildsr.inference.entries import Entry  # noqa: E402

endpoint = pytest.fixture(scope="module")(object_server.endpoint)


@pytest.fixture(scope="module")
def bucket(endpoint: str) -> Iterator[Bucket]:
    with pytest.MonkeyPatch.context() as patch:
        object_server.use(patch, endpoint)
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join(["src", os.environ.get("PYTHONPATH", "")]))
        ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield Bucket("archive", endpoint)
        ray.shutdown()


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
    with pytest.raises(ClusterError, match=r"of wildsr 9\.9, but the node"):
        upscale(replace(task, version="9.9", output=f"{bucket.address}/other"))
    bucket.put("mine/a.png", b"x")
    with pytest.raises(UsageError, match="holds images already"):
        upscale(replace(task, output=f"{bucket.address}/mine"))
