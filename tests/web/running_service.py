"""``wildsr web`` as a user starts it, and a client for it."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

LONG = float(os.environ.get("WILDSR_TEST_SECONDS", "120"))
"""Seconds after which something hangs."""
SLOW = {"model": "tiny", "tile": 32, "ensemble": True}
"""Options with which a 500x500 image takes long, in many small tiles."""


class Running:
    def __init__(self, process: "subprocess.Popen[str]", address: str, folder: Path) -> None:
        self.process, self.address, self.folder = process, address, folder
        self.http = httpx.Client(base_url=address, timeout=LONG, trust_env=False)

    def post(
        self,
        image: bytes | Path,
        options: dict[str, Any] | None = None,
        *,
        name: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send an image as a form."""
        content = image.read_bytes() if isinstance(image, Path) else image
        shown = name or (image.name if isinstance(image, Path) else "photo.png")
        data = {"options": json.dumps(options)} if options is not None else {}
        return self.http.post("/v1/jobs", files={"image": (shown, content)}, data=data, headers=headers)

    def post_photos(
        self,
        photos: list[bytes],
        options: dict[str, Any] | None = None,
        *,
        text: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send photos for an adaptation, and perhaps a file that is no image."""
        files = [("photo", (f"IMG_{number:02}.jpg", photo)) for number, photo in enumerate(photos)]
        if text is not None:
            files.append(("photo", ("notes.txt", text)))
        data = {"options": json.dumps(options)} if options is not None else {}
        return self.http.post("/v1/adaptations", files=files, data=data, headers=headers)

    def job(self, image: bytes | Path, options: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        answer = self.post(image, options, **more)
        assert answer.status_code == 202, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, job: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(job["links"]["self"]).json()
        return found

    def until(self, job: dict[str, Any], *states: str, seconds: float = LONG) -> dict[str, Any]:
        """The job once it is in one of ``states``, or has tiles done for "tiles", or is in a stage for "stage"."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = self.get(job)
            if found["state"] in states:
                return found
            if "stage" in states and found["stage"]:
                return found
            if "tiles" in states and found["progress"] and found["progress"]["done"]:
                return found
            time.sleep(0.02)
        raise TimeoutError(f"{job['id']} is not {states}: {self.get(job)}")

    def result(self, job: dict[str, Any]) -> bytes:
        done = self.until(job, "finished", "failed", "cancelled")
        assert done["state"] == "finished", done["reason"]
        return self.http.get(done["links"]["result"]).content

    def children(self, module: str) -> list[int]:
        """Process ids of its child processes that run a module."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError):
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                command = (folder / "cmdline").read_bytes().split(b"\0")
                if parent == self.process.pid and module.encode() in command:
                    found.append(int(folder.name))
        return found

    def metric(self, name: str) -> float:
        found = re.search(rf"^wildsr_{re.escape(name)} (\S+)$", self.http.get("/metrics").text, re.MULTILINE)
        assert found, name
        return float(found[1])

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(LONG)


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[Running]:
    command = [sys.executable, "-m", "wildsr", "web", "--no-open", "--port", "0", "--folder", str(folder)]
    if "--model" not in options:
        command += ["--model", "tiny"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        address = re.search(r"http://\S+", said)
        assert address, said
        port = re.search(r":(\d+)/", address[0])
        assert port
        found = Running(process, f"http://127.0.0.1:{port[1]}", folder)
        with found.http:
            yield found
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        assert process.stdout is not None
        process.stdout.close()
