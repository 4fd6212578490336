"""A run on a cluster that loses an actor, a node and its driver; throughput of shards and of Ray; a million names.

    python benchmarks/scale.py [--images 2000] [--broken 20] [--only proof|throughput|listing|manifests]

"proof" upscales small images in an S3-compatible server (moto) on a Ray cluster of two nodes on this machine, kills an
actor, a node and the driver with SIGKILL, runs the command again, and compares every result with that of the plain
command on a folder. "throughput" does the same images by `--shard 1/1` and by Ray with one actor, without losses, and
compares memory.
"listing" takes the names of a million synthetic objects from a server that only lists, whole and for a shard.
"manifests" takes the names of a million files in one folder, and merges, checks, sums up and continues manifests of
them. Exit code 1 if a promise is not kept. Needs the extras 'ray' and 'dev'.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from scale_names import list_folder, list_names, read_manifests
from wildsr.image import write_rgb
from wildsr.networks.compact import SRVGGNetCompact

PARTS = ("proof", "throughput", "listing", "manifests")
BUCKET = "archive"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--broken", type=int, default=20)
    parser.add_argument("--size", type=int, nargs=2, default=(48, 64), help="height and width of the images")
    parser.add_argument(
        "--width", type=int, default=8, help="channels of the network, whose weights are random"
    )
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--only", choices=PARTS, action="append")
    given = parser.parse_args()
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    parts = given.only or PARTS
    kept = True
    with tempfile.TemporaryDirectory(prefix="wildsr-scale-") as name:
        folder = Path(name)
        if "proof" in parts or "throughput" in parts:
            model = make_images(folder, given.images, given.broken, tuple(given.size), given.width)
            with object_server() as client:
                for file in (folder / "in").rglob("*.png"):
                    client.put_object(
                        Bucket=BUCKET, Key=file.relative_to(folder).as_posix(), Body=file.read_bytes()
                    )
                if "throughput" in parts:
                    kept = measure(folder, model)
                if "proof" in parts:
                    kept = prove(folder, model, client, given.images, given.broken) and kept
        if "listing" in parts:
            kept = list_names(given.names) and kept
        if "manifests" in parts:
            kept = list_folder(folder, given.names) and kept
            kept = read_manifests(folder, given.names) and kept
    return 0 if kept else 1


def make_images(folder: Path, count: int, broken: int, size: tuple[int, int], width: int) -> Path:
    """Random images, some of them cut off, in folders of a hundred; returns a small model."""
    generator = torch.Generator().manual_seed(0)
    for index in range(count):
        file = folder / f"in/{index // 100:03d}/{index:06d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_rgb(file, torch.rand(3, *size, generator=generator))
        if broken and index % (count // broken) == 1:
            file.write_bytes(file.read_bytes()[:-100])
    torch.manual_seed(0)
    model = folder / "model.safetensors"
    save_file(SRVGGNetCompact(width, 2, 4).state_dict(), model, metadata={"scale": "4"})
    return model


@contextmanager
def object_server() -> Iterator[Any]:
    """An S3-compatible server in a process of its own, and a client of it."""
    import boto3

    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        address = next(line.split()[-1] for line in process.stderr if "Running on http" in line)
        threading.Thread(target=lambda: list(process.stderr or ()), daemon=True).start()
        os.environ.update(
            AWS_ENDPOINT_URL=address, AWS_ACCESS_KEY_ID="k", AWS_SECRET_ACCESS_KEY="s", AWS_REGION="us-east-1"
        )
        client = boto3.client("s3", endpoint_url=address, region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client
    finally:
        process.kill()


def upscale(source: str, output: str, model: Path, *options: str) -> list[str]:
    """The command."""
    words = ["upscale", source, "-o", output, "-m", str(model), "--precision", "exact", "--json", *options]
    return [sys.executable, "-m", "wildsr", *words]


def event_of(line: str) -> str:
    """The event of a line; empty for what Ray prints on its own account."""
    return str(json.loads(line)["event"]) if line.startswith('{"event"') else ""


def names(client: Any, prefix: str) -> dict[str, str]:
    """Entity tags by name."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return {found["Key"]: found["ETag"] for page in pages for found in page.get("Contents", ())}


def prove(folder: Path, model: Path, client: Any, count: int, broken: int) -> bool:
    from ray.cluster_utils import Cluster

    began = time.monotonic()
    subprocess.run(upscale(f"{folder}/in", f"{folder}/plain", model), stdout=subprocess.DEVNULL, check=False)
    print(f"plain command: {time.monotonic() - began:.0f} s", flush=True)
    began = time.monotonic()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    second = cluster.add_node(num_cpus=1)
    command = upscale(
        f"s3://{BUCKET}/in", f"s3://{BUCKET}/out", model,
        "--ray", cluster.address, "--manifest", f"{folder}/run.jsonl",
    )  # fmt: skip
    try:
        driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        ended = 0
        assert driver.stdout is not None
        for line in driver.stdout:
            ended += event_of(line) in ("finished", "failed")
            if ended >= count // 4 and second is not None and not _flags.get("actor"):
                _flags["actor"] = kill_an_actor()
                print(f"{ended} images: killed an actor (pid {_flags['actor']})", flush=True)
            if ended >= count // 2 and second is not None:
                cluster.remove_node(second, allow_graceful=False)
                second = None
                cluster.add_node(num_cpus=1)
                print(f"{ended} images: killed a node, started another", flush=True)
            if ended >= count * 3 // 4 and not _flags.get("driver"):
                _flags["driver"] = driver.pid
                os.kill(driver.pid, signal.SIGKILL)
                print(f"{ended} images: killed the driver", flush=True)
        driver.wait()
        again = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    finally:
        cluster.shutdown()
    print(f"cluster: {time.monotonic() - began:.0f} s", flush=True)
    return compare(folder, client, count, broken, again)


_flags: dict[str, int] = {}


def kill_an_actor() -> int:
    """SIGKILL one of the processes that upscale; returns its number."""
    for pid in actors():
        os.kill(pid, signal.SIGKILL)
        return pid
    return -1


def actors() -> list[int]:
    """The processes that upscale."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                title = (entry / "cmdline").read_bytes()
                owner = entry.stat().st_uid
            except OSError:
                continue
            if title.startswith(b"ray::MapWorker") and owner == os.getuid() and ours(entry):
                found.append(int(entry.name))
    return found


def ours(process: Path) -> bool:
    """Whether a process got our object server's address, and so belongs to this measurement."""
    try:
        return (
            f"AWS_ENDPOINT_URL={os.environ['AWS_ENDPOINT_URL']}".encode()
            in (process / "environ").read_bytes()
        )
    except OSError:
        return False


def compare(
    folder: Path, client: Any, count: int, broken: int, again: "subprocess.CompletedProcess[str]"
) -> bool:
    plain = {p.relative_to(folder / "plain").as_posix(): p for p in (folder / "plain").rglob("*.png")}
    written = {name for name in names(client, "out/") if "/.wildsr-status/" not in name}
    same = sum(
        client.get_object(Bucket=BUCKET, Key=f"out/{name}")["Body"].read() == file.read_bytes()
        for name, file in plain.items()
        if f"out/{name}" in written
    )
    lines = [json.loads(line) for line in (folder / "run.jsonl").read_text().splitlines()[1:]]
    done = [line["output"] for line in lines if line["status"] == "done"]
    failed = [line for line in lines if line["status"] == "failed"]
    good = count - broken
    promises = {
        f"{len(written)} results, expected {good}": len(written) == good,
        f"{same} of them equal to the plain command's": same == good == len(plain),
        f"{len(done)} rows of done images, each once": len(done) == len(set(done)) == good,
        f"{len(failed)} named failures, expected {broken}": len({one["input"] for one in failed}) == broken,
        f"exit code {again.returncode}, expected {1 if broken else 0}": again.returncode
        == (1 if broken else 0),
    }
    redone = repeated(client)
    for text, kept in promises.items():
        print(f"{'ok  ' if kept else 'FAIL'} {text}", flush=True)
    print(f"{redone} images were done more than once, since their state was lost", flush=True)
    return all(promises.values())


def repeated(client: Any) -> int:
    """Finished rows beyond the first of each image."""
    import io

    import pyarrow.parquet as pq

    outputs: list[str] = []
    for name in names(client, "out/.wildsr-status/"):
        if name.endswith(".parquet"):
            table = pq.read_table(
                io.BytesIO(client.get_object(Bucket=BUCKET, Key=name)["Body"].read()),
                columns=["output", "status"],
            )
            outputs += [row["output"] for row in table.to_pylist() if row["status"] == "done"]
    return len(outputs) - len(set(outputs))


def measure(folder: Path, model: Path) -> bool:
    """Images a second from the first result to the last, so that starting processes is not counted, and memory."""
    rates, memory = {}, {}
    for label, options in (
        ("shard", ("--shard", "1/1", "--manifest", f"{folder}/shard.jsonl")),
        ("ray", ("--ray", "local")),
    ):
        output = f"s3://{BUCKET}/{label}"
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = upscale(f"s3://{BUCKET}/in", output, model, *options)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            times = []
            memory[label] = (0.0, 0.0)
            for line in process.stdout:
                if event_of(line) == "finished":
                    times.append(time.monotonic())
                    if len(times) % 10 == 0:
                        pids = actors() if label == "ray" else [process.pid]
                        memory[label] = max([memory[label], *map(megabytes, pids)])
        rates[label] = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else 0.0
        resident, proportional = memory[label]
        print(
            f"{label}: {rates[label]:.2f} images a second; {resident:.0f} MB resident at most, {proportional:.0f} MB "
            "without what is shared",
            flush=True,
        )
    more = memory["ray"][0] - memory["shard"][0]
    print(
        f"Ray: {100 * rates['ray'] / max(rates['shard'], 1e-9):.0f} % of shard mode; an actor takes {more:.0f} MB more",
        flush=True,
    )
    return more <= 300


def megabytes(pid: int) -> tuple[float, float]:
    """Peak of the resident memory of a process, and its proportional share now."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        shares = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0, 0.0
    peak, share = (
        int(text.partition(f"{name}:")[2].split()[0]) for text, name in ((status, "VmHWM"), (shares, "Pss"))
    )
    return peak / 1024, share / 1024


if __name__ == "__main__":
    sys.exit(main())
