"""The noise of uncompressed photos: the one with which simulated flat images measure like the photos' flat blocks."""

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.profile import Noise
from wildsr.degradations.program import run_steps
from wildsr.estimation.flat_blocks import (
    BLOCK,
    FlatBlocks,
    LevelFunction,
    all_blocks,
    channel_correlations,
    flattest_blocks,
    level_function,
)

_DARK, _BRIGHT = 0.2, 0.8
_SMALLEST = 0.01
_DAMPING = 0.7
_GAIN, _MOST_CORRELATION = 0.15, 2.0  # of the correlation, in pixels
_STEPS = 10
_SIDE = 64
_ACROSS, _DOWN = 8, 8

Line = tuple[float, float]


def plain_noise(blocks: FlatBlocks, *, seed: int = 0) -> Noise:
    """The noise with which simulated flat blocks measure like the flattest of these.

    Flat images of the blocks' colours get the noise that is assumed so far, are rounded to 8 bits and measured; the
    noise is corrected by the ratio, until both agree.
    """
    blocks = flattest_blocks(blocks)
    seen = level_function(blocks)
    rng = np.random.default_rng(seed)
    line, correlation = (seen.constant, seen.slope), 0.0
    channels = torch.eye(3, dtype=torch.float64)
    matrix = channel_correlations(channels)
    for _ in range(_STEPS):
        simulated = _simulated(Noise(*line, correlation, matrix), blocks.mean / 255, rng)
        made = level_function(simulated)
        line = _corrected(line, seen, made)
        change = _GAIN * (seen.coarseness - made.coarseness)
        correlation = min(max(correlation + change, 0.0), _MOST_CORRELATION)
        channels = channels + _DAMPING * (seen.channels - made.channels).double()
        matrix = channel_correlations(channels)
        channels = torch.tensor(matrix, dtype=torch.float64)
    return Noise(*line, correlation, matrix, min(seen.error, 9.0), 0.0, seen.curve)


def _simulated(noise: Noise, colours: Tensor, rng: np.random.Generator) -> FlatBlocks:
    """Blocks of flat areas with some of the colours (n, 3) in [0, 1] and this noise."""
    channels: list[list[float]] = [list(row) for row in noise.channels]
    steps = [
        {
            "step": "level_noise",
            "constant": noise.constant,
            "slope": noise.slope,
            "channels": channels,
            "correlation": noise.correlation,
            "seed": int(rng.integers(2**31)),
        },
        {"step": "round"},
    ]
    picked = colours[torch.from_numpy(rng.integers(len(colours), size=_ACROSS * _DOWN))]
    small = picked.float().T.reshape(1, 3, _DOWN, _ACROSS)
    areas = small.repeat_interleave(_SIDE, -2).repeat_interleave(_SIDE, -1)
    made = run_steps(areas, [{"steps": steps}])[0] * 255
    inner = made.reshape(3, _DOWN, _SIDE, _ACROSS, _SIDE)[:, :, BLOCK:-BLOCK, :, BLOCK:-BLOCK]
    return all_blocks(inner.reshape(3, _DOWN * (_SIDE - 2 * BLOCK), -1))


def _corrected(line: Line, seen: LevelFunction, made: LevelFunction) -> Line:
    """Constant and slope of variances, corrected by the ratios of those seen to those made in dark and bright parts."""
    points = []
    for value in (_DARK, _BRIGHT):
        ratio = (seen.level(value) ** 2 + _SMALLEST) / (made.level(value) ** 2 + _SMALLEST)
        points.append(max(line[0] + line[1] * value, 1e-3) * min(max(ratio, 0.25), 4.0) ** _DAMPING)
    slope = (points[1] - points[0]) / (_BRIGHT - _DARK)
    constant = points[0] - slope * _DARK
    if constant < 0:
        return 0.0, points[1] / _BRIGHT
    return constant, max(slope, -constant)
