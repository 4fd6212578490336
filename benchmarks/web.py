"""Overhead of `wildsr web` over the library, and how it takes large and many uploads.

    python benchmarks/web.py [--photo PHOTO] [--repeat 9] [--only overhead|body|bomb|cancel|jobs]

Everything is measured in one run, on this machine. "overhead" compares the time from the request to the last byte of
the result with a warm call of the library, file to file, in turn; its ratio is that of the medians of pairs. The others
print what the service needs for a body of a gigabyte, an image that claims 50,000x50,000 pixels, a cancellation in the
middle of a large image, and 50 jobs at once.
"""

import argparse
import http.client
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from skimage import data

import wildsr
from wildsr.image import Canvas, Traits, read, write
from wildsr.inference.files import SaveOptions, check, compute, save, traits_for
from wildsr.inference.sizing import OutputSize

PARTS = ("overhead", "body", "bomb", "cancel", "jobs")


class Service:
    """A running service."""

    def __init__(self, process: "subprocess.Popen[str]", port: int) -> None:
        self.process, self.port = process, port

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        """Status and content of the answer, over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): v for name, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def job(self, content: bytes, query: str = "") -> dict[str, Any]:
        """A new job."""
        status, text = self.ask("POST", f"/v1/jobs?{query}", content, Content_Type="image/png")
        assert status == 202, text
        found: dict[str, Any] = json.loads(text)
        return found

    def wait(self, job: dict[str, Any]) -> dict[str, Any]:
        """The job once it has ended."""
        self.ask("GET", job["links"]["events"], Accept="text/event-stream")
        found: dict[str, Any] = json.loads(self.ask("GET", job["links"]["self"])[1])
        return found

    def memory(self, field: str, pid: int | None = None) -> int:
        """VmRSS or VmHWM in bytes."""
        text = Path(f"/proc/{pid or self.process.pid}/status").read_text()
        return int(text.split(f"{field}:")[1].split()[0]) << 10

    def cpu(self) -> float:
        """Seconds of CPU time of the service and its child processes so far."""
        ticks = 0
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if self.process.pid in (int(folder.name), int(fields[1])):
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def worker(self) -> int:
        """Process id of the worker."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if b"wildsr.web.worker" in (folder / "cmdline").read_bytes().split(b"\0"):
                    parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                    if parent == self.process.pid:
                        return int(folder.name)
            except OSError:
                continue
        raise LookupError("the service has no worker")


@contextmanager
def running(*options: str) -> Iterator[Service]:
    """A service with a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-m",
            "wildsr",
            "web",
            "--no-open",
            "--port",
            "0",
            "--folder",
            folder,
            *options,
        ]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2].strip().rstrip("/"))
            yield Service(process, port)
        finally:
            process.terminate()
            process.wait()


def png(pixels: torch.Tensor, path: Path) -> bytes:
    """A PNG of (1, 3, H, W) in [0, 1]."""
    canvas = Canvas(pixels.shape[-2], pixels.shape[-1], Traits())
    canvas.paste(0, 0, pixels)
    write(path, canvas)
    return path.read_bytes()


def photograph() -> torch.Tensor:
    """768x512."""
    pixels = torch.from_numpy(data.astronaut()).permute(2, 0, 1)[None].float() / 255
    return torch.cat([pixels, pixels[..., :256].flip(-1)], dim=-1)


def overhead(photo: Path, folder: Path, repeat: int) -> None:
    """Request to result, beside the library from file to file."""
    upscaler, wanted, saving = wildsr.Upscaler(wildsr.load()), OutputSize(), SaveOptions()
    content, target = photo.read_bytes(), folder / "library.png"

    def library() -> bytes:
        image = read(photo)
        size = check(target, image, upscaler, wanted, saving)
        save(target, compute(image, upscaler, size, traits_for(target, image, saving)), saving)
        return target.read_bytes()

    with running() as service:

        def request() -> bytes:
            job = service.job(content)
            done = service.wait(job)
            return service.ask("GET", done["links"]["result"])[1]

        assert library() == request()
        clocks = (time.process_time, service.cpu)
        times: tuple[list[float], list[float]] = ([], [])
        cpu: tuple[list[float], list[float]] = ([], [])
        for _ in range(repeat):
            for side, work in enumerate((library, request)):
                began, used = time.perf_counter(), clocks[side]()
                work()
                times[side].append(time.perf_counter() - began)
                cpu[side].append(clocks[side]() - used)
    for name, (here, there) in {"time": times, "CPU time": cpu}.items():
        ratios = [b / a for a, b in zip(here, there, strict=True)]
        print(
            f"{photo.name}, {name}: library {statistics.median(here):.3f} s, service {statistics.median(there):.3f} s, "
            f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}); {repeat} pairs"
        )


def body() -> None:
    """Memory of the service while a gigabyte comes."""
    size = 1 << 30
    head = b"II*\0" + bytes(60)

    def parts() -> Iterator[bytes]:
        yield head
        block = os.urandom(1 << 20)
        for _ in range(size >> 20):
            yield block

    with running("--max-body", "2G") as service:
        service.ask("GET", "/v1/jobs")
        before = service.memory("VmHWM")
        began = time.perf_counter()
        status, _ = service.ask("POST", "/v1/jobs", parts(), Content_Type="image/tiff")
        seconds = time.perf_counter() - began
        grown = service.memory("VmHWM") - before
        print(
            f"body of 1 GiB: {seconds:.1f} s, status {status}, memory of the service grew by {grown / 1e6:.1f} MB"
        )
        before = service.memory("VmHWM")
        began = time.perf_counter()
        headers = {"Content_Type": "image/tiff", "Content_Length": str(3 << 30), "Expect": "100-continue"}
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        connection.putrequest("POST", "/v1/jobs")
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        print(f"body announced as 3 GiB: status {answer.status} after {time.perf_counter() - began:.3f} s")
        connection.close()


def bomb() -> None:
    """A small PNG that claims 50,000x50,000 pixels."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    squeezer = zlib.compressobj(9)
    rows = b"".join(squeezer.compress(bytes(50_001)) for _ in range(50_000)) + squeezer.flush()
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    with running() as service:
        for attempt in ("first", "second"):
            began = time.perf_counter()
            status, text = service.ask("POST", "/v1/jobs", content, Content_Type="image/png")
            seconds = time.perf_counter() - began
            code = json.loads(text)["code"]
            print(
                f"PNG of {len(content) / 1e6:.1f} MB claiming 50,000², {attempt}: {status} {code}, {seconds:.3f} s"
            )


def cancel(folder: Path) -> None:
    """How long DELETE takes in the middle of a large image, and whether the worker survived it."""
    content = png(
        torch.rand(1, 3, 1, 1).expand(1, 3, 1500, 2000) * torch.linspace(0, 1, 2000), folder / "large.png"
    )
    with running() as service:
        service.wait(service.job(content[:0] or png(photograph()[..., :64, :64], folder / "warm.png")))
        times, workers = [], {service.worker()}
        for pause in (0.5, 1.0, 2.0, 4.0, 7.0):
            job = service.job(content)
            time.sleep(pause)
            began = time.perf_counter()
            status, text = service.ask("DELETE", job["links"]["self"])
            times.append(time.perf_counter() - began)
            assert (status, json.loads(text)["state"]) == (200, "cancelled"), text
            service.wait(service.job((folder / "warm.png").read_bytes()))
            workers.add(service.worker())
        print(
            f"cancel in a 3-megapixel image: {', '.join(f'{t:.2f}' for t in times)} s; {len(workers) - 1} new workers"
        )


def jobs(folder: Path) -> None:
    """50 jobs at once: order and memory."""
    content = png(photograph()[..., :128, :192], folder / "small.png")
    with running() as service:
        service.wait(service.job(content))
        before = [service.memory("VmRSS"), service.memory("VmRSS", service.worker())]
        began = time.perf_counter()
        made = [service.job(content) for _ in range(50)]
        accepted = time.perf_counter() - began
        done = [service.wait(job) for job in made]
        ended = [job["ended"] for job in done]
        after = [service.memory("VmHWM"), service.memory("VmHWM", service.worker())]
        print(
            f"50 jobs: accepted in {accepted:.2f} s, done in {time.perf_counter() - began:.1f} s, "
            f"{'in order' if ended == sorted(ended) else 'OUT OF ORDER'}; peak memory above the start: service "
            f"{(after[0] - before[0]) / 1e6:.0f} MB, worker {(after[1] - before[1]) / 1e6:.0f} MB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--only", choices=PARTS, action="append")
    options = parser.parse_args()
    wanted = options.only or PARTS
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        photo = options.photo or folder / "photo.png"
        if options.photo is None:
            png(photograph(), photo)
        for name, measure in {
            "overhead": lambda: overhead(photo, folder, options.repeat),
            "body": body,
            "bomb": bomb,
            "cancel": lambda: cancel(folder),
            "jobs": lambda: jobs(folder),
        }.items():
            if name in wanted:
                measure()


if __name__ == "__main__":
    main()
