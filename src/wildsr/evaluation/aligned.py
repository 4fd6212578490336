"""Datasets whose LR images have the size of HR, as in the first versions of RealSR's data set and in City100."""

from pathlib import Path
from typing import Any

from wildsr.evaluation.candidates import over_white
from wildsr.evaluation.datasets import EvaluationImage, EvaluationSet, OnMade, bicubic_lr, keep_image
from wildsr.evaluation.pairing import PairingError, pair_folders


def aligned(
    name: str, lr: Path, hr: Path, scale: int, cache: Path, on_made: OnMade | None = None
) -> EvaluationSet:
    """LR and HR images of one size as a dataset for models that enlarge.

    Both are cut to multiples of ``scale`` at the right and the bottom, and LR is downscaled by MATLAB's bicubic to
    1/scale, with 8 bits, so that the result of a model lies on the grid of HR.

    Args:
        name: of the dataset.
        lr: folder of LR images.
        hr: folder of HR images, paired by name.
        scale: of the models.
        cache: folder for the images that are made.
        on_made: progress.

    Raises:
        PairingError: a folder is missing, no names match, or the images of a pair differ in size.
    """
    pairing = pair_folders(lr, hr)
    samples = []
    for done, pair in enumerate(pairing.pairs):
        if on_made is not None:
            on_made(done, len(pairing.pairs))
        first, second = over_white(pair.first), over_white(pair.second)
        if first.shape != second.shape:
            raise PairingError(
                f"{pair.first} is {first.shape[3]}x{first.shape[2]} and {pair.second} is {second.shape[3]}x"
                f"{second.shape[2]}; in this data set LR lies on the grid of HR, so that both have one size"
            )
        height, width = (side // scale * scale for side in first.shape[2:])
        made = bicubic_lr(first[..., :height, :width], scale)
        samples.append(
            EvaluationImage(
                pair.name,
                keep_image(cache / "lr", made),
                keep_image(cache / "hr", second[..., :height, :width]),
            )
        )
    facts: dict[str, Any] = {
        "lr": f"given on the grid of HR, downscaled to 1/{scale} by MATLAB's bicubic, 8 bits"
    }
    if mismatches := pairing.mismatches():
        facts["mismatches"] = mismatches
    return EvaluationSet(name, tuple(samples), facts)
