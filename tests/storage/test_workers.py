"""Worker processes and Ctrl-C."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

INTERRUPTED_TWICE = """
import os, signal, threading, time
from wildsr.storage.workers import worker_pool

if __name__ == "__main__":
    try:
        with worker_pool(1) as pool:
            begun = pool.submit(time.sleep, 1)
            while not begun.running():
                time.sleep(0.01)
            waiting = [pool.submit(time.sleep, 1) for _ in range(5)]
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        print(begun.done(), waiting[-1].cancelled())
"""


@pytest.mark.skipif(os.name != "posix", reason="processes are interrupted otherwise elsewhere")
def test_a_second_interruption_leaves_no_process_behind(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(INTERRUPTED_TWICE)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout) == (0, "True True\n"), done.stderr
