"""Learning rates as pure functions of a count of scheduler steps.

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
    """``base`` times ``factor`` for every milestone reached, one that stands there twice counting twice.

    At a restart the rate becomes ``base`` times that restart's weight, and only milestones after it count (RealSR,
    ``MultiStepLR_Restart``). SRResCGAN's scheduler restarts one step later: give it its restarts plus one.
    """
    last, rate = (-1, base) if restarts else (0, base)
    for restart, weight in zip(restarts, weights, strict=True):
        if last < restart <= count:
            last, rate = restart, base * weight
    return rate * factor ** sum(last < milestone <= count for milestone in milestones)


def multi_step_warmed_up(
    count: int, base: float, milestones: Sequence[int], factor: float, warmup: int
) -> float:
    """RealSR's warm-up: linear to just below ``base``, where it stays.

    The original overwrites the value that its scheduler multiplies at milestones. So a milestone within the warm-up has
    no effect, and all later rates are (warmup - 1) / warmup of what they would be.
    """
    if not 0 < count < warmup:
        reached = sum(max(0, warmup - 1) < milestone <= count for milestone in milestones)
        rest = (warmup - 1) / warmup if warmup > 1 and count else 1.0
        return base * rest * factor**reached
    return base / warmup * count


def cosine(
    count: int,
    base: float,
    periods: Sequence[int],
    floor: float = 0.0,
    restarts: Sequence[int] = (),
    weights: Sequence[float] = (),
) -> float:
    """Half a cosine from ``base`` to ``floor`` over the first of ``periods``, and one more period from each restart.

    After a restart it begins at ``base`` times that restart's weight; past the end of a period it rises to ``base``
    again (RealSR, ``CosineAnnealingLR_Restart``). SRResCGAN's scheduler restarts one step later: give it its restarts
    plus one.
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
    """``base`` until ``begin``, from there in a straight line to 0 at ``end`` (DSGAN, whose counts are epochs)."""
    if count <= begin:
        return base
    return base * max(0.0, 1 - (count - begin) / (end - begin))


def warm_up(step: int, steps: int) -> float:
    """A factor that grows in a straight line and reaches 1 in the last of the first ``steps`` training steps."""
    return min(1.0, (step + 1) / max(1, steps))
