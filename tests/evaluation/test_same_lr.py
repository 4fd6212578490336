"""``degrade``, ``prepare`` and ``evaluate`` make the same LR of the same file with the same seed."""

from pathlib import Path

import pytest
import torch

from image_folders import photograph, save
from wildsr.data.pair_folders import items_of, prepare
from wildsr.data.pair_maker import Preparation
from wildsr.degradations.files import DegradeJob, DegradeSettings, degrade_file
from wildsr.degradations.presets import preset
from wildsr.estimation.sources import find_sources
from wildsr.evaluation.datasets import degraded
from wildsr.image import read_levels


@pytest.mark.parametrize("name", ["bsrgan", "real-esrgan"])
def test_degrade_prepare_and_evaluate_agree(tmp_path: Path, name: str) -> None:
    photos, other = tmp_path / "photos", tmp_path / "other"
    source = save(photos / "sub" / "a.png", photograph(0, 97, 123))  # not a multiple of the scale
    save(other / "b.png", photograph(1, 80, 80))
    lr = tmp_path / "degraded.png"
    degrade_file(DegradeJob("sub/a.png", source, lr), DegradeSettings(name, 4, seed=5))

    items = items_of(find_sources([other]), find_sources([photos]))
    prepare(items, tmp_path / "pairs", Preparation(preset=name, seed=5))
    prepared = tmp_path / "pairs" / "LR" / "target" / "sub" / "a.png"

    save(photos / "0.png", photograph(2, 64, 64))  # another image, earlier in the order of names
    dataset = degraded("set", photos, preset(name), name, 5, tmp_path / "cache")
    evaluated = next(one.lr for one in dataset.samples if one.image == "sub/a")

    assert torch.equal(read_levels(prepared), read_levels(lr))
    assert torch.equal(read_levels(evaluated), read_levels(lr))
