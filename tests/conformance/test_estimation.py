"""Estimation from photographs against the original implementations."""

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from golden_files import Golden, Read, assert_close, bchw, hwc
from torch import Tensor

from kernelgan_states import stacked
from wildsr.data.pair_maker import Preparation, Role, make_pair
from wildsr.degradations.pools import KernelPool, save_kernel_pool
from wildsr.estimation.cleanup import clean_up_ddnsr
from wildsr.estimation.crops import (
    crop_maps,
    gradient_map,
    probability_map,
    sample_centres,
    top_left,
    trimmed,
)
from wildsr.estimation.kernelgan import KernelGAN, KernelGANSchedule
from wildsr.estimation.noise import PRESETS, NoiseRule, collect_noise, survey
from wildsr.estimation.sources import Source
from wildsr.image import Canvas, Traits, read_levels, write
from wildsr.losses import kernelgan as losses
from wildsr.networks.kernelgan_batch import KernelGANDiscriminators, KernelGANGenerators
from wildsr.ops.noise import centred_patches, inject_noise


def test_kernelgan_losses(golden: Read) -> None:
    item = golden("loss_kernelgan")
    kernel = item["input.kernel"].requires_grad_()
    made = item["input.g_out"].requires_grad_()
    probabilities = item["input.d_map"].requires_grad_()
    half = losses.bicubic_half(item["input.g_in"], (26, 26))
    for channel in range(3):
        assert_relative(half[:, 0], item["output.bicubic_down"][:, channel], 1e-5)
    mask = losses.boundary_mask(kernel.shape[-1], torch.float32)
    assert_relative(mask, item["output.boundaries_mask"], 1e-5)
    for size in (11, 15, 17):
        assert_relative(losses.boundary_mask(size), item[f"output.mask.{size}"], 1e-10)
    cases = {
        "gan_real": (losses.gan_loss(probabilities, real=True), probabilities),
        "gan_fake": (losses.gan_loss(probabilities, real=False), probabilities),
        "downscale": (losses.bicubic_loss(made, half), made),
        "sum2one": (losses.sum_loss(kernel[None]), kernel),
        "boundaries": (losses.boundary_loss(kernel[None], mask), kernel),
        "centralized": (losses.centre_loss(kernel[None], 2), kernel),
        "sparse": (losses.sparsity_loss(kernel[None]), kernel),
    }
    for name, (loss, inputs) in cases.items():
        assert loss.shape == (1,)
        assert_relative(loss[0], item[f"output.{name}"], 1e-5)
        (gradient,) = torch.autograd.grad(loss[0], inputs)
        assert_relative(gradient, item[f"output.{name}.grad"], 1e-5)


def assert_relative(result: Tensor, expected: Tensor, tolerance: float) -> None:
    """Compare relative to the largest value."""
    assert_close(result, expected, tolerance * max(float(expected.abs().max()), 1e-30))


ITERATIONS = 3000
"""The original draws this many at a time; the file has the first ones."""


def test_kernelgan_maps(golden: Read) -> None:
    item = golden("est_kernelgan_maps")
    levels = bchw(item["input.img"])[0]
    image = levels.double() / 255
    found = gradient_map(image)
    assert_close(found, item["output.gradient_map"], 1e-9)
    for crop in (26, 64):
        flat = probability_map(found, crop).flatten()
        assert_close(flat, item[f"output.probability_map_{crop}"], 1e-9)
    for name, border in (("synt", 10), ("real", 0)):
        inner = trimmed(levels, border)
        assert inner.permute(1, 2, 0).shape == tuple(item[f"output.{name}.shape"].tolist())
        maps = crop_maps(inner.double() / 255, 64, 26)
        if name == "synt":
            assert_close(maps[0].flatten(), item["output.synt.prob_sml"], 1e-9)
            assert_close(maps[1].flatten(), item["output.synt.prob_big"], 1e-9)
        rng = np.random.RandomState(int(item["param.seed"]))
        for network, one, crop in zip("gd", maps, (64, 26), strict=True):
            expected = item[f"output.{name}.crop_{network}"]
            centres = sample_centres(one, ITERATIONS, rng)[: len(expected)]
            assert centres.tolist() == expected.tolist()
            corners = top_left(centres, tuple(inner.shape[-2:]), crop)
            assert corners.tolist() == item[f"output.{name}.topleft_{network}"].tolist()
            if network == "g":
                top, left = corners[0]
                first = inner[:, top : top + crop, left : left + crop].float() / 127.5 - 1
                assert_close(first[None], item[f"output.{name}.g_crop0"], 1e-6)


def test_kernelgan_schedule(golden: Read) -> None:
    item = golden("sched_kernelgan_learner")
    series = item["input.loss_bicubic"]
    # The second image never comes near to bicubic, so that only its learning rate changes.
    schedule = KernelGANSchedule(2)
    for iteration, (loss, row) in enumerate(zip(series, item["output.rows"], strict=True)):
        schedule.update(iteration, torch.stack([loss, loss + 1]))
        found = [schedule.bicubic[0], schedule.centre[0], schedule.sparse[0]] + [schedule.learning_rate] * 2
        torch.testing.assert_close(torch.tensor(found, dtype=torch.float64), row, rtol=1e-12, atol=0)
    assert [float(part[1]) for part in (schedule.bicubic, schedule.centre, schedule.sparse)] == [5, 0, 0]


def states(item: Golden, prefix: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The layers of the generator in order, and of the discriminator."""
    generator = item.under(f"{prefix}G.")
    last = len(item.json("conf")["G_structure"]) - 2
    names = ["first_layer", *(f"feature_block.{i}" for i in range(last)), "final_layer"]
    return {f"{name}.weight": generator[f"{name}.weight"] for name in names}, item.under(f"{prefix}D.")


def batch_states(items: list[Golden], prefix: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    found = [states(item, prefix) for item in items]
    return stacked([generator for generator, _ in found], [discriminator for _, discriminator in found])


def train(items: list[Golden], dtype: torch.dtype, steps: int) -> tuple[KernelGAN, list[dict[str, Tensor]]]:
    """The networks of the items as one batch."""
    conf = items[0].json("conf")
    g_state, d_state = batch_states(items, "weight.")
    generators = KernelGANGenerators(len(items), conf["G_chan"], tuple(conf["G_structure"]))
    discriminators = KernelGANDiscriminators(
        len(items), conf["D_chan"], conf["D_n_layers"], conf["D_kernel_size"]
    )
    generators.load_state_dict(g_state)
    discriminators.load_state_dict(d_state)
    schedule = KernelGANSchedule(len(items))
    for index, item in enumerate(items):
        for theirs, value in item.json("lambdas").items():
            ours = theirs.removeprefix("lambda_").replace("centralized", "centre")
            getattr(schedule, ours)[index] = value
    gan = KernelGAN(generators.to(dtype), discriminators.to(dtype), schedule)
    for_g, for_d = (
        torch.cat([item[f"input.{name}"] for item in items]).to(dtype) for name in ("g_in", "d_in")
    )
    return gan, [gan.step(for_g, for_d, torch.zeros_like(for_d)) for _ in range(steps)]


NAMES = {
    "g_gan": "g_gan",
    "bicubic": "bicubic",
    "sum": "sum2one",
    "boundary": "boundaries",
    "centre": "centralized",
    "sparse": "sparse",
    "d_real": "d_real",
    "d_fake": "d_fake",
}


def test_kernelgan_steps(golden: Read) -> None:
    """Both items in one batch: the second has the loss weights of late training."""
    items = [golden("step_kernelgan"), golden("step_kernelgan_constraints")]
    for steps in (1, 3):
        gan, logged = train(items, torch.float64, steps)
        before, deltas = batch_states(items, "weight."), batch_states(items, f"delta64_{steps}.")
        for network, old, delta in zip((gan.generators, gan.discriminators), before, deltas, strict=True):
            found = network.state_dict()
            assert set(found) == set(delta)
            for key, value in delta.items():
                # The differences are stored as float32.
                change = found[key] - old[key].double()
                torch.testing.assert_close(change, value.double(), rtol=2**-23, atol=1e-9)
        for index, item in enumerate(items):
            for step, found in enumerate(logged):
                for ours, theirs in NAMES.items():
                    value = item[f"log.f64.{theirs}"][step]
                    torch.testing.assert_close(found[ours][index], value, rtol=1e-7, atol=0)
    for index, item in enumerate(items):
        gan, logged = train(items, torch.float32, 3)
        for ours, theirs in NAMES.items():
            values = torch.stack([found[ours][index] for found in logged]).double()
            torch.testing.assert_close(values, item[f"log.f32.{theirs}"], rtol=1e-4, atol=0)


LARGE = {"large_df2k": PRESETS["df2k"], "large_dped": PRESETS["dped"]}
SMALL = {f"small_m{mean}": NoiseRule(patch=32, min_mean=mean) for mean in (0, 50)}


@pytest.mark.parametrize("case", [*LARGE, *SMALL])
def test_noise_patches(golden: Read, golden_folder: Path, case: str, tmp_path: Path) -> None:
    item = golden("est_noise_patch")
    if f"output.{case}.blocks" not in item:
        pytest.skip("this case is in the full set only")
    if case in LARGE:
        path, rule = golden_folder / item.text("large_png"), LARGE[case]
    else:
        path, rule = tmp_path / "small.png", SMALL[case]
        levels = bchw(item["input.small"]).float() / 255
        with Canvas(*levels.shape[-2:], Traits()) as canvas:
            canvas.paste(0, 0, levels)
            write(path, canvas)
    pieces = survey(read_levels(path)[0], rule.patch)
    found = torch.stack([part.double() for part in pieces], 1)
    torch.testing.assert_close(found, item[f"output.{case}.blocks"], rtol=1e-12, atol=1e-9)
    pool, collected = collect_noise([Source(path, "it", "it")], rule)
    expected = item[f"output.{case}.coords"]
    assert collected.taken == len(expected) == len(pool)
    assert pool.origins == tuple(f"it {left},{top}" for top, left in expected.tolist())
    hashes = [zlib.crc32(patch.permute(1, 2, 0).contiguous().numpy()) for patch in pool.patches]
    assert hashes == item[f"output.{case}.crc32"].tolist()


def test_noise_injection(golden: Read) -> None:
    item = golden("est_noise_dataset")
    top, left = item["param.pos"].tolist()
    side = int(item.text("size"))
    patch = bchw(item["input.patch"])[..., top : top + side, left : left + side].float() / 255
    assert_close(centred_patches(patch)[0], item["output.norm_noise"], 1e-7)
    assert_close(inject_noise(item["input.lq"][None], patch)[0], item["output.noisy_lq"], 1e-7)


@pytest.mark.parametrize("name", ["even", "odd_a", "odd_b"])
def test_ddnsr_clean_up(golden: Read, name: str) -> None:
    item = golden("ddnsr/images/images").under(f"clean_up/{name}.png/")
    if not item:
        pytest.skip("this image is in the full set only")
    found = clean_up_ddnsr(item["read_img"].permute(0, 3, 1, 2))
    assert_close(hwc(found), item["resized"], 1e-6)
    levels = (hwc(found).clamp(0, 1) * 255).to(torch.uint8)
    different = (levels.int() - item["written_uint8"].int()).abs()
    assert different.max() <= 1  # where a value is a whole level but for rounding
    assert (different > 0).float().mean() < 0.01


@pytest.mark.parametrize("way", ["bicubic", "kernel"])
@pytest.mark.parametrize("role", ["source", "target"])
def test_prepared_pairs(golden: Read, tmp_path: Path, way: str, role: Role) -> None:
    item = golden("est_create_datasets")
    path = None
    if way == "kernel":
        path = tmp_path / "pool.safetensors"
        save_kernel_pool(path, KernelPool(item["param.kernel"][None].float(), 4, ("it",)))
    how = Preparation(kernels=path, least=8)
    hr, lr, _ = make_pair(bchw(item[f"input.{role}"])[0], role, how, "it")
    for found, name in ((hr, "HR"), (lr, "LR")):
        expected = item[f"output.{way}.{role}.{name}"]
        difference = (found.permute(1, 2, 0).int() - expected.int()).abs()
        assert difference.max() <= 1  # where a value is a whole level but for rounding
        assert (difference > 0).float().mean() < 0.005
