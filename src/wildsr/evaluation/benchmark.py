"""Benchmarks with fixed images, degradations and metrics, so that their numbers can be compared.

``classic``: Set5, Set14 and Kodak's images, downscaled by MATLAB's bicubic. ``wild``: photos, degraded by samples of
BSRGAN, BSRGAN+ and Real-ESRGAN. ``real``: RealSRSet, photos of poor quality without a reference.
"""

from collections.abc import Sequence
from pathlib import Path

from wildsr.degradations.degradation import Degradation, load_record
from wildsr.degradations.methods.bsrgan import Bsrgan
from wildsr.degradations.methods.bsrgan_plus import BsrganPlus
from wildsr.degradations.methods.real_esrgan import RealEsrgan
from wildsr.evaluation.candidates import BICUBIC, Candidate, find_candidate
from wildsr.evaluation.challenges import CHALLENGES
from wildsr.evaluation.datasets import EvaluationSet, OnMade, degraded, downscaled, real
from wildsr.evaluation.pairing import PairingError
from wildsr.evaluation.protocol import Part, Protocol
from wildsr.zoo.errors import ModelError

SCALE = 4
WILD_SEED = 2026
DRAWS = Path(__file__).parent / "draws"
"""Parameters that were sampled once with that seed, so that changes of the samplers do not change the benchmark."""


def _classic(name: str, folder: Path, cache: Path, on_made: OnMade | None) -> EvaluationSet:
    return downscaled(name, folder, SCALE, cache, on_made)


def _real(name: str, folder: Path, _cache: Path, _on_made: OnMade | None) -> EvaluationSet:
    return real(name, folder)


def _wild(degradation: Degradation, label: str) -> Part:
    def build(name: str, folder: Path, cache: Path, on_made: OnMade | None) -> EvaluationSet:
        record = load_record(DRAWS / f"{label}.json")
        draws = {one.image: one.parameters for one in record.samples}
        return degraded(name, folder, degradation, label, WILD_SEED, cache, draws, on_made)

    return Part(f"wild/{label}", ("photos/test", "test"), 25, build)


_FULL = ("psnr", "psnr-y", "ssim-y", "lpips-alex", "niqe")
PROTOCOLS: dict[str, Protocol] = {
    "classic": Protocol(
        (
            Part("Set5", ("testsets/Set5", "Set5"), 5, _classic),
            Part("Set14", ("testsets/Set14", "Set14"), 14, _classic),
            Part("Kodak24", ("testsets/Kodak24", "Kodak24"), 24, _classic),
        ),
        _FULL,
        "Sharp images, downscaled to a quarter by MATLAB's bicubic and nothing else: models for clean input are "
        "measured on these, and models for real photos must not degrade them.",
    ),
    "wild": Protocol(
        (
            _wild(Bsrgan(SCALE), "bsrgan"),
            _wild(BsrganPlus(SCALE), "bsrgan-plus"),
            _wild(RealEsrgan(SCALE), "real-esrgan"),
        ),
        _FULL,
        "Photos with random blur, noise and compression, different for each image and the same in every run.",
    ),
    "real": Protocol(
        (Part("RealSRSet", ("testsets/RealSRSet", "RealSRSet"), 20, _real),),
        ("niqe",),
        "Real photos of poor quality. There is no reference, so only naturalness can be measured, and such metrics "
        "do not notice whether a detail is right.",
    ),
    **CHALLENGES,
}
"""Every benchmark by name."""

STANDARD: dict[str, tuple[str, ...]] = {
    BICUBIC: (),
    "wildsr-photo-x4": (),
    "wildsr-photo-fast-x4": (),
    "wildsr-photo-faithful-x4": (),
    "wildsr-compact-x4": (),
    "wildsr-faithful-x4": (),
    "realesr-general-x4v3": ("weights/realesr-general-x4v3.safetensors", "realesr-general-x4v3.safetensors"),
    "4xNomos8k-span-otf-medium": (
        "weights/4xNomos8k_span_otf_medium.param",
        "4xNomos8k_span_otf_medium.param",
    ),
    "srrescgan": ("weights/srrescgan_model.pth", "golden/weights/srrescgan_model.pth", "srrescgan_model.pth"),
}
"""The models that are measured by default, with their files in the data folder where the catalogue lacks them."""
PEER = "realesr-general-x4v3"
"""The method that the others are compared with."""


def standard_methods(data: Path) -> tuple[list[Candidate], dict[str, str]]:
    """The methods of :data:`STANDARD` that are installed, and why the others are missing."""
    found, missing = [], {}
    for name in STANDARD:
        try:
            found.append(benchmark_method(name, data))
        except ModelError as error:
            missing[name] = str(error)
    return found, missing


def benchmark_method(given: str, data: Path) -> Candidate:
    """A candidate like :func:`wildsr.evaluation.candidates.find_candidate`; standard models may be in ``data``.

    Raises:
        ModelError: there is no such model.
    """
    files = [data / name for name in STANDARD.get(given, ()) if (data / name).is_file()]
    try:
        candidate = find_candidate(given)
    except ModelError:
        if not files:
            raise
        return Candidate(given, str(files[0]))
    return Candidate(given, candidate.model) if given in STANDARD else candidate


def select(names: list[str]) -> dict[str, tuple[str, ...]]:
    """Parse names of benchmarks and parts, such as ``wild`` or ``wild/bsrgan``; by default the standard benchmarks.

    Returns:
        the parts of each benchmark; empty: all of its parts.

    Raises:
        ValueError: there is no such benchmark or part.
    """
    parts = {part.name: name for name, protocol in PROTOCOLS.items() for part in protocol.parts}
    found: dict[str, tuple[str, ...]] = {}
    for name in names or [name for name, protocol in PROTOCOLS.items() if protocol.standard]:
        if name not in PROTOCOLS and name not in parts:
            raise ValueError(
                f"there is no benchmark '{name}'; there are {', '.join(PROTOCOLS)}, and of these the parts "
                f"{', '.join(parts)}"
            )
        protocol = parts.get(name, name)
        chosen = (name,) if name in parts else ()
        if protocol in found and (not chosen or not found[protocol] or name in found[protocol]):
            raise ValueError(f"'{name}' is named twice, or together with a part of it; name each once")
        found[protocol] = found.get(protocol, ()) + chosen
    return found


def datasets_of(
    protocol: str, data: Path, cache: Path, parts: Sequence[str] = (), on_made: OnMade | None = None
) -> list[EvaluationSet]:
    """Build the datasets of a benchmark from the images in ``data``; with ``parts``, only those of that name.

    Raises:
        PairingError: images are missing.
    """
    chosen = PROTOCOLS[protocol]
    found = []
    for one in chosen.parts:
        if parts and one.name not in parts:
            continue
        folder = next((data / name for name in one.folders if (data / name).is_dir()), None)
        if folder is None and not parts and not chosen.standard:
            continue
        if folder is None:
            raise PairingError(_missing(protocol, (one,), data))
        dataset = one.build(one.name, folder, cache, on_made)
        if one.images not in (None, len(dataset.samples)):
            raise PairingError(
                f"{folder} has {len(dataset.samples)} images, {one.name} has {one.images}; numbers of another set "
                "would not be comparable. Use `wildsr evaluate` for other images"
            )
        found.append(dataset)
    if not found:
        raise PairingError(_missing(protocol, chosen.parts, data))
    return found


def _missing(protocol: str, parts: tuple[Part, ...], data: Path) -> str:
    looked = " or ".join(str(data / name) for part in parts for name in part.folders)
    names = " and ".join(part.name for part in parts)
    hint = "".join(
        f"; `wildsr data pull {name}` and `wildsr data layout {name} FOLDER -o {data}` bring them"
        for name in PROTOCOLS[protocol].data_sets
    )
    return f"the benchmark '{protocol}' needs the images of {names}: there is no {looked}{hint}"
