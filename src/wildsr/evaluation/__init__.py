"""Metrics, and evaluations of results and models.

:func:`evaluate_results` measures folders of results; :func:`evaluate_methods` runs models on datasets and measures
their results. Both return :class:`Results`. Metrics are named as in :data:`METRICS`, or are functions of your own
(:class:`FunctionMetric`). Names are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.evaluation.brisque import load_brisque as load_brisque
    from wildsr.evaluation.candidates import Candidate as Candidate
    from wildsr.evaluation.candidates import InferenceSettings as InferenceSettings
    from wildsr.evaluation.candidates import find_candidate as find_candidate
    from wildsr.evaluation.datasets import EvaluationImage as EvaluationImage
    from wildsr.evaluation.datasets import EvaluationSet as EvaluationSet
    from wildsr.evaluation.datasets import degraded as degraded
    from wildsr.evaluation.datasets import downscaled as downscaled
    from wildsr.evaluation.datasets import paired as paired
    from wildsr.evaluation.datasets import real as real
    from wildsr.evaluation.distortion import psnr as psnr
    from wildsr.evaluation.distortion import psnr_of_means as psnr_of_means
    from wildsr.evaluation.distortion import ssim as ssim
    from wildsr.evaluation.evaluate import MeasureOptions as MeasureOptions
    from wildsr.evaluation.evaluate import RunOptions as RunOptions
    from wildsr.evaluation.evaluate import evaluate_methods as evaluate_methods
    from wildsr.evaluation.evaluate import evaluate_results as evaluate_results
    from wildsr.evaluation.metrics import METRICS as METRICS
    from wildsr.evaluation.metrics import FunctionMetric as FunctionMetric
    from wildsr.evaluation.metrics import Meter as Meter
    from wildsr.evaluation.metrics import MetricSettings as MetricSettings
    from wildsr.evaluation.niqe import load_niqe as load_niqe
    from wildsr.evaluation.output import write_output as write_output
    from wildsr.evaluation.pairing import PairingError as PairingError
    from wildsr.evaluation.perceptual import lpips as lpips
    from wildsr.evaluation.report import write_report as write_report
    from wildsr.evaluation.results import Metric as Metric
    from wildsr.evaluation.results import Results as Results
    from wildsr.evaluation.results import Row as Row
    from wildsr.evaluation.sharpness import edge_sharpness as edge_sharpness
    from wildsr.evaluation.sharpness import flat_noise as flat_noise
    from wildsr.zoo.features.files import MissingWeights as MissingWeights
    from wildsr.zoo.features.lpips import load_lpips as load_lpips

_HOME_OF = {
    "Candidate": "wildsr.evaluation.candidates",
    "EvaluationImage": "wildsr.evaluation.datasets",
    "EvaluationSet": "wildsr.evaluation.datasets",
    "FunctionMetric": "wildsr.evaluation.metrics",
    "InferenceSettings": "wildsr.evaluation.candidates",
    "METRICS": "wildsr.evaluation.metrics",
    "MeasureOptions": "wildsr.evaluation.evaluate",
    "Meter": "wildsr.evaluation.metrics",
    "Metric": "wildsr.evaluation.results",
    "MetricSettings": "wildsr.evaluation.metrics",
    "MissingWeights": "wildsr.zoo.features.files",
    "PairingError": "wildsr.evaluation.pairing",
    "Results": "wildsr.evaluation.results",
    "Row": "wildsr.evaluation.results",
    "RunOptions": "wildsr.evaluation.evaluate",
    "degraded": "wildsr.evaluation.datasets",
    "downscaled": "wildsr.evaluation.datasets",
    "edge_sharpness": "wildsr.evaluation.sharpness",
    "evaluate_methods": "wildsr.evaluation.evaluate",
    "evaluate_results": "wildsr.evaluation.evaluate",
    "find_candidate": "wildsr.evaluation.candidates",
    "flat_noise": "wildsr.evaluation.sharpness",
    "load_brisque": "wildsr.evaluation.brisque",
    "load_lpips": "wildsr.zoo.features.lpips",
    "load_niqe": "wildsr.evaluation.niqe",
    "lpips": "wildsr.evaluation.perceptual",
    "paired": "wildsr.evaluation.datasets",
    "psnr": "wildsr.evaluation.distortion",
    "psnr_of_means": "wildsr.evaluation.distortion",
    "real": "wildsr.evaluation.datasets",
    "ssim": "wildsr.evaluation.distortion",
    "write_output": "wildsr.evaluation.output",
    "write_report": "wildsr.evaluation.report",
}

__all__ = [
    "METRICS",
    "Candidate",
    "EvaluationImage",
    "EvaluationSet",
    "FunctionMetric",
    "InferenceSettings",
    "MeasureOptions",
    "Meter",
    "Metric",
    "MetricSettings",
    "MissingWeights",
    "PairingError",
    "Results",
    "Row",
    "RunOptions",
    "degraded",
    "downscaled",
    "edge_sharpness",
    "evaluate_methods",
    "evaluate_results",
    "find_candidate",
    "flat_noise",
    "load_brisque",
    "load_lpips",
    "load_niqe",
    "lpips",
    "paired",
    "psnr",
    "psnr_of_means",
    "real",
    "ssim",
    "write_output",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr.evaluation' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
