"""The perceptual index of the PIRM 2018 challenge, from NRQM (also called Ma) and NIQE computed elsewhere and here.

NRQM (Ma, Yang, Yang, Yang 2017) is not computed by wildsr: its three regression forests are published as MATLAB files
only, in the authors' repository.
"""

from torch import Tensor

HOW_TO_GET_NRQM = (
    "wildsr does not compute NRQM (Ma): its regression forests are published as MATLAB files only. Run the authors' "
    "code (github.com/chaoma99/sr-metric) in MATLAB on the results, and combine its values with NIQE by "
    "wildsr.evaluation.nrqm.perceptual_index"
)


def perceptual_index(nrqm: Tensor, niqe: Tensor) -> Tensor:
    """PI of NRQM and NIQE of the same images, any equal shape: ((10 - NRQM) + NIQE) / 2; smaller is better.

    Blau, Mechrez, Timofte, Michaeli, Zelnik-Manor 2018, "The 2018 PIRM challenge", section 2. Raises ``ValueError``
    for different shapes.
    """
    if nrqm.shape != niqe.shape:
        raise ValueError(
            f"NRQM of shape {tuple(nrqm.shape)} and NIQE of shape {tuple(niqe.shape)} are not of the same images"
        )
    return ((10 - nrqm) + niqe) / 2
