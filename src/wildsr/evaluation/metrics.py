"""All metrics by name, and meters that compute them."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import torch
from torch import Tensor

from wildsr.evaluation.brisque import brisque_files, load_brisque
from wildsr.evaluation.distortion import psnr, psnr_of_means, ssim
from wildsr.evaluation.niqe import PARAMETERS, load_niqe
from wildsr.evaluation.nrqm import MODEL as NRQM_MODEL
from wildsr.evaluation.nrqm import load_nrqm, load_pi, nrqm_file
from wildsr.evaluation.perceptual import lpips
from wildsr.evaluation.planes import Channels
from wildsr.evaluation.results import Metric
from wildsr.evaluation.sharpness import dots, edge_sharpness, flat_noise, grid_pattern
from wildsr.networks.lpips import Backbone
from wildsr.zoo.features.files import find_file, identity
from wildsr.zoo.features.lpips import load_lpips, lpips_files

Score = Callable[[Tensor, Tensor], Tensor]
"""Maps results and references (the results again if there are none) to values (B,)."""


@dataclass(frozen=True)
class MetricSettings:
    """Border in pixels that PSNR and SSIM crop, folder of the metrics' files, and device."""

    border: int = 0
    weights: Path | None = None
    device: str = "cpu"


@dataclass(frozen=True)
class MetricKind:
    """A metric whose files are not loaded yet.

    Attributes:
        label, higher_is_better, unit, reference, digits: as in :class:`wildsr.evaluation.results.Metric`.
        define: its definition under given settings.
        load: the function under given settings; raises ``FileNotFoundError`` if its files are missing.
        files: the files it needs; their digests are stored in the protocol.
        pulls: those that can be downloaded.
    """

    label: str
    higher_is_better: bool
    unit: str
    reference: bool
    digits: int
    define: Callable[[MetricSettings], str]
    load: Callable[[MetricSettings], Score]
    files: Callable[[MetricSettings], tuple[Path, ...]] = lambda _: ()
    pulls: tuple[str, ...] = ()


def _distortion(name: str, channels: Channels) -> MetricKind:
    measure = {"PSNR": psnr, "SSIM": ssim}[name]
    space = "RGB" if channels == "rgb" else "Y of BT.601 (MATLAB's, not rounded)"
    how = {"PSNR": "", "SSIM": "; Gaussian window 11x11 of sigma 1.5, valid positions"}[name]
    return MetricKind(
        label=name if channels == "rgb" else f"{name} (Y)",
        higher_is_better=True,
        unit="dB" if name == "PSNR" else "",
        reference=True,
        digits=2 if name == "PSNR" else 4,
        define=lambda settings: (
            f"{name} on {space}, 8-bit levels, {settings.border} pixels cropped on each side{how}"
        ),
        load=lambda settings: lambda a, b: measure(a, b, settings.border, channels=channels),
    )


def _by_truth(
    label: str,
    measure: Score,
    definition: str,
    *,
    higher_is_better: bool = False,
    unit: str = "",
    digits: int = 2,
) -> MetricKind:
    """A metric with a reference that needs neither settings nor files."""
    return MetricKind(
        label=label,
        higher_is_better=higher_is_better,
        unit=unit,
        reference=True,
        digits=digits,
        define=lambda _: f"{definition}; grey 0.299 R + 0.587 G + 0.114 B of 8-bit levels, without cropping",
        load=lambda _: measure,
    )


def _lpips(backbone: Backbone, trunk: str) -> MetricKind:
    def load(settings: MetricSettings) -> Score:
        network = load_lpips(settings.weights, backbone).to(settings.device)
        return lambda result, truth: lpips(network, result, truth)

    return MetricKind(
        label=f"LPIPS ({backbone})",
        higher_is_better=False,
        unit="",
        reference=True,
        digits=4,
        define=lambda _: f"LPIPS 0.1 with {backbone}, whole images of 8-bit RGB",
        load=load,
        files=lambda settings: lpips_files(backbone, settings.weights),
        pulls=(f"{trunk}.pth", f"lpips_{backbone}.pth"),
    )


def _natural(
    label: str,
    definition: str,
    load: Callable[[Path | None], Callable[[Tensor], Tensor]],
    files: Callable[[Path | None], tuple[Path, ...]],
    *,
    higher_is_better: bool = False,
    digits: int = 3,
    pulls: tuple[str, ...] = (),
) -> MetricKind:
    """A metric without a reference. ``load`` and ``files`` take the folder of the metrics' files."""

    def score(settings: MetricSettings) -> Score:
        measure = load(settings.weights)
        return lambda result, _: measure(result)

    return MetricKind(
        label=label,
        higher_is_better=higher_is_better,
        unit="",
        reference=False,
        digits=digits,
        define=lambda _: definition,
        load=score,
        files=lambda settings: files(settings.weights),
        pulls=pulls,
    )


def _niqe_file(folder: Path | None) -> tuple[Path, ...]:
    return (find_file((PARAMETERS,), folder),)


_Y = "on rounded Y of BT.601 (MATLAB's) of 8-bit images, without cropping"
_NATURAL = {
    "niqe": _natural(
        "NIQE",
        f"NIQE with BasicSR's parameters, {_Y}: the convention of BSRGAN's paper",
        load_niqe,
        _niqe_file,
        pulls=(PARAMETERS,),
    ),
    "brisque": _natural(
        "BRISQUE",
        "BRISQUE with the authors' model of LIVE, on MATLAB's grey of 8-bit images, whole images: the conventions of "
        "the authors' MATLAB release",
        load_brisque,
        brisque_files,
        digits=2,
    ),
    "nrqm": _natural(
        "NRQM",
        f"NRQM with the authors' model, {_Y}, which PIRM 2018's evaluation takes too",
        load_nrqm,
        lambda folder: (nrqm_file(folder),),
        higher_is_better=True,
        pulls=(NRQM_MODEL,),
    ),
    "pi": _natural(
        "PI",
        f"PI, ((10 - NRQM) + NIQE) / 2, both {_Y}",
        load_pi,
        lambda folder: (nrqm_file(folder), *_niqe_file(folder)),
        pulls=(NRQM_MODEL, PARAMETERS),
    ),
}


METRICS: dict[str, MetricKind] = {
    "psnr": _distortion("PSNR", "rgb"),
    "psnr-y": _distortion("PSNR", "y"),
    "ssim": _distortion("SSIM", "rgb"),
    "ssim-y": _distortion("SSIM", "y"),
    "psnr-means": MetricKind(
        label="PSNR of means",
        higher_is_better=True,
        unit="dB",
        reference=True,
        digits=2,
        define=lambda settings: (
            f"PSNR between mean RGB colours, 8-bit levels, {settings.border} pixels cropped on each side"
        ),
        load=lambda settings: lambda a, b: psnr_of_means(a, b, settings.border),
    ),
    "edge-sharpness": _by_truth(
        "Edge sharpness",
        edge_sharpness,
        "mean gradient (hypotenuse of forward differences) at the 2 % strongest gradients of the truth, relative to "
        "the truth",
        higher_is_better=True,
        digits=3,
    ),
    "flat-noise": _by_truth(
        "Flat noise",
        flat_noise,
        "mean standard deviation in the 8x8 blocks in which the truth's is below 1.5 levels, relative to the truth; "
        "images with more than 20 such blocks",
    ),
    "grid": _by_truth(
        "Grid",
        grid_pattern,
        "standard deviation of the 16 mean values at the positions of a 4x4 period, in the blocks of flat-noise less "
        "their means; for results of clean images",
        unit="levels",
    ),
    "dots": _by_truth(
        "Dots",
        dots,
        "pixels per thousand that stand out, with the 3x3 around them, from the 9x9 around them by more than a level "
        "more than any within 9x9 in the truth, where the truth's standard deviation over 9x9 is below 8 levels",
        unit="per thousand",
    ),
    "lpips-alex": _lpips("alex", "alexnet"),
    "lpips-squeeze": _lpips("squeeze", "squeezenet1_1"),
    "lpips-vgg": _lpips("vgg", "vgg16"),
    **_NATURAL,
}
"""Every metric by name."""


_FOR_THOUSANDS = "it compares sets of thousands of images and needs an Inception network"
NOT_COMPUTED: dict[str, str] = {
    "fid": _FOR_THOUSANDS,
    "kid": _FOR_THOUSANDS,
}
"""Known metrics that wildsr does not compute, and why."""


@dataclass(frozen=True)
class FunctionMetric:
    """A metric of your own, given as a function.

    Attributes:
        name: in results, different from those of :data:`METRICS`.
        function: takes results and references, both (B, 3, H, W) float32 in [0, 1] with 8-bit precision and of equal
            size, and returns a number for each image, (B,); without ``reference``, it takes the results only. It
            raises ``ValueError`` for images that it cannot measure.
        definition: what others need to know to get the same numbers; stored in the results.
        label: for tables; the name by default.
        higher_is_better: which values are better.
        unit: of the values, such as ``dB``.
        reference: whether the function compares with a reference.
        digits: decimals in tables.
    """

    name: str
    function: Callable[..., Tensor]
    definition: str
    label: str = ""
    higher_is_better: bool = True
    unit: str = ""
    reference: bool = True
    digits: int = 3

    def kind(self) -> MetricKind:
        """The metric as an entry of :data:`METRICS`."""

        def score(result: Tensor, truth: Tensor) -> Tensor:
            images = (result, truth) if self.reference else (result,)
            return self.function(*(_unit_range(image) for image in images))

        return MetricKind(
            label=self.label or self.name,
            higher_is_better=self.higher_is_better,
            unit=self.unit,
            reference=self.reference,
            digits=self.digits,
            define=lambda _: self.definition,
            load=lambda _: score,
        )


def _unit_range(images: Tensor) -> Tensor:
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()


class Meter:
    """Computes a metric, and the mean of all values so far.

    Images are (B, 3, H, W), 8-bit levels as uint8 or floats in [0, 1], on any device; they are moved to the device of
    the settings.
    """

    def __init__(self, metric: str | FunctionMetric, settings: MetricSettings = MetricSettings()) -> None:
        kind = METRICS[metric] if isinstance(metric, str) else metric.kind()
        self.metric = Metric(
            metric if isinstance(metric, str) else metric.name,
            kind.label,
            kind.higher_is_better,
            kind.unit,
            kind.define(settings),
            kind.reference,
            kind.digits,
        )
        self.files = tuple(identity(path) for path in kind.files(settings))
        self._score = kind.load(settings)
        self._device = settings.device
        self._finite: list[float] = []
        self._infinite = 0
        self._undefined = 0

    def __call__(self, result: Tensor, truth: Tensor | None = None) -> list[float]:
        """The value of each image of a batch; raises ``ValueError`` for images that cannot be measured."""
        if self.metric.reference and truth is None:
            raise ValueError(f"{self.metric.label} compares with a ground truth, and there is none")
        result = result.to(self._device)
        truth = result if truth is None else truth.to(self._device)
        with torch.no_grad():
            scores = self._score(result, truth)
            if tuple(scores.shape) != (len(result),):
                raise TypeError(
                    f"{self.metric.label} returned values of shape {tuple(scores.shape)} for {len(result)} images; it "
                    "must return one for each image"
                )
            values: list[float] = scores.double().tolist()
        for value in values:
            if math.isfinite(value):
                self._finite.append(value)
            else:
                self._undefined += math.isnan(value)
                self._infinite += math.isinf(value)
        return values

    @property
    def count(self) -> int:
        """Number of measured images, with a value or without."""
        return len(self._finite) + self._infinite + self._undefined

    @property
    def infinite(self) -> int:
        """Number of images with an infinite value: PSNR of equal images."""
        return self._infinite

    @property
    def mean(self) -> float:
        """Mean of the finite values; infinite if all values are, NaN if there are none."""
        if self._finite:
            return math.fsum(self._finite) / len(self._finite)
        return math.inf if self._infinite else math.nan


def open_meters(metrics: Iterable[str | FunctionMetric], settings: MetricSettings) -> list[Meter]:
    """A meter for each of the metrics; repeated ones are opened once.

    Raises:
        ValueError: an unknown name (the message has the nearest known one), or two metrics of one name.
        FileNotFoundError: the files of a metric are missing; the message says how to get them.
    """
    unique = list(dict.fromkeys(metrics))
    names = [metric if isinstance(metric, str) else metric.name for metric in unique]
    for metric, name in zip(unique, names, strict=True):
        if names.count(name) > 1 or (not isinstance(metric, str) and name in METRICS):
            raise ValueError(f"there are two metrics named '{name}'; give yours another name")
        if isinstance(metric, str):
            _check_name(metric)
    return [Meter(metric, settings) for metric in unique]


def _check_name(name: str) -> None:
    if name in NOT_COMPUTED:
        raise ValueError(f"wildsr does not compute {name.upper()}: {NOT_COMPUTED[name]}")
    if name not in METRICS:
        near = get_close_matches(name, METRICS, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(METRICS)}"
        raise ValueError(f"there is no metric '{name}'; {hint}")


def available_metrics(settings: MetricSettings, reference: bool) -> tuple[list[str], dict[str, str]]:
    """The metrics whose files are installed, and what the others lack.

    Without ``reference``, those that need one are in neither.
    """
    names, lacking = [], {}
    for name, kind in METRICS.items():
        if kind.reference and not reference:
            continue
        try:
            kind.files(settings)
        except FileNotFoundError as error:
            lacking[name] = str(error)
        else:
            names.append(name)
    return names, lacking
