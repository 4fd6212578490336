"""Options of an adaptation, and its identity when it is resumed. Imports no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from wildsr.errors import UsageError

Method = Literal["profile", "realsr", "dsgan", "ddnsr"]
LEARNED = ("dsgan", "ddnsr")
"""Methods whose degradation is a trained network."""

FEWEST_PHOTOS = 10
"""Usable photos below which nothing reliable can be said about a camera."""
STARTS = {"perceptual": "wildsr-photo-x4", "faithful": "wildsr-photo-faithful-x4"}
"""The embedded model from which each style starts."""
SIBLINGS = {"wildsr-photo-x4": "wildsr-photo-faithful-x4"}
"""For starting models that were trained as a GAN, the same network trained for PSNR."""
GENERAL = 0.1
"""Share of training patches that are degraded by the general mixture, against forgetting. With 0.3 the first 60 steps
lost 0.35 dB on true pairs of an obliquely blurred camera, where they gained 0.17 dB with 0.1."""
NOISY = 0.5
"""Share of training patches with noise patches of other photos, if there are any."""


@dataclass(frozen=True)
class AdaptOptions:
    """Options of an adaptation.

    Attributes:
        sharp: folder of sharp images for HR; None: the photos themselves, downscaled until they are clean.
        minutes: wall-clock time for everything, including the estimation and the proof.
        steps: train for this many steps, however long they take, so that runs on machines of different speed can be
            compared; None: for the time that is left.
        thorough: measure all photos, up to 200 of a profile, however long it takes; with ``method`` "realsr", estimate
            blur kernels with KernelGAN in full; with "dsgan" and "ddnsr", train the network that degrades for
            ``minutes`` of its own.
        only: camera whose photos are used, as "make model".
        faithful: start from the model that is trained for PSNR, and train for PSNR only.
        model: model to start from, a name or a file; None: the embedded one of the style.
        full: train all weights of an RRDBNet instead of low-rank changes of them.
        noise_from: folder of other photos whose noise patches are used as well (RWSR-EDL).
        method: how LR images for training are made: by the numbers of the profile, by RealSR's pools of kernels and
            noise patches, or by a network of DSGAN or DDNSR. The proof always uses the profile.
        degrader: a trained network of DSGAN or DDNSR, a name or a file; None: it is trained on the photos first.
        force: write the model even if the gain is not certain.
        device: to compute on: auto, cpu, cuda ...
        features: folder of the files of LPIPS and NIQE; None: the usual one.
        seed: random seed.
    """

    sharp: Path | None = None
    minutes: float = 20.0
    steps: int | None = None
    thorough: bool = False
    only: str | None = None
    faithful: bool = False
    model: str | None = None
    full: bool = False
    noise_from: Path | None = None
    method: Method = "profile"
    degrader: str | None = None
    force: bool = False
    device: str = "auto"
    features: Path | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.minutes > 0:
            raise UsageError(f"--minutes must be positive, not {self.minutes:g}")
        if self.steps is not None and self.steps < 1:
            raise UsageError(f"--steps must be positive, not {self.steps}")
        if self.degrader is not None and self.method not in LEARNED:
            raise UsageError(f"--degrader is for --method dsgan or ddnsr, not {self.method}")

    @property
    def start(self) -> str:
        """The model to start from."""
        return self.model or STARTS["faithful" if self.faithful else "perceptual"]

    @property
    def sibling(self) -> str | None:
        """The faithful model that the result may be blended with; None if there is none, or none is wanted."""
        return None if self.faithful else SIBLINGS.get(self.start)

    @property
    def trains_degrader(self) -> bool:
        """Whether the network that degrades is trained as a part of the adaptation."""
        return self.method in LEARNED and self.degrader is None

    def identity(self, photos: tuple[Path, ...]) -> dict[str, str]:
        """Settings that two runs must share for one to continue the other.

        Not part of it: the minutes, the steps, --force and the device, which may change in between.
        """
        identity = {
            "photos": ", ".join(str(path.resolve()) for path in photos),
            "--sharp": "none" if self.sharp is None else str(self.sharp.resolve()),
            "--thorough": str(self.thorough),
            "--only": self.only or "none",
            "--faithful": str(self.faithful),
            "--model": self.start,
            "--noise-from": "none" if self.noise_from is None else str(self.noise_from.resolve()),
            "--method": self.method,
            "--seed": str(self.seed),
        }
        # Named only if given, so that runs of versions without them can be continued.
        given = {"--full": "True"} if self.full else {}
        return identity | given | ({"--degrader": self.degrader} if self.degrader is not None else {})
