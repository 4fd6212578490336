"""Learning rates over a whole run, compared with the originals' schedulers."""

from typing import Any

import pytest
import torch
from golden_files import Golden, Read

from wildsr.training.schedules import cosine, linear, multi_step


def assert_rates(rates: list[float], expected: torch.Tensor, golden: Golden) -> None:
    tolerance = golden.tolerance("rel")
    torch.testing.assert_close(torch.tensor(rates, dtype=torch.float64), expected, rtol=tolerance, atol=1e-20)


def rate(config: dict[str, Any], base: float, count: int, shift: int) -> float:
    arguments = config["args"]
    restarts = [restart + shift for restart in arguments.get("restarts", ())]
    weights = arguments.get("weights", [1.0] * len(restarts))
    if config["kind"] == "ms":
        return multi_step(count, base, arguments["milestones"], arguments["gamma"], restarts, weights)
    return cosine(count, base, arguments["T_period"], arguments["eta_min"], restarts, weights)


@pytest.mark.parametrize(("method", "shift"), [("realsr", 0), ("srrescgan", 1)])
def test_realsr(golden: Read, method: str, shift: int) -> None:
    stored = golden("sched_realsr")
    base = stored["param.lr"].item()
    checked = 0
    for config in stored.json("configs"):
        name = f"output.{method}.{config['id']}"
        if name in stored and config["kind"] != "warm":  # no recipe warms up as RealSR's options can
            rates = [rate(config, base, count, shift) for count in range(config["n"] + 1)]
            assert_rates(rates, stored[name], stored)
            checked += 1
    assert checked >= 4


def test_dsgan(golden: Read) -> None:
    stored = golden("sched_dsgan")
    epochs, decaying = stored["param.cfg"].tolist()
    rates = [
        linear(epoch, stored["param.lr"].item(), epochs - decaying, epochs) for epoch in range(epochs + 1)
    ]
    assert_rates(rates, stored["output.lr"], stored)
