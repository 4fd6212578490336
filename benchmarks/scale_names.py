"""A million names: the parts "listing" and "manifests" of scale.py."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from wildsr.inference.entries import Entry
from wildsr.inference.run_manifest import Head

STREAM = """
import sys, time
from pathlib import Path
from wildsr.inference.jobs import Naming
from wildsr.inference.shards import parse_shard, stream_jobs

def peak():  # not of the process that started this one, as getrusage has it
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

before = peak()
began = time.monotonic()
jobs = stream_jobs([sys.argv[1]], Naming(output=sys.argv[2]), parse_shard(sys.argv[3]))
next(jobs)
first = time.monotonic() - began
count = 1 + sum(1 for _ in jobs)
print(count, first, time.monotonic() - began, peak() / 1024, (peak() - before) / 1024)
"""


def stream(
    label: str, source: str, shard: str, environment: dict[str, str] | None = None
) -> tuple[int, bool]:
    """Take all names of a shard in a process of its own; returns how many, and whether the promises were kept."""
    command = [sys.executable, "-c", STREAM, source, "/nowhere/out/", shard]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found, first, seconds, megabytes, more = (float(word) for word in done.stdout.split())
    print(
        f"{label}, shard {shard}: {found:.0f} names in {seconds:.1f} s, the first after {first:.2f} s; "
        f"{megabytes:.0f} MB at most, {more:.0f} MB more than at the start",
        flush=True,
    )
    return int(found), first < 5 and megabytes < 300


def list_folder(folder: Path, count: int) -> bool:
    """Take the names of a local folder with very many files in one level."""
    (folder / "many").mkdir()
    for index in range(count):
        os.close(os.open(folder / f"many/scan {index:08d}.tif", os.O_CREAT | os.O_WRONLY))
    found, kept = stream("local folder", f"{folder}/many", "1/1")
    return kept and found == count


MANIFEST = """
import sys, time
from pathlib import Path
from wildsr.inference import manifest_checks as checks
from wildsr.inference.run_manifest import RunManifest

def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])

def timed(name, function, *given):
    began = time.monotonic()
    result = function(*given)
    print(f"{name} {time.monotonic() - began:.1f} s,", end=" ", flush=True)
    return result

folder = Path(sys.argv[1])
before, merged = peak(), folder / "all.jsonl"
head, entries = timed("merge", checks.merge_files, sorted(folder.glob("run.*.jsonl")), merged)
done = timed("summary", checks.summary, head, entries)["done"]
good = timed("check --quick", lambda: checks.check(entries, quick=True).good)
run = timed("going on: opened", RunManifest, merged, head)
names = map(str, folder.glob("many/*.tif"))
known = timed("all known as done", lambda: sum(run.known(Path(n), Path(n + ".png")) == "done" for n in names))
timed("closed", run.close)
print(f"{peak() / 1024:.0f} MB at most, {(peak() - before) / 1024:.0f} MB more than at the start")
sys.exit(peak() / 1024 > 300 or not done == good == known == int(sys.argv[2]))
"""


def read_manifests(folder: Path, count: int, shards: int = 10) -> bool:
    """Merge, check and sum up the manifests of shards, and go on with the merged one, whose images are all done."""
    for number in range(1, shards + 1):
        with (folder / f"run.{number}.jsonl").open("w") as file:
            file.write(Head("upscale", {"model": "default"}, f"{number}/{shards}").line() + "\n")
            for index in range(number - 1, count, shards):
                scan = folder / f"many/scan {index:08d}.tif"
                state = (0, str(scan.stat().st_mtime_ns), f"{index:064x}")
                Path(f"{scan}.png").hardlink_to(scan)
                file.write(Entry(str(scan), f"{scan}.png", "done", *state, *state, 2.5).line() + "\n")
    print(f"manifests: {count} images in {shards} shards,", end=" ", flush=True)
    return subprocess.run([sys.executable, "-c", MANIFEST, folder, str(count)], check=False).returncode == 0


def list_names(count: int) -> bool:
    """Take the names of a server that lists ``count`` objects."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            token = parse_qs(urlsplit(self.path).query).get("continuation-token", ["0"])[0]
            start = int(token)
            stop = min(start + 1000, count)
            more = stop < count
            rows = "".join(
                f"<Contents><Key>in/{i // 1000:05d}/scan {i:08d}.tif</Key><Size>1000</Size>"
                f"<ETag>&quot;{i:x}&quot;</ETag><LastModified>2026-11-21T12:00:00.000Z</LastModified></Contents>"
                for i in range(start, stop)
            )
            following = f"<NextContinuationToken>{stop}</NextContinuationToken>" if more else ""
            head = f"<IsTruncated>{str(more).lower()}</IsTruncated>{following}"
            body = f"<ListBucketResult>{head}{rows}</ListBucketResult>".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
    }
    results = [stream("object store", "s3://synthetic/in", shard, environment) for shard in ("1/1", "3/100")]
    server.shutdown()
    return results[0][0] == count and all(kept for _, kept in results)
