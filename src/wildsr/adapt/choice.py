"""Blends the weights of the starting and the fine-tuned model; the share is chosen on training photos."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from wildsr.adapt.gain import paired_gain
from wildsr.adapt.images import CleanUpSettings, clean_tile, detailed_tiles
from wildsr.degradations.degradation import Degradation
from wildsr.evaluation.distortion import psnr
from wildsr.evaluation.perceptual import SMALLEST
from wildsr.evaluation.perceptual import lpips as lpips_of
from wildsr.image import ImageError, read_levels, write_rgb
from wildsr.storage.seeds import generator
from wildsr.zoo.blend import blend
from wildsr.zoo.features.files import MissingWeights
from wildsr.zoo.features.lpips import load_lpips
from wildsr.zoo.load import load
from wildsr.zoo.model import Model

SHARES = (0.5, 0.75, 1.0)
_PAIRS, _SIDE, _SCALE = 6, 256, 4
_SEED = 0xC401
_WEIGHTS = {"psnr": 1.0, "lpips-alex": -10.0}
"""0.1 dB of PSNR count as much as 0.01 of LPIPS."""


def write_pairs(
    photos: Sequence[tuple[str, Path]], clean: CleanUpSettings, camera: Degradation, folder: Path, seed: int
) -> int:
    """Write pairs from photos of the training into ``folder``/LR and ``folder``/HR; returns their number."""
    for part in ("LR", "HR"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    count = 0
    step = max(1, len(photos) // _PAIRS)
    for name, path in photos[::step]:
        try:
            hr = clean_tile(detailed_tiles(read_levels(path))[0], clean, name)
        except ImageError:
            continue
        height, width = (min(side, _SIDE) // _SCALE * _SCALE for side in hr.shape[-2:])
        if min(height, width) < SMALLEST:
            continue
        top, left = (hr.shape[-2] - height) // 2, (hr.shape[-1] - width) // 2
        hr = hr[..., top : top + height, left : left + width]
        parameters = camera.sample(generator(seed ^ _SEED, name), (height, width))
        write_rgb(folder / "LR" / f"{count}.png", camera.apply(hr, [parameters]).clamp(0, 1))
        write_rgb(folder / "HR" / f"{count}.png", hr)
        count += 1
        if count == _PAIRS:
            break
    return count


def choose_share(
    start: str, tuned: Path, folder: Path, faithful: bool, features: Path | None
) -> dict[str, float]:
    """The score of each share of the fine-tuned model in a blend, by the share as text; higher is better.

    The score is the gain in PSNR, and for the perceptual style that in LPIPS, on the pairs of :func:`write_pairs`.
    """
    first, second = load(start), load(tuned)
    pairs = [
        tuple(read_levels(folder / part / f"{index}.png").float() / 255 for part in ("LR", "HR"))
        for index in range(len(list((folder / "LR").glob("*.png"))))
    ]
    before = _values(first, pairs, faithful, features)
    scores = {}
    for share in SHARES:
        after = _values(blend(first, second, share), pairs, faithful, features)
        score = 0.0
        for metric, values in before.items():
            gain = paired_gain(metric, values, after[metric], higher_is_better=metric == "psnr")
            score += 0.0 if gain is None else _WEIGHTS[metric] * gain.mean
        scores[f"{share:g}"] = score
    return scores


def _values(
    model: Model, pairs: Sequence[tuple[Tensor, ...]], faithful: bool, features: Path | None
) -> dict[str, dict[str, list[float]]]:
    try:
        network = None if faithful else load_lpips(features)
    except MissingWeights:
        network = None
    found: dict[str, dict[str, list[float]]] = {"psnr": {}}
    for index, (lr, hr) in enumerate(pairs):
        with torch.no_grad():
            sr = model(lr).clamp(0, 1)
        found["psnr"][str(index)] = [float(psnr(sr, hr, border=_SCALE))]
        if network is not None:
            found.setdefault("lpips-alex", {})[str(index)] = [float(lpips_of(network, sr, hr))]
    return found
