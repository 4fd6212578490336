"""Learning rates as functions of the number of scheduler steps.

In RealSR, SRResCGAN and KAIR the scheduler steps before the optimizer, so that training step s (from zero) has count
s + 1; in DSGAN it steps after each epoch, so that epoch e (from zero) has count e.
"""

import math
from collections.abc import Sequence


def multi_step(
    count: int,
    base: float,
    milestones: Sequence[int],
    factor: float,
    restarts: Sequence[int] = (),
    weights: Sequence[float] = (),
) -> float:
    """``base`` times ``factor`` for every milestone reached; a milestone that is listed twice counts twice.

    At a restart the rate becomes ``base`` times the weight of that restart, and only milestones after it count (RealSR,
    ``MultiStepLR_Restart``). SRResCGAN's scheduler restarts one step later: pass its restarts plus one.
    """
    last, rate = (-1, base) if restarts else (0, base)
    for restart, weight in zip(restarts, weights, strict=True):
        if last < restart <= count:
            last, rate = restart, base * weight
    return rate * factor ** sum(last < milestone <= count for milestone in milestones)


def cosine(
    count: int,
    base: float,
    periods: Sequence[int],
    floor: float = 0.0,
    restarts: Sequence[int] = (),
    weights: Sequence[float] = (),
) -> float:
    """Half a cosine from ``base`` to ``floor`` over the first of ``periods``, and one more period from each restart.

    After a restart it begins at ``base`` times the weight of that restart; past the end of a period it rises to
    ``base`` again (RealSR, ``CosineAnnealingLR_Restart``). SRResCGAN's scheduler restarts one step later: pass
    its restarts plus one.
    """
    last, period, top = 0, periods[0], base
    for restart, weight, length in zip(restarts, weights, periods[1:], strict=True):
        if last < restart <= count:
            last, period, top = restart, length, base * weight
    passed = count - last
    if passed > period:
        top = base
    return floor + (top - floor) * (1 + math.cos(math.pi * passed / period)) / 2


def linear(count: int, base: float, begin: int, end: int) -> float:
    """``base`` until ``begin``, then a straight line to 0 at ``end`` (DSGAN, whose counts are epochs)."""
    if count <= begin:
        return base
    return base * max(0.0, 1 - (count - begin) / (end - begin))


def warm_up(step: int, steps: int) -> float:
    """Factor that grows linearly and reaches 1 in the last of the first ``steps`` training steps."""
    return min(1.0, (step + 1) / max(1, steps))
