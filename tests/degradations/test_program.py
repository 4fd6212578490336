"""Programs of steps: results, and messages about mistakes."""

import math
from typing import Any

import pytest
import torch
from degradation_samples import draws, photo

from wildsr.degradations.degradation import DegradationError
from wildsr.degradations.methods.bsrgan_plus import BsrganPlus
from wildsr.degradations.program import _together, read_program, run_steps
from wildsr.ops.filtering import filter_per_sample
from wildsr.ops.jpeg import jpeg
from wildsr.ops.kernels import gaussian_kernel, sinc_kernel
from wildsr.ops.resize import imresize
from wildsr.ops.sharpening import unsharp_mask
from wildsr.ops.shifting import shift_linear
from wildsr.ops.webp import webp

Step = dict[str, Any]
CLOSE = {"rtol": 0, "atol": 2e-6}


def run(*steps: Step) -> torch.Tensor:
    return run_steps(photo(), [{"steps": list(steps)}])


@pytest.mark.parametrize("sigmas", [(1.3, 1.3), (2.4, 0.7), (0.01, 0.01), (0.3, 0.2)])
@pytest.mark.parametrize("size", [3, 5, 25])
def test_blur(sigmas: tuple[float, float], size: int) -> None:
    kernel = gaussian_kernel(size, *sigmas, 0.4)
    blurred = run({"step": "blur", "size": size, "sigma_x": sigmas[0], "sigma_y": sigmas[1], "theta": 0.4})
    torch.testing.assert_close(blurred, filter_per_sample(photo(), kernel[None]), **CLOSE)


def test_sinc() -> None:
    expected = filter_per_sample(photo(), sinc_kernel(15, 1.1)[None]).clamp(0, 1)
    torch.testing.assert_close(run({"step": "sinc", "size": 15, "cutoff": 1.1}), expected, **CLOSE)


@pytest.mark.parametrize("every", [2, 3, 4])
def test_subsample(every: int) -> None:
    kernel = shift_linear(gaussian_kernel(25, 1.5, 1.5, dtype=torch.float64), (every - 1) / 2)
    expected = filter_per_sample(photo(), (kernel / kernel.sum())[None], flip=True)[..., ::every, ::every]
    torch.testing.assert_close(run({"step": "subsample", "every": every, "sigma": 1.5}), expected, **CLOSE)


def test_codecs_sharpening_and_matlab() -> None:
    assert torch.equal(run({"step": "jpeg", "quality": 40})[0], jpeg(photo()[0], 40))
    assert torch.equal(run({"step": "webp", "quality": 40})[0], webp(photo()[0], 40))
    assert torch.equal(run({"step": "sharpen", "weight": 1}), unsharp_mask(photo(), 1).clamp(0, 1))
    small = run({"step": "resize", "size": [16, 20], "method": "matlab"})
    assert torch.equal(small, imresize(photo(), 0.25).clamp(0, 1))


@pytest.mark.parametrize("step", ["gaussian_noise", "speckle_noise"])
def test_noise_has_its_level_and_its_channels(step: str) -> None:
    flat = torch.full((1, 3, 200, 200), 0.5)

    def added(**fields: Any) -> torch.Tensor:
        program = {"steps": [{"step": step, "level": 10, "seed": 5, **fields}]}
        return (
            (run_steps(flat, [program]) - flat)[0].flatten(1) * 255 / (0.5 if step == "speckle_noise" else 1)
        )

    assert float(added().std()) == pytest.approx(10, rel=0.02)
    grey = added(channels="grey")
    torch.testing.assert_close(grey[0], grey[2])
    wanted = torch.tensor([[0.5, 0.2, 0.1], [0.2, 0.4, 0.1], [0.1, 0.1, 0.3]])
    found = torch.cov(added(channels="correlated", covariance=wanted.tolist())) / 100
    torch.testing.assert_close(found, wanted, rtol=0, atol=0.02)
    assert not torch.equal(added(), added(seed=6))


@pytest.mark.parametrize("grey", [True, False])
def test_poisson_noise(grey: bool) -> None:
    flat = torch.full((1, 3, 200, 200), 128 / 255)
    program = {"steps": [{"step": "poisson_noise", "photons": 400, "seed": 1, "grey": grey}]}
    added = run_steps(flat, [program]) - flat
    assert float(added.std()) == pytest.approx(math.sqrt(128 / 255 / 400), rel=0.02)
    assert bool((added[0, 0] - added[0, 1]).abs().max() < 1e-6) is grey


def test_images_together_come_out_as_alone() -> None:
    degradation = BsrganPlus(4)
    parameters = draws(degradation, 24)
    for one in parameters:  # codecs would make a level of the last bit
        one["steps"] = [step for step in one["steps"] if step["step"] not in ("jpeg", "poisson_noise")]
    images = photo().expand(24, -1, -1, -1)
    together = list(torch.split(images, 1))
    _together(together, [read_program(one) for one in parameters])
    torch.testing.assert_close(torch.cat(together), run_steps(images, parameters), rtol=0, atol=1e-5)


def test_nothing_to_do() -> None:
    assert torch.equal(run(), photo())
    assert run_steps(photo()[:0], []).shape == (0, 3, 64, 80)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, 'no list "steps"'),
        ({"steps": {}}, 'no list "steps"'),
        ({"steps": ["jpeg"]}, 'step 1: needs "step"'),
        ({"steps": [{"quality": 3}]}, 'step 1: needs "step"'),
        ({"steps": [{"step": "jpg", "quality": 3}]}, "there is no step 'jpg'; there are blur, "),
        (
            {"steps": [{"step": "sharpen"}, {"step": "jpeg"}]},
            r"step 2 \(jpeg\): the field 'quality' is missing",
        ),
        ({"steps": [{"step": "jpeg", "qualty": 3}]}, "unknown field 'qualty'; did you mean 'quality'?"),
        ({"steps": [{"step": "jpeg", "quality": 3.5}]}, "'quality' must be a whole number, not 3.5"),
        ({"steps": [{"step": "jpeg", "quality": True}]}, "'quality' must be a whole number, not True"),
        ({"steps": [{"step": "jpeg", "quality": 0}]}, "a quality is from 1 to 100, not 0"),
        ({"steps": [{"step": "sinc", "size": 5, "cutoff": float("nan")}]}, "'cutoff' must be a number"),
        ({"steps": [{"step": "sinc", "size": 5, "cutoff": 10**400}]}, "'cutoff' must be a number"),
        ({"steps": [{"step": "jpeg", "quality": 10**400}]}, "'quality' must be a whole number"),
        (
            {"steps": [{"step": "sinc", "size": 4, "cutoff": 1}]},
            "a kernel has an odd size from 1 to 1023, not 4",
        ),
        ({"steps": [{"step": "resize", "size": 4, "method": "area"}]}, "'size' must be a list, not 4"),
        ({"steps": [{"step": "resize", "size": [4], "method": "area"}]}, "must be a list of 2, not of 1"),
        (
            {"steps": [{"step": "resize", "size": [4, "5"], "method": "area"}]},
            "must be a whole number, not '5'",
        ),
        (
            {"steps": [{"step": "resize", "size": [4, 5], "method": "lanczos"}]},
            "must be one of nearest, bilinear",
        ),
        ({"steps": [{"step": "resize", "size": [16, 5], "method": "matlab"}]}, "does not take"),
        ({"steps": [{"step": "gaussian_noise", "level": 3, "seed": -1}]}, "a seed is from 0"),
        ({"steps": [{"step": "poisson_noise", "photons": 9, "seed": 1, "grey": 1}]}, "must be true or false"),
    ],
)
def test_mistakes_are_named(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(DegradationError, match=message):
        run_steps(photo(), [parameters])


def test_one_program_for_each_image() -> None:
    with pytest.raises(DegradationError, match="1 images but 2 sets of parameters"):
        run_steps(photo(), [{"steps": []}] * 2)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"step": "resize", "size": [100_000, 100_000], "method": "bilinear"}, "more than 64 times"),
        (
            {"step": "blur", "size": 100_001, "sigma_x": 1, "sigma_y": 1},
            "odd size from 1 to",
        ),
        ({"step": "sinc", "size": 100_001, "cutoff": 1}, "odd size from 1 to"),
    ],
)
def test_parameters_of_a_stranger_are_bounded(step: dict[str, Any], said: str) -> None:
    with pytest.raises(DegradationError, match=said):
        run_steps(torch.rand(1, 3, 8, 8), [{"steps": [step]}])


def test_a_small_image_may_grow_to_its_final_size() -> None:
    """BSRGAN may sample sizes down to 9x9 pixels and back to 80x80."""
    steps = [{"step": "resize", "size": [size, size], "method": "bilinear"} for size in (4, 80)]
    grown = run_steps(torch.rand(1, 3, 8, 8), [{"steps": steps}])
    assert grown.shape == (1, 3, 80, 80)


def test_too_many_steps() -> None:
    with pytest.raises(DegradationError, match="1001 steps"):
        run_steps(torch.rand(1, 3, 8, 8), [{"steps": [{"step": "jpeg", "quality": 90}] * 1001}])
