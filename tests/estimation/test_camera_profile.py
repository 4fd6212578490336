"""Profiles measured in photos of simulated cameras."""

import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from wildsr.degradations.profile import Blur, Compression, JpegSetting, Noise, Profile
from wildsr.degradations.program import run_steps
from wildsr.estimation.errors import EstimationError
from wildsr.estimation.flat_blocks import fitted_noise, flat_blocks
from wildsr.estimation.inventory import take_inventory
from wildsr.estimation.profile import check_profile, estimate_profile, measure_windows, profile_of
from wildsr.image import quantize

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


def test_sharp_photos_are_found_to_be_sharp() -> None:
    found = profile_of([measure_windows([photo], "a") for photo in taken([])]).blur
    assert found.wide < 0.45


@pytest.mark.parametrize(
    ("constant", "slope", "correlation", "quality"),
    [(4.0, 8.0, 0.0, 0), (4.0, 8.0, 0.6, 0), (9.0, 8.0, 0.0, 90)],
)
def test_noise_is_found_before_compression(
    constant: float, slope: float, correlation: float, quality: int
) -> None:
    value = torch.linspace(0.1, 0.9, 512).expand(1, 3, 512, 512)
    step = {
        "step": "level_noise",
        "constant": constant,
        "slope": slope,
        "correlation": correlation,
        "seed": 1,
    }
    last: dict[str, object] = {"step": "jpeg", "quality": quality} if quality else {"step": "round"}
    levels = quantize(run_steps(value, [{"steps": [step, last]}]))[0]
    settings = [JpegSetting(quality)] if quality else []
    found = fitted_noise(flat_blocks(levels), settings)
    truth = Noise(constant, slope)
    for where in (0.3, 0.7):
        assert found.level(where) == pytest.approx(truth.level(where), rel=0.25 if quality else 0.1)
    if not quality:
        assert found.correlation == pytest.approx(correlation, abs=0.12)


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
    assert 0 < profile.noise.level() < 6
    assert profile.kernel_pool is None


def test_photos_degraded_by_a_profile_give_the_profile_again() -> None:
    clean = [image[0] for image in SHARP]
    right = Profile(Blur(1.0, 1.0), Noise(4.0, 4.0))
    assert check_profile(right, clean, scale=2).found.blur.wide == pytest.approx(1.0, rel=0.35)
    # A blur that the measurement cannot tell apart from a smaller one is reported.
    lost = check_profile(Profile(Blur(15.0, 15.0)), clean, scale=2)
    assert not lost.passed
    assert "blur" in lost.failures[0]


def test_photos_without_edges_are_an_error() -> None:
    even = torch.full((3, 128, 128), 90, dtype=torch.uint8)
    with pytest.raises(EstimationError, match="outlines"):
        profile_of([measure_windows([even], "a")])
    with pytest.raises(EstimationError, match="none of the photos"):
        estimate_profile([])
