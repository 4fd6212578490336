"""Time per pixel of tiles of different sizes, as measured on each kind of processor. Imports no torch."""

import math
from functools import cache
from pathlib import Path

TileCosts = tuple[tuple[int, float], ...]
"""Sides of square tiles in LR pixels, ascending, and their time per pixel in proportion to the first one's."""

FLAT: TileCosts = ((64, 1.0),)
"""The time per pixel does not depend on the size: GPUs, and bfloat16 on Zen 4 and 5 (128 to 384, RRDBNet-23)."""
AVX512_FLOAT32: TileCosts = ((64, 1.0), (128, 1.04), (256, 1.04), (384, 1.08), (768, 1.08))
"""SRVGGNetCompact on a Xeon with 1 MiB of second-level cache a core."""
AMX: TileCosts = ((128, 1.0), (256, 1.2), (384, 1.5))
"""RRDBNet-23: 1.8, 1.5 and 1.2 TFLOP/s. Matrix products are so fast that larger tiles wait for memory."""


def cpu_costs(half: bool) -> TileCosts:
    """The table of this computer's CPU, in bfloat16 or float32."""
    if not half:
        return AVX512_FLOAT32
    return AMX if has_amx() else FLAT


@cache
def has_amx() -> bool:
    """Whether the CPU multiplies bfloat16 matrices in hardware, as far as the system says so."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def cost(costs: TileCosts, height: int, width: int) -> float:
    """Relative time of one tile: between the sides of the table in proportion to the logarithm of the area.

    Beyond the last one the trend of the last two goes on, and below the first one nothing changes.
    """
    area = height * width
    if len(costs) == 1 or area <= costs[0][0] ** 2:
        return area * costs[0][1]
    index = next((i for i, (side, _) in enumerate(costs) if area <= side**2), len(costs) - 1)
    (small, low), (large, high) = costs[index - 1], costs[index]
    part = math.log(area / small**2) / math.log(large**2 / small**2)
    return area * (low + (high - low) * part)
