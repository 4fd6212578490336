"""Loads hostile files in separate processes, and detects crashes, hangs, executed programs and excessive memory.

Run as a script it is one such process: it loads the file that each line of its input names, and says what happened.
"""

import importlib
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

Files = dict[str, bytes]
_HEADROOM = 4 << 30
CANARY = Path("canary")  # in the folder where the process works
LOADER = "load_any:load_any"


class Hostile(NamedTuple):
    """``files`` by suffix, the one to load first; ``kind`` says what was done to which format."""

    kind: str
    files: Files


@dataclass
class Finding:
    """A file that caused a problem."""

    index: int
    kind: str
    problem: str


@dataclass
class Report:
    """The results of all files: ``outcomes`` counts by kind and by "model" or "refused"."""

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "none")
    largest: int = 0


def run(
    make: Callable[[int], Hostile],
    indices: range,
    *,
    workers: int = 1,
    seconds: float = 20.0,
    memory: int = 256 << 20,
    loader: str = LOADER,
    keep: Path | None = None,
) -> Report:
    """Try the files of ``indices``; those with a finding are kept in ``keep``.

    Loading may take up to ``seconds`` and ``memory`` bytes, and eight times what the file has.
    """
    report, tasks, lock = Report(), queue.SimpleQueue[int](), threading.Lock()
    for index in indices:
        tasks.put(index)

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            worker = _Worker(Path(folder), seconds, memory, loader)
            while True:
                try:
                    index = tasks.get_nowait()
                except queue.Empty:
                    break
                case = make(index)
                answer = worker.attempt(case)
                with lock:
                    _enter(report, index, case, answer)
                    if keep is not None and report.findings and report.findings[-1].index == index:
                        _keep(keep, index, case)
            worker.stop()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report.findings.sort(key=lambda finding: finding.index)
    return report


def _enter(report: Report, index: int, case: Hostile, answer: dict[str, object]) -> None:
    outcome = str(answer["outcome"])
    report.slowest = max(report.slowest, (float(str(answer.get("seconds", 0))), f"{index} {case.kind}"))
    report.largest = max(report.largest, int(str(answer.get("grown", 0))))
    if outcome in ("model", "refused"):
        report.outcomes[case.kind, outcome] += 1
    else:
        report.findings.append(Finding(index, case.kind, outcome))


def _keep(folder: Path, index: int, case: Hostile) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for suffix, content in case.files.items():
        (folder / f"{index}{suffix}").write_bytes(content)


class _Worker:
    """A process that loads files, and a new one whenever it dies."""

    def __init__(self, folder: Path, seconds: float, memory: int, loader: str) -> None:
        self._folder, self._seconds, self._memory, self._loader = folder, seconds, memory, loader
        self._process: subprocess.Popen[str] | None = None

    def attempt(self, case: Hostile) -> dict[str, object]:
        """The result of loading a file."""
        inputs = self._folder / "in"
        shutil.rmtree(inputs, ignore_errors=True)
        inputs.mkdir()
        paths = [inputs / f"net{suffix}" for suffix in case.files]
        for path, content in zip(paths, case.files.values(), strict=True):
            path.write_bytes(content)
        answer = self._ask(paths[0])
        canary = self._folder / CANARY
        if canary.exists():
            shutil.rmtree(canary) if canary.is_dir() else canary.unlink()
            return {"outcome": "a program was executed"}
        allowed = self._memory + 8 * sum(map(len, case.files.values()))
        if int(str(answer.get("grown", 0))) > allowed:
            answer["outcome"] = f"memory: {int(str(answer['grown'])) >> 20} MB for {allowed >> 20} MB"
        return answer

    def _ask(self, path: Path) -> dict[str, object]:
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(self._seconds, end)
        timer.start()
        try:
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        timer.cancel()
        if line:
            return json.loads(line)
        self._process = None
        code = process.wait()
        return {
            "outcome": f"no end in {self._seconds:g} s" if late.is_set() else f"the process died ({code})"
        }

    def _start(self) -> "subprocess.Popen[str]":
        path = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", __file__, self._loader],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path), "OMP_NUM_THREADS": "1"},
        )
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the process that loads files does not start (exit code {process.wait()})")
        return process

    def stop(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._process.wait()


# --- in the process


def _memory(what: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) << 10
    return 0


def _serve(loader: str) -> None:
    import resource

    module, _, name = loader.partition(":")
    load = getattr(importlib.import_module(module), name)
    limit = _memory("VmSize") + _HEADROOM
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(_tried(load, Path(line.rstrip("\n")))), flush=True)


def _tried(load: Callable[[Path], object], path: Path) -> dict[str, object]:
    before, peak, began = _memory("VmSize"), _memory("VmPeak"), time.monotonic()
    try:
        load(path)
        outcome = "model"
    except Exception as error:
        outcome = _judged(error)
    after = _memory("VmPeak")
    return {
        "outcome": outcome,
        "seconds": time.monotonic() - began,
        "grown": after - before if after > peak else 0,
    }


def _judged(error: BaseException) -> str:
    from wildsr.errors import WildsrError

    cause: BaseException | None = error
    while cause is not None:  # an allocation that failed here would have worked on a larger machine
        if isinstance(cause, MemoryError) or "can't allocate memory" in str(cause):
            return f"memory: {str(cause)[:200]}"
        cause = cause.__cause__
    return (
        "refused"
        if isinstance(error, WildsrError)
        else f"{type(error).__name__}: {str(error)[:200].strip().splitlines()[0]}"
    )


if __name__ == "__main__":
    _serve(sys.argv[1])
