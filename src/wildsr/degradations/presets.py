"""Degradations by name, for the command line and for recipes."""

import difflib
from collections.abc import Callable
from typing import NamedTuple

from wildsr.degradations.degradation import Degradation, DegradationError
from wildsr.degradations.methods.bsrgan import Bsrgan
from wildsr.degradations.methods.bsrgan_plus import BsrganPlus
from wildsr.degradations.methods.corruptions import named_corruption, names_corruption
from wildsr.degradations.methods.real_esrgan import RealEsrgan
from wildsr.degradations.methods.wild import Wild, clean, light


class Preset(NamedTuple):
    """Creates a degradation for a scale; ``about`` describes it in one line."""

    make: Callable[[int], Degradation]
    about: str


PRESETS: dict[str, Preset] = {
    "wild": Preset(
        Wild,
        "bsrgan and bsrgan-plus with camera noise, real-esrgan, light, compressed and clean, mixed",
    ),
    "bsrgan": Preset(
        Bsrgan, "BSRGAN's blur, downscaling, noise and JPEG in random order, as in its public code"
    ),
    "bsrgan-camera": Preset(
        lambda scale: Bsrgan(scale, camera=True), "bsrgan with the camera sensor noise of the paper"
    ),
    "bsrgan-plus": Preset(BsrganPlus, "BSRGAN's extended degradation: two rounds, and more kinds of noise"),
    "bsrgan-plus-camera": Preset(
        lambda scale: BsrganPlus(scale, camera=True), "bsrgan-plus with the camera as well"
    ),
    "real-esrgan": Preset(
        RealEsrgan, "Real-ESRGAN's second order: blur, resizing, noise and JPEG twice, with ringing"
    ),
    "light": Preset(light, "a good photo: slight blur, slight noise, JPEG 75 to 95"),
    "clean": Preset(clean, "only downscaled, by one of several methods"),
    "bicubic": Preset(lambda scale: named_corruption("bicubic", scale), "only MATLAB's bicubic"),
    "blur-2": Preset(
        lambda scale: named_corruption("blur-2", scale), "a Gaussian blur of 2 HR pixels, and bicubic"
    ),
    "noise-8": Preset(
        lambda scale: named_corruption("noise-8", scale), "bicubic, and Gaussian noise of 8 levels (DSGAN)"
    ),
    "jpeg-30": Preset(
        lambda scale: named_corruption("jpeg-30", scale), "bicubic, and JPEG of quality 30 (DSGAN)"
    ),
}


def preset(name: str, scale: int = 4) -> Degradation:
    """The degradation of a name in ``PRESETS``, or of a corruption, see
    :func:`wildsr.degradations.methods.corruptions.named_corruption`.

    Raises:
        DegradationError: unknown name (the message names the nearest), values out of range, or a scale below 1.
    """
    if scale < 1:
        raise DegradationError(f"a scale is a whole number from 1, not {scale}")
    if name in PRESETS:
        return PRESETS[name].make(scale)
    if names_corruption(name):
        return named_corruption(name, scale)
    near = difflib.get_close_matches(name, PRESETS, 1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(PRESETS)};"
    raise DegradationError(
        f"there is no degradation '{name}'; {hint} also blur-SIGMA, noise-SIGMA, jpeg-QUALITY, and "
        "several of these joined by '+'"
    )
