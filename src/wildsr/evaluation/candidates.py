"""The methods of an evaluation: models and bicubic resizing, with their results cached on disk."""

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wildsr import __version__
from wildsr.evaluation.memory import peak_memory
from wildsr.image import read, write_rgb
from wildsr.inference.engine import Precision
from wildsr.inference.upscaler import Upscaler
from wildsr.ops.resize import imresize
from wildsr.storage.atomic import write_text
from wildsr.storage.caches import cache_folder
from wildsr.storage.devices import pick_device
from wildsr.storage.digest import sha256_of
from wildsr.zoo.catalogue import find
from wildsr.zoo.errors import ModelError
from wildsr.zoo.formats.ncnn import weights_file
from wildsr.zoo.load import load

BICUBIC = "bicubic"


@dataclass(frozen=True)
class InferenceSettings:
    """Arguments of :class:`wildsr.Upscaler` for all models."""

    device: str = "auto"
    precision: Precision = "auto"
    tile: int | None = None
    ensemble: bool = False


@dataclass(frozen=True)
class Candidate:
    """A method: its ``name`` in tables, and its ``model``, a catalogue name or a file; None: bicubic."""

    name: str
    model: str | None


@dataclass(frozen=True)
class CandidateResult:
    """A cached result, with the time and memory of its computation."""

    path: Path
    seconds: float
    peak_bytes: int | None


class LoadedCandidate:
    """A loaded method for one scale.

    Attributes:
        name: in tables.
        facts: stored in the protocol.
        key: digest of the facts, under which results are cached.
    """

    def __init__(self, candidate: Candidate, scale: int, inference: InferenceSettings) -> None:
        self.name = candidate.name
        self._upscaler: Upscaler | None = None
        self._device = "cpu"
        self._scale = scale
        trained_on: tuple[str, ...] = ()
        if candidate.model is None:
            self.facts: dict[str, Any] = {"method": "bicubic: MATLAB's imresize, 8-bit results"}
        else:
            self._device = str(pick_device(inference.device))
            model = load(candidate.model)
            contract = model.contract
            trained_on = contract.trained_on
            if contract.scale != scale:
                raise ModelError(
                    f"the model '{candidate.name}' has scale {contract.scale}, the others {scale}; evaluate "
                    "it separately"
                )
            self._upscaler = Upscaler(
                model,
                device=inference.device,
                precision=inference.precision,
                tile=inference.tile,
                ensemble=inference.ensemble,
            )
            self.facts = {
                "architecture": contract.architecture,
                "sizes": contract.sizes,
                "parameters": sum(weight.numel() for weight in model.network.parameters()),
                "sha256": contract.sha256 or sha256_of(weights_file(find(candidate.model)[1])),
                "licence": contract.licence,
                "engine": self._upscaler.engine,
                **asdict(inference),
            }
        self.facts |= {"scale": scale, "wildsr": __version__, "torch": torch.__version__}
        self.key = hashlib.sha256(json.dumps(self.facts, sort_keys=True).encode()).hexdigest()[:24]
        # Not part of the key: what is known about a model does not change its results.
        if trained_on:
            self.facts["trained_on"] = list(trained_on)

    def __call__(self, lr: Tensor) -> Tensor:
        """Upscale (1, 3, H, W) in [0, 1] to (1, 3, scale*H, scale*W) in [0, 1]."""
        if self._upscaler is None:
            return imresize(lr, self._scale).clamp_(0, 1)
        return self._upscaler(lr)

    def upscale_file(self, lr: Path, folder: Path, fresh: bool = False) -> CandidateResult:
        """Upscale a file to 8 bits, or return the result cached in ``folder`` unless ``fresh``.

        Results are cached under the digests of the file and of the method's facts. Transparent pixels are blended
        with white first. Raises ``ImageError`` and ``UpscaleError``.
        """
        target = folder / self.key / f"{sha256_of(lr)}.png"
        note = target.with_suffix(".json")
        if not fresh and target.is_file():
            try:
                known = json.loads(note.read_text())
                return CandidateResult(target, known["seconds"], known["peak_bytes"])
            except (OSError, ValueError, KeyError):
                pass  # interrupted between the two files
        image = over_white(lr)
        with peak_memory(self._device) as peak:
            began = time.perf_counter()
            sr = self(image)
            seconds = time.perf_counter() - began
        target.parent.mkdir(parents=True, exist_ok=True)
        write_rgb(target, sr)
        measured = {"seconds": seconds, "peak_bytes": peak.bytes}
        write_text(note, json.dumps(measured))
        return CandidateResult(target, seconds, peak.bytes)


def find_candidate(given: str) -> Candidate:
    """Parse a method: ``bicubic``, a model's name or file, or ``NAME=`` before one of these.

    Raises:
        ModelError: the model does not exist.
    """
    name, found, model = given.partition("=")
    if not found or "/" in name or "\\" in name:
        name, model = "", given
    if model == BICUBIC:
        return Candidate(name or BICUBIC, None)
    return Candidate(name or find(model)[0], model)


def with_distinct_names(candidates: list[Candidate]) -> list[Candidate]:
    """Give every candidate a name of its own: files of the same name get that of their folder.

    Raises:
        ModelError: two candidates still have the same name.
    """
    counts = [sum(other.name == candidate.name for other in candidates) for candidate in candidates]
    renamed = [
        Candidate("/".join(Path(candidate.model).with_suffix("").parts[-2:]), candidate.model)
        if count > 1 and candidate.model is not None
        else candidate
        for candidate, count in zip(candidates, counts, strict=True)
    ]
    names = [candidate.name for candidate in renamed]
    for name in names:
        if names.count(name) > 1:
            raise ModelError(f"two methods have the name '{name}'; rename one: OTHER=FILE")
    return renamed


def scale_of(candidates: list[Candidate]) -> int:
    """The scale of the first model among the methods; 4 if there is none."""
    for candidate in candidates:
        if candidate.model is not None:
            return load(candidate.model).contract.scale
    return 4


def over_white(path: Path) -> Tensor:
    """Read an image (1, 3, H, W) in [0, 1] at the precision of its file, with transparent pixels blended with white."""
    image = read(path)
    if image.alpha is None:
        return image.rgb
    return image.rgb * image.alpha + (1 - image.alpha)


def evaluation_cache() -> Path:
    """The folder of cached results: ``evaluation`` in ``WILDSR_CACHE`` or the platform's cache folder."""
    return cache_folder("evaluation")
