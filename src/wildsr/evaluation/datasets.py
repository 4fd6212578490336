"""Evaluation sets: LR images on disk, given or made from HR, with their references."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from numpy.random import Generator
from torch import Tensor

from wildsr.degradations.degradation import Degradation, Parameters
from wildsr.evaluation.candidates import over_white
from wildsr.evaluation.pairing import names_in, pair_folders
from wildsr.image import quantize, read_levels, write_rgb
from wildsr.ops.resize import imresize
from wildsr.storage.digest import sha256_of
from wildsr.storage.seeds import generator


class EvaluationImage(NamedTuple):
    """One image of a set: its name, the file to upscale, and its reference or None."""

    image: str
    lr: Path
    hr: Path | None


@dataclass(frozen=True)
class EvaluationSet:
    """Named images, with ``facts`` for the protocol: the origin of LR, and how it was made."""

    name: str
    samples: tuple[EvaluationImage, ...]
    facts: dict[str, Any] = field(default_factory=dict)


OnMade = Callable[[int, int], None]
"""Called with (images made, images in all)."""


def real(name: str, folder: Path) -> EvaluationSet:
    """Photos without a reference. Raises ``PairingError`` when the folder is missing or empty."""
    samples = tuple(EvaluationImage(image, path, None) for path, image in names_in(folder).items())
    return EvaluationSet(name, samples, {"lr": "unchanged, no reference"})


def paired(name: str, lr: Path, hr: Path) -> EvaluationSet:
    """LR and HR images of two folders, by name; see :func:`wildsr.evaluation.pairing.pair_folders`."""
    pairing = pair_folders(lr, hr)
    samples = tuple(EvaluationImage(pair.name, pair.first, pair.second) for pair in pairing.pairs)
    facts: dict[str, Any] = {"lr": "given"}
    if mismatches := pairing.mismatches():
        facts["mismatches"] = mismatches
    return EvaluationSet(name, samples, facts)


def bicubic_lr(hr: Tensor, scale: int) -> Tensor:
    """Bicubic LR (1, 3, H/scale, W/scale) of HR (1, 3, H, W) in [0, 1]: MATLAB's imresize, not rounded."""
    return imresize(hr.double(), 1 / scale).float().clamp_(0, 1)


def downscaled(
    name: str, folder: Path, scale: int, cache: Path, on_made: OnMade | None = None
) -> EvaluationSet:
    """HR images of a folder with bicubic LR, rounded to 8 bits."""
    made = [
        _made(path, image, scale, cache, lambda hr: bicubic_lr(hr, scale))
        for path, image in _counted(names_in(folder), on_made)
    ]
    return EvaluationSet(
        name, tuple(made), {"lr": f"MATLAB's bicubic 1/{scale} of HR cut to multiples of {scale}, 8 bits"}
    )


def degraded(
    name: str,
    folder: Path,
    degradation: Degradation,
    label: str,
    seed: int,
    cache: Path,
    parameters: dict[str, Parameters] | None = None,
    on_made: OnMade | None = None,
) -> EvaluationSet:
    """HR images of a folder, degraded, rounded to 8 bits.

    The parameters of an image depend only on the seed and its path within the folder, as in ``wildsr degrade``
    (:mod:`wildsr.storage.seeds`), unless ``parameters`` has its name. The sampled parameters become part of the
    facts, so that they can be replayed.

    Args:
        name: of the dataset.
        folder: of the HR images.
        degradation: makes LR from them.
        label: its name, for the facts.
        seed: random seed.
        cache: folder for LR, and for HR that was cropped to a multiple of the scale.
        parameters: to be replayed, by name of image.
        on_made: see :data:`OnMade`.
    """
    known = parameters or {}
    sampled: dict[str, Parameters] = {}

    samples = []
    for path, image in _counted(names_in(folder), on_made):
        rng = generator(seed, path.relative_to(folder).as_posix())

        def degrade(hr: Tensor, image: str = image, rng: Generator = rng) -> Tensor:
            size = (hr.shape[2], hr.shape[3])
            sampled[image] = known.get(image) or degradation.sample(rng, size)
            return degradation.apply(hr, [sampled[image]]).clamp(0, 1)

        samples.append(_made(path, image, degradation.scale, cache, degrade))
    facts = {"lr": f"degraded by {label}, 8 bits", "degradation": label, "seed": seed, "parameters": sampled}
    return EvaluationSet(name, tuple(samples), facts)


def _made(
    path: Path, image: str, scale: int, cache: Path, make: Callable[[Tensor], Tensor]
) -> EvaluationImage:
    """An image whose LR is made from HR. Files are named by their content, so that existing ones need no check."""
    hr = over_white(path)
    height, width = (side // scale * scale for side in hr.shape[2:])
    if not height or not width:
        raise ValueError(
            f"{path} of {hr.shape[3]}x{hr.shape[2]} pixels is too small to be downscaled {scale} times"
        )
    whole = hr.shape[2:] == (height, width)
    hr = hr[..., :height, :width]
    return EvaluationImage(
        image,
        keep_image(cache / "lr", make(hr)),
        path if whole else keep_image(cache / "hr", hr),
    )


def keep_image(folder: Path, rgb: Tensor) -> Path:
    """Write an image (1, 3, H, W) in [0, 1] with 8 bits into ``folder``, named by its content; returns its path."""
    levels = quantize(rgb)
    digest = hashlib.sha256(f"{tuple(levels.shape)}".encode() + levels.numpy().tobytes()).hexdigest()
    path = folder / f"{digest}.png"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_rgb(path, levels.float() / 255)
    return path


def _counted(names: dict[Path, str], on_made: OnMade | None) -> Iterator[tuple[Path, str]]:
    for done, named in enumerate(names.items()):
        if on_made is not None:
            on_made(done, len(names))
        yield named


def content_of(dataset: EvaluationSet) -> str:
    """Digest of all images of a set; equal digests mean equal images."""
    digest = hashlib.sha256()
    for sample in dataset.samples:
        digest.update(f"{sample.image} {sha256_of(sample.lr)}\n".encode())
        if sample.hr is not None:
            digest.update(hashlib.sha256(read_levels(sample.hr).numpy().tobytes()).digest())
    return digest.hexdigest()
