"""Benchmarks of the challenges and data sets that the five methods were published with.

Images come from ``wildsr data pull`` and ``wildsr data layout``. Conventions are those of the originals' code: RealSR's
``test.py`` and RWSR-EDL's ``train.py`` crop a border of the scale and compare RGB;
RealSR (Cai et al.) compares Y on whole images (``Test/Test.m``).
"""

from pathlib import Path

from wildsr.degradations.methods.corruptions import named_corruption
from wildsr.evaluation import published_numbers
from wildsr.evaluation.aligned import aligned
from wildsr.evaluation.datasets import EvaluationSet, OnMade, degraded, paired, real
from wildsr.evaluation.protocol import Part, Protocol

SCALE = 4
_SEED = 2026
_PERCEPTUAL = ("psnr", "ssim", "lpips-alex")
_WITHOUT_TRUTH = ("niqe", "brisque")


def _paired(name: str, folder: Path, _cache: Path, _on_made: OnMade | None) -> EvaluationSet:
    return paired(name, folder / "LR", folder / "HR")


def _track1_validation(name: str, folder: Path, _cache: Path, _on_made: OnMade | None) -> EvaluationSet:
    """The ground truth of Corrupted-va-x is DIV2K's validation set, which is not stored twice."""
    hr = folder / "HR"
    return paired(name, folder / "LR", hr if hr.is_dir() else folder.parents[1] / "div2k" / "valid" / "HR")


def _real(name: str, folder: Path, _cache: Path, _on_made: OnMade | None) -> EvaluationSet:
    return real(name, folder)


def _aligned(name: str, folder: Path, cache: Path, on_made: OnMade | None) -> EvaluationSet:
    return aligned(name, folder / "LR", folder / "HR", SCALE, cache, on_made)


def _corrupted(corruption: str) -> Part:
    def build(name: str, folder: Path, cache: Path, on_made: OnMade | None) -> EvaluationSet:
        degradation = named_corruption(corruption, SCALE)
        return degraded(name, folder, degradation, corruption, _SEED, cache, on_made=on_made)

    return Part(f"DIV2K-{corruption}", ("sets/div2k/valid/HR", "DIV2K_valid_HR"), 100, build)


CHALLENGES: dict[str, Protocol] = {
    "bsrgan": Protocol(
        (Part("RealSRSet-PI", ("testsets/RealSRSet", "RealSRSet"), 20, _real),),
        ("niqe", "nrqm", "pi"),
        "RealSRSet with the three metrics of BSRGAN's comparison, on Y without cropping: NIQE, NRQM, and PI, which "
        "combines the two. The published numbers are for single images of the set.",
        published=published_numbers.BSRGAN,
        standard=False,
        data_sets=("realsrset",),
    ),
    "ntire2020-track1": Protocol(
        (Part("NTIRE2020-track1-valid", ("sets/ntire2020-track1/valid",), None, _track1_validation),),
        _PERCEPTUAL,
        "NTIRE 2020, track 1 (image processing artifacts): the validation images, since the ground truth of the test "
        "images is not public.",
        published=published_numbers.NTIRE2020_TRACK1,
        standard=False,
        data_sets=("ntire2020-track1", "div2k"),
    ),
    "ntire2020-track2": Protocol(
        (
            Part("NTIRE2020-track2-test", ("sets/ntire2020-track2/test/LR",), None, _real),
            Part("NTIRE2020-track2-valid", ("sets/ntire2020-track2/valid/LR",), None, _real),
        ),
        _WITHOUT_TRUTH,
        "NTIRE 2020, track 2 (smartphone images), without ground truth. The challenge was decided by people (MOR); "
        "its NIQE and BRISQUE were computed in MATLAB.",
        published=published_numbers.NTIRE2020_TRACK2,
        standard=False,
        data_sets=("ntire2020-track2",),
    ),
    "aim2019": Protocol(
        (Part("AIM2019-valid", ("sets/aim2019/valid",), None, _paired),),
        _PERCEPTUAL,
        "AIM 2019 real-world super-resolution: the validation images.",
        published=published_numbers.AIM2019,
        standard=False,
        data_sets=("aim2019",),
    ),
    "realsr": Protocol(
        (Part("RealSR-V3-x4", ("sets/realsr/test-x4",), 100, _paired),),
        ("psnr-y", "ssim-y", "lpips-alex"),
        "RealSR (Cai et al.), version 3, x4: photos of two cameras at two focal lengths. Y on whole images.",
        border=0,
        published=published_numbers.REALSR,
        standard=False,
        data_sets=("realsr",),
    ),
    "camerasr": Protocol(
        (
            Part("City100-nikon", ("sets/city100/nikon",), 100, _aligned),
            Part("City100-iphone", ("sets/city100/iphone",), 100, _aligned),
        ),
        ("psnr", "psnr-y", "ssim-y", "lpips-alex"),
        "City100 (CameraSR): photos of 100 scenes by two cameras. LR lies on the grid of HR and is downscaled to a "
        "quarter first, so that 'bicubic' is the given LR without the detail that a quarter of the pixels cannot hold.",
        standard=False,
        data_sets=("city100",),
    ),
    "dped": Protocol(
        (Part("DPED-iphone", ("sets/dped/iphone/test",), None, _real),),
        _WITHOUT_TRUTH,
        "Test photos of DPED's iPhone, without ground truth for super-resolution.",
        standard=False,
        data_sets=("dped",),
    ),
    "div2k-noise8": Protocol(
        (_corrupted("noise-8"),),
        _PERCEPTUAL,
        "DIV2K's validation images, downscaled by MATLAB's bicubic, with Gaussian noise of 8 levels, as in the tables "
        "of DSGAN and SRResCGAN.",
        published=published_numbers.DIV2K_NOISE8,
        standard=False,
        data_sets=("div2k",),
    ),
    "div2k-jpeg30": Protocol(
        (_corrupted("jpeg-30"),),
        _PERCEPTUAL,
        "DIV2K's validation images, downscaled by MATLAB's bicubic, as JPEG of quality 30, as in the tables of DSGAN "
        "and SRResCGAN.",
        published=published_numbers.DIV2K_JPEG30,
        standard=False,
        data_sets=("div2k",),
    ),
}
"""Every benchmark of a challenge by name."""
