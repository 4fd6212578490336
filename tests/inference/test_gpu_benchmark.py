"""The benchmark for GPUs runs from end to end at tiny sizes on a CPU."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from wildsr.degradations.presets import PRESETS
from wildsr.degradations.steps import noise
from wildsr.estimation.kernelgan import KernelGAN

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
        "| ResUNet |",
        "| UNetDiscriminator |",
        "| DegradationNetwork |",
        "| first step, batch of 2 |",
        "| imresize |",
        "| demosaic |",
        "| ssim |",
        "| bsrgan-plus |",
        "| batch of 2 |",
        "| its memory |",
    ):
        assert row in done.stdout


def test_devices_that_sample_other_noise_agree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a GPU and a CPU do: their random numbers differ, their amount of noise does not."""
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    from gpu_parity import degradation_parity
    from gpu_sizes import Bench

    seeds = itertools.count()
    monkeypatch.setattr(
        noise, "_generator", lambda seed, _: torch.Generator().manual_seed(seed ^ next(seeds))
    )
    monkeypatch.setattr("gpu_parity.PRESETS", {name: PRESETS[name] for name in ("bsrgan", "noise-8")})
    bench = Bench(torch.device("cpu"), small=True, folder=tmp_path)
    assert [name for name, _ in degradation_parity(bench)] == ["bsrgan", "noise-8"]
    normal, images = noise._normal, itertools.count()
    # The first batch is that of one device, the second that of the other.
    monkeypatch.setattr(noise, "_normal", lambda image, step: normal(image, step) * (1 + next(images) // 2))
    monkeypatch.setattr("gpu_parity.PRESETS", {"noise-8": PRESETS["noise-8"]})
    with pytest.raises(AssertionError, match="differs by"):
        list(degradation_parity(bench))


def test_a_device_with_another_kernelgan_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(PROGRAM.parent))
    import gpu_parity
    from gpu_sizes import Bench

    bench = Bench(torch.device("cpu"), small=True, folder=tmp_path)
    assert len(list(gpu_parity.kernelgan_parity(bench))) == 2
    new, made = gpu_parity.new_kernelgan, itertools.count()

    def wrong(count: int, device: torch.device) -> KernelGAN:
        gan = new(count, device)
        with torch.no_grad():
            gan.generators.weights[0].mul_(1 + 0.01 * next(made))  # the second one's
        return gan

    monkeypatch.setattr(gpu_parity, "new_kernelgan", wrong)
    with pytest.raises(AssertionError, match="differs by"):
        list(gpu_parity.kernelgan_parity(bench))
