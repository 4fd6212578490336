"""Two processes give the same result as one with the whole batch, however they are started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from small_runs import FP32, Pixel, RandomBatches, run_in, settings

from wildsr.training import state_files
from wildsr.training.loop import fit
from wildsr.training.processes import start

SCRIPT = Path(__file__).with_name("two_processes.py")
LAUNCHERS = {
    "torchrun": [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone"],
    "fabric": [sys.executable],
}


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_processes_train_like_one(tmp_path: Path, launcher: str) -> None:
    done = subprocess.run(
        [*LAUNCHERS[launcher], str(SCRIPT), str(tmp_path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]

    alone = Pixel()
    optimizers = {"g": torch.optim.SGD(alone.networks["g"].parameters())}
    fit(
        start(FP32),
        alone,
        optimizers,
        {"g": lambda _: 0.1},
        RandomBatches(),
        settings(4),
        run_in(tmp_path / "alone"),
    )
    one, two = (
        torch.load(state_files.states(run_in(tmp_path / name))[-1], weights_only=True)
        for name in ("alone", "pixel")
    )
    torch.testing.assert_close(two["networks"], one["networks"], rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(two["average"], one["average"], rtol=1e-5, atol=1e-7)

    # A signal to the second process stopped both after the same step; in the end all they hold is the same.
    assert {(tmp_path / f"stopped-{rank}").read_text() for rank in range(2)} == {"15 2"}
    first, second = (torch.load(tmp_path / f"rank-{rank}.pt", weights_only=True) for rank in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    saved = torch.load(state_files.states(run_in(tmp_path / "gan"))[-1], weights_only=True)
    torch.testing.assert_close(saved["networks"], first, rtol=0, atol=0)
