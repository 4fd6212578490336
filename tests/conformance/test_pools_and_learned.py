"""RealSR's kernels and noise, and the published DSGAN generator, as degradations."""

from pathlib import Path

import numpy as np
import pytest
import torch
from golden_files import Read, assert_close, bchw, hwc
from torch import Tensor

from wildsr.degradations.methods.learned import Dsgan
from wildsr.degradations.methods.realsr import RealSr
from wildsr.degradations.pools import KernelPool, NoisePool
from wildsr.networks.dsgan import DSGANGenerator
from wildsr.ops.cropping import crop_to_multiple
from wildsr.ops.resize import imresize

NOTHING = {"kernel": None, "noise": None}


def test_a_crop_of_noise_is_added_less_its_mean(golden: Read) -> None:
    item = golden("est_noise_dataset")
    top, left = item["param.pos"].tolist()
    pool = NoisePool(item["input.patch"].permute(2, 0, 1)[None].contiguous(), ("golden",))
    drawn = {"pool": pool.digest, "index": 0, "top": top, "left": left}
    noisy = RealSr(1, pool).apply(item["input.lq"][None], [{"kernel": None, "noise": drawn}])
    assert_close(noisy[0], item["output.noisy_lq"], item.tolerance("abs"))


@pytest.mark.parametrize("domain", ["source", "target"])
def test_datasets_of_bicubic_and_kernel(golden: Read, domain: str) -> None:
    """Whole levels; the file allows one where a value sits on the boundary of two."""
    item = golden("est_create_datasets")
    image = bchw(item[f"input.{domain}"]).float() / 255
    hr = crop_to_multiple(imresize(image, 1 / 2).clamp(0, 1), 4) if domain == "source" else image
    same_levels(RealSr().apply(hr, [NOTHING]), item[f"output.bicubic.{domain}.LR"])
    pool = KernelPool(item["param.kernel"].float()[None], 4, ("golden",))
    saved = bchw(item[f"output.kernel.{domain}.HR"]).float() / 255
    drawn = {"kernel": {"pool": pool.digest, "index": 0}, "noise": None}
    same_levels(RealSr(kernels=pool).apply(saved, [drawn]), item[f"output.kernel.{domain}.LR"])


def same_levels(lr: Tensor, expected: Tensor) -> None:
    difference = (hwc(lr) * 255).round().int() - expected.int()
    assert difference.abs().max() <= 1
    assert (difference != 0).float().mean() <= 0.005


def test_the_published_generator(golden: Read, golden_folder: Path) -> None:
    item = golden("real_dsgan_generator")
    network = DSGANGenerator()
    state = torch.load(golden_folder / item.text("weights"), map_location="cpu", weights_only=True)
    network.load_state_dict(state)
    degradation = Dsgan(network)
    image = bchw(item["input.img"]).float() / 255
    parameters = [degradation.sample(np.random.default_rng(0), (160, 160))]
    assert_close(degradation.apply(image, parameters)[0], item["output.sdsr_lr"], item.tolerance("abs"))
    assert_close(
        degradation.apply(item["output.tdsr_hr"][None], parameters)[0],
        item["output.tdsr_lr"],
        item.tolerance("abs"),
    )
