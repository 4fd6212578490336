"""Profiles measured in photos of simulated cameras."""

import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from wildsr.degradations.profile import (
    Blur,
    Compression,
    JpegSetting,
    Noise,
    Profile,
    read_profile,
    write_profile,
)
from wildsr.degradations.program import run_steps
from wildsr.estimation.errors import EstimationError
from wildsr.estimation.flat_blocks import channel_correlations
from wildsr.estimation.inventory import take_inventory
from wildsr.estimation.measuring import measure_photo, measure_windows, profile_of, variance_line
from wildsr.estimation.profile import estimate_profile
from wildsr.estimation.profile_check import check_profile, checked_by_photos, own_clean_images
from wildsr.image import quantize
from wildsr.image.jpeg_facts import JpegFacts, standard_tables

# astronaut, cat, coffee and rocket are photos; parts of them stand for more photos.
SHARP = [
    torch.from_numpy(array[top : top + 384, left : left + 384].copy()).permute(2, 0, 1)[None] / 255
    for array in (data.astronaut(), data.coffee(), data.rocket())
    for top, left in ((0, 0), (16, 100))
]


def taken(steps: list[dict[str, object]]) -> list[Tensor]:
    """Photos (uint8) of a simulated camera with these steps, at half the size of HR images."""
    halved = [{"step": "resize", "size": [192, 192], "method": "matlab"}]
    return [quantize(run_steps(image, [{"steps": [*steps, *halved]}]))[0] for image in SHARP]


def blurred(wide: float, narrow: float, angle: float) -> dict[str, object]:
    """The step before halving of a blur in pixels of photos."""
    size = 2 * math.ceil(7 * wide) + 1
    return {"step": "blur", "size": size, "sigma_x": 2 * wide, "sigma_y": 2 * narrow, "theta": angle}


@pytest.mark.parametrize(
    ("wide", "narrow", "angle"), [(0.9, 0.9, 0.0), (2.0, 0.9, math.pi / 4), (2.0, 1.8, 2.0)]
)
def test_blur_is_found(wide: float, narrow: float, angle: float) -> None:
    photos = taken([blurred(wide, narrow, angle)])
    found = profile_of([measure_windows([photo], str(index)) for index, photo in enumerate(photos)]).blur
    assert found.wide == pytest.approx(wide, rel=0.35)
    assert found.narrow == pytest.approx(narrow, rel=0.35)
    if wide > 1.5 * narrow:
        turn = (found.angle - angle + math.pi / 2) % math.pi - math.pi / 2
        assert abs(turn) < 0.4


def test_the_blur_of_noisy_photos_does_not_depend_on_chroma_subsampling() -> None:
    clean = taken([blurred(1.0, 1.0, 0.0)])
    noise = {"step": "level_noise", "constant": 16.0, "slope": 50.0, "correlation": 0.6}
    found = {}
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        steps = [noise | {"channels": torch.eye(3).tolist()}]
        steps.append({"step": "jpeg", "quality": 75, "subsampling": subsampling})
        photos = [
            quantize(run_steps(photo[None] / 255, [{"steps": [steps[0] | {"seed": index}, steps[1]]}]))[0]
            for index, photo in enumerate(clean)
        ]
        jpeg = JpegFacts(*standard_tables(75), subsampling, 75, True)
        found[subsampling] = profile_of([measure_windows([photo], "", jpeg) for photo in photos]).blur.wide
    assert found["4:4:4"] == pytest.approx(found["4:2:0"], rel=0.08)
    assert found["4:2:2"] == pytest.approx(found["4:2:0"], rel=0.08)


def test_sharp_photos_are_found_to_be_sharp() -> None:
    found = profile_of([measure_windows([photo], "a") for photo in taken([])]).blur
    assert found.wide < 0.45


@pytest.mark.parametrize(("variance", "quality"), [(16.0, 0), (25.0, 90)])
def test_noise_is_found_before_compression(variance: float, quality: int) -> None:
    facts = JpegFacts(*standard_tables(quality), "4:2:0", quality, True) if quality else None
    last: dict[str, object] = {"step": "jpeg", "quality": quality} if quality else {"step": "round"}
    measured = []
    for index, photo in enumerate(taken([blurred(0.8, 0.8, 0.0)])):
        noise = {"step": "level_noise", "constant": variance, "slope": 0.0, "seed": index}
        levels = quantize(run_steps(photo[None] / 255, [{"steps": [noise, last]}]))[0]
        measured.append(measure_windows([levels], str(index), facts))
    found = profile_of(measured).noise
    assert found.level(0.5) == pytest.approx(math.sqrt(variance), rel=0.3)
    assert found.error > 0


def test_correlations_and_variances_of_a_profile_are_valid() -> None:
    Noise(channels=channel_correlations(0.9))
    opposed = torch.tensor([[1.0, -0.9, -0.9], [-0.9, 1.0, -0.9], [-0.9, -0.9, 1.0]])
    matrix = torch.tensor(Noise(channels=channel_correlations(opposed)).channels)
    assert float(torch.linalg.eigvalsh(matrix)[0]) > -1e-3
    for dark, bright in ((2.0, 3.0), (0.5, 4.0), (4.0, 0.5), (0.0, 0.0)):
        constant, slope = variance_line(dark, bright)
        assert constant >= 0
        assert constant + slope >= 0
    assert Noise(*variance_line(2.0, 3.0)).level(0.2) == pytest.approx(2)
    assert Noise(*variance_line(2.0, 3.0)).level(0.8) == pytest.approx(3)


def test_folders_of_small_photos_give_a_profile_with_noise_patches(tmp_path: Path) -> None:
    noise = {"step": "level_noise", "constant": 6.0, "slope": 4.0, "seed": 1}
    for index, photo in enumerate(taken([blurred(1.2, 1.2, 0.0)])):
        noisy = quantize(run_steps(photo[None] / 255, [{"steps": [noise | {"seed": index}]}]))[0]
        Image.fromarray(noisy.permute(1, 2, 0).numpy()).save(tmp_path / f"{index}.jpg", quality=92)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    inventory = take_inventory([tmp_path])
    told: list[tuple[int, int, str]] = []
    profile = estimate_profile(inventory.usable, on_progress=lambda *arguments: told.append(arguments))
    assert told[-1][:2] == (6, 6)
    assert [photo.name for photo in profile.photos] == [f"{index}.jpg" for index in range(6)]
    assert profile.compression == Compression(1.0, (JpegSetting(92, "4:2:0", 1.0),))
    assert profile.noise_pool is not None
    assert profile.noise_pool.patches.shape[-1] < 192
    assert 1 < profile.noise.level() < 6
    assert read_profile(write_profile(profile, tmp_path / "profile")).check == profile.check
    assert profile.kernel_pool is None


def test_photos_degraded_by_a_profile_give_the_profile_again() -> None:
    clean = [photo / 255 for photo in taken([])]
    right = Profile(Blur(1.0, 1.0), Noise(4.0, 4.0))
    assert check_profile(right, clean, scale=1).found.blur.wide == pytest.approx(1.0, rel=0.5)
    # A blur that the measurement cannot tell apart from a smaller one is reported.
    lost = check_profile(Profile(Blur(15.0, 15.0)), clean, scale=1)
    assert not lost.passed
    assert "blur" in lost.failures[0]


def test_profiles_hold_what_degraded_photos_measure() -> None:
    photos = taken([blurred(1.0, 1.0, 0.0)])
    profile = profile_of([measure_windows([photo], "a") for photo in photos])
    enough = [torch.cat([torch.cat(photos[:3], -1), torch.cat(photos[3:], -1)], -2)] * 9
    checked = checked_by_photos(profile, enough)
    numbers = {one.name: (one.photos, one.again) for one in checked.check}
    assert numbers["wide"][0] == profile.blur.wide
    assert numbers["wide"][1] == pytest.approx(profile.blur.wide, abs=0.4)
    assert numbers["noise dark"][0] == profile.noise.level(0.2)
    assert checked.digest == profile.digest
    assert checked_by_photos(profile, photos[:1]).check == ()


def test_own_clean_images_join_small_photos() -> None:
    photos = [torch.full((3, 200, 300), index, dtype=torch.uint8) for index in range(40)]
    images = own_clean_images([*photos, torch.zeros(3, 60, 60, dtype=torch.uint8)], 2)
    assert {tuple(image.shape) for image in images} == {(3, 288, 288)}
    assert len(images) == 4
    assert own_clean_images(photos[:2], 2) == []
    large = own_clean_images([torch.zeros(3, 2048, 1024, dtype=torch.uint8)], 4)
    assert [tuple(image.shape) for image in large] == [(3, 256, 256)] * 2


def test_the_size_of_a_photo_is_not_that_of_its_windows(tmp_path: Path) -> None:
    Image.fromarray(data.astronaut()).resize((1400, 1100)).save(tmp_path / "a.png")
    (photo,) = take_inventory([tmp_path]).usable
    (listed,) = profile_of([measure_photo(photo)]).photos
    assert (listed.width, listed.height) == (1400, 1100)


def test_photos_without_edges_are_an_error() -> None:
    even = torch.full((3, 128, 128), 90, dtype=torch.uint8)
    with pytest.raises(EstimationError, match="outlines"):
        profile_of([measure_windows([even], "a")])
    with pytest.raises(EstimationError, match="none of the photos"):
        estimate_profile([])


def test_a_check_uses_all_photos() -> None:
    photos = [torch.full((3, 512, 512), index, dtype=torch.uint8) for index in range(20)]
    clean = own_clean_images(photos, 2)
    assert [round(float(one.mean()) * 255) for one in clean] == [index * 20 // 12 for index in range(12)]
