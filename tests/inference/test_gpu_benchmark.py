"""The benchmark for GPUs runs from end to end at tiny sizes on a CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "gpu.py"


@pytest.mark.filterwarnings("ignore")
def test_every_section_runs_on_a_cpu() -> None:
    command = [sys.executable, str(PROGRAM), "--small", "--device", "cpu"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["failed"] == []
    for row in (
        "| RRDBNet |",
        "| imresize |",
        "| ssim |",
        "| bsrgan-plus |",
        "| batch of 2 |",
        "| its memory |",
    ):
        assert row in done.stdout
