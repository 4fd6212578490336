"""RealSR's degradation, with pools."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor

from wildsr.degradations.degradation import DegradationError
from wildsr.degradations.methods.realsr import RealSr
from wildsr.degradations.pools import KernelPool, NoisePool
from wildsr.ops.kernels import gaussian_kernel
from wildsr.ops.resize import imresize


def photo(height: int = 64, width: int = 80) -> Tensor:
    return torch.from_numpy(data.coffee()[100 : 100 + height, 200 : 200 + width]).permute(2, 0, 1)[None] / 255


def noises(side: int = 24, seed: int = 0) -> NoisePool:
    patches = 100 + torch.randint(-9, 10, (5, 3, side, side), generator=torch.Generator().manual_seed(seed))
    return NoisePool(patches.byte(), tuple("abcde"))


def blurs(scale: int = 4) -> KernelPool:
    each = [gaussian_kernel(13, 1 + index, 1 + index) for index in range(3)]
    return KernelPool(torch.stack(each), scale, ("a", "b", "c"))


def draw(degradation: RealSr, count: int, size: tuple[int, int] = (64, 80)) -> list[dict[str, Any]]:
    return [degradation.sample(np.random.default_rng([4, index]), size) for index in range(count)]


@pytest.mark.parametrize("track", [RealSr(noise=noises()), RealSr(noise=noises(), kernels=blurs())])
def test_replay_is_bit_for_bit_and_images_are_alone(track: RealSr) -> None:
    parameters = draw(track, 12)
    images = photo().expand(12, -1, -1, -1)
    lr = track.apply(images, parameters)
    assert lr.shape == (12, 3, 16, 20)
    assert lr.min() >= 0
    assert lr.max() <= 1
    assert torch.equal(lr, track.apply(images, json.loads(json.dumps(parameters))))
    assert torch.equal(lr[5:6], track.apply(images[5:6], parameters[5:6]))
    assert len({float(one.square().sum()) for one in lr}) > 10


def test_noise_is_a_crop_of_the_pool_less_its_mean() -> None:
    track, clean = RealSr(noise=noises()), RealSr()
    grey = torch.full((1, 3, 64, 80), 0.5)
    for chosen in draw(track, 6):
        added = track.apply(grey, [chosen]) - clean.apply(grey, draw(clean, 1))
        drawn = chosen["noise"]
        rows, columns = slice(drawn["top"], drawn["top"] + 16), slice(drawn["left"], drawn["left"] + 20)
        crop = noises().patches[drawn["index"]][:, rows, columns].float() / 255
        torch.testing.assert_close(added[0], crop - crop.mean((-2, -1), keepdim=True), rtol=0, atol=1e-6)


def test_draws_reach_every_entry_and_every_place() -> None:
    drawn = draw(RealSr(noise=noises(), kernels=blurs()), 300)
    assert {one["kernel"]["index"] for one in drawn} == {0, 1, 2}
    assert {one["noise"]["index"] for one in drawn} == set(range(5))
    assert {one["noise"]["top"] for one in drawn} == set(range(24 - 16 + 1))
    assert {one["noise"]["left"] for one in drawn} == set(range(24 - 20 + 1))


def test_patches_smaller_than_the_image_go_on_mirrored() -> None:
    track = RealSr(noise=noises(6))
    chosen = draw(track, 1)[0]
    assert chosen["noise"]["top"] < 12
    chosen["noise"] |= {"top": 0, "left": 0}
    added = track.apply(torch.full((1, 3, 64, 80), 0.5), [chosen])[0]
    assert added.shape == (3, 16, 20)
    torch.testing.assert_close(added[:, :6], added[:, 6:12].flip(-2))
    torch.testing.assert_close(added[..., :6], added[..., 6:12].flip(-1))
    assert added[:, :6, :6].std() > 0.01


def test_without_pools_it_is_bicubic_cut_to_levels() -> None:
    plain = RealSr()
    lr = plain.apply(photo(67, 82), draw(plain, 1))
    expected = imresize(photo()[..., :64, :80], 1 / 4).clamp(0, 1) * 255
    assert ((lr * 255).round() - expected.floor()).abs().max() <= 1
    assert (expected - lr * 255).min() > -1e-3
    assert (expected - lr * 255).max() < 1
    white = torch.ones(1, 3, 16, 16)
    assert torch.equal(plain.apply(white, draw(plain, 1)), white[..., :4, :4])


def test_wider_kernels_blur_more() -> None:
    track = RealSr(kernels=blurs())
    parameters = draw(track, 1)
    edges = []
    for index in range(3):
        parameters[0]["kernel"]["index"] = index
        edges.append(float(track.apply(photo(), parameters).diff(dim=-1).abs().mean()))
    assert edges[0] > edges[1] > edges[2]


def test_another_pool_is_refused() -> None:
    track = RealSr(noise=noises(), kernels=blurs())
    parameters = draw(track, 1)
    for other, message in (
        (RealSr(noise=noises(seed=1), kernels=blurs()), "noise: .* another pool"),
        (RealSr(kernels=blurs()), "name a pool, and none was given"),
        (
            RealSr(noise=noises(), kernels=KernelPool(blurs().kernels[:2], 4, ("a", "b"))),
            "kernel: .* another pool",
        ),
    ):
        with pytest.raises(DegradationError, match=message):
            other.apply(photo(), parameters)
    with pytest.raises(DegradationError, match="name no pool, and one was given"):
        track.apply(photo(), draw(RealSr(), 1))


def test_mistakes_are_named() -> None:
    with pytest.raises(DegradationError, match="for a scale of 2, not 4"):
        RealSr(kernels=blurs(2))
    track = RealSr(noise=noises())
    parameters = draw(track, 1)
    with pytest.raises(DegradationError, match="2 images but 1 sets"):
        track.apply(photo().expand(2, -1, -1, -1), parameters)
    with pytest.raises(DegradationError, match="not parameters of RealSR"):
        track.apply(photo(), [{"steps": []}])
    parameters[0]["noise"]["index"] = 5
    with pytest.raises(DegradationError, match="5 entries, and no number 5"):
        track.apply(photo(), parameters)
    del parameters[0]["noise"]["top"]
    with pytest.raises(DegradationError, match="'top' is missing"):
        track.apply(photo(), parameters)


@pytest.mark.parametrize("factor", [0.0, 5.0])
def test_kernels_that_do_not_sum_to_one(factor: float) -> None:
    """Such kernels gave black or white images without an error."""
    pool = KernelPool(torch.full((1, 3, 3), factor / 9), 4, ("camera.png",))
    with pytest.raises(DegradationError, match=r"camera\.png\) sums to"):
        RealSr(kernels=pool)
