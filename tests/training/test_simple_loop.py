"""The loop learns, resumes exactly and stops at NaN."""

import json
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

from wildsr.training.simple_loop import Schedule, fit


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.PReLU(), nn.Conv2d(8, 3, 3, padding=1))


def batch(rng: Generator) -> tuple[Tensor, Tensor]:
    x = torch.rand(2, 3, 12, 12, generator=rng)
    return x, 1 - x


def losses(sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
    return {"l1": (sr - hr).abs().mean()}


def schedule(steps: int) -> Schedule:
    return Schedule(steps=steps, learning_rate=5e-3, warmup=2, log_every=5, save_every=5)


def test_it_learns_and_logs(tmp_path: Path) -> None:
    fit(network(), batch, losses, schedule(60), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(5, 61, 5))
    assert lines[-1]["l1"] < 0.5 * lines[0]["l1"]


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    whole = fit(network(), batch, losses, schedule(10), tmp_path / "whole")
    drawn = 0

    def stopping(rng: Generator) -> tuple[Tensor, Tensor]:
        nonlocal drawn
        drawn += 1
        if drawn == 8:
            raise KeyboardInterrupt
        return batch(rng)

    with pytest.raises(KeyboardInterrupt):
        fit(network(), stopping, losses, schedule(10), tmp_path / "stopped")
    resumed = fit(network(), batch, losses, schedule(10), tmp_path / "stopped")
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_nan_names_its_loss(tmp_path: Path) -> None:
    with pytest.raises(FloatingPointError, match="step 0: the loss 'bad' is nan"):
        fit(network(), batch, lambda sr, _: {"bad": sr.mean() * float("nan")}, schedule(3), tmp_path)
