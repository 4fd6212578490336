"""The protocol of degradations (sample parameters, then apply them), and files of parameters."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from wildsr.errors import WildsrError
from wildsr.storage.atomic import write_text
from wildsr.storage.locations import Location, read_bytes

Parameters = dict[str, Any]
"""The parameters for one image, as JSON values. On the same kind of device they replay bit for bit."""

Step = dict[str, Any]
"""One step of a program, with its parameters: {"step": "jpeg", "quality": 80}."""
HeightWidth = tuple[int, int]

VERSION = 1
_FORMAT = "wildsr.degradations"


class DegradationError(WildsrError, ValueError):
    """Parameters that cannot be applied, or a file of them that cannot be read. The message says what to change."""


class Degradation(Protocol):
    """Degrades HR to LR by a whole ``scale``. Sizes that it does not divide are cropped at the bottom and right."""

    @property
    def scale(self) -> int:
        """HR pixels for each LR pixel, along a side."""

    def sample(self, rng: np.random.Generator, size: tuple[int, int]) -> Parameters:
        """Sample the parameters for one HR image of ``size`` (height, width)."""

    def apply(self, images: Tensor, parameters: Sequence[Parameters]) -> Tensor:
        """Degrade (B, 3, H, W) in [0, 1] to (B, 3, H // scale, W // scale) in [0, 1], each with its parameters.

        The result for an image does not depend on the others of the batch.

        Raises:
            DegradationError: parameters of another degradation, or of another image size.
        """


@dataclass(frozen=True)
class Sample:
    """Name (for files, the path within the folder that was degraded), size and parameters of one image."""

    image: str
    size: tuple[int, int]
    """Height and width of the HR image for which they were sampled."""
    parameters: Parameters


@dataclass(frozen=True)
class Record:
    """Everything needed to degrade some images again: name of the degradation, scale, and samples."""

    degradation: str
    scale: int
    samples: tuple[Sample, ...]


def save_record(path: Location, record: Record) -> None:
    """Write a record as JSON, atomically.

    Raises:
        DegradationError: it cannot be written there.
    """
    content = {
        "format": _FORMAT,
        "version": VERSION,
        "degradation": record.degradation,
        "scale": record.scale,
        "samples": [
            {"picture": one.image, "size": one.size, "parameters": one.parameters} for one in record.samples
        ],
    }
    try:
        write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    except OSError as error:
        raise DegradationError(f"{path} cannot be written: {error.strerror}") from error


def load_record(path: Location) -> Record:
    """Read what :func:`save_record` wrote.

    Raises:
        DegradationError: the file is missing, of another kind, or of another version.
    """
    try:
        content = json.loads(read_bytes(path).decode("utf-8"))
    except OSError as error:
        raise DegradationError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DegradationError(f"{path} is not a file of degradation parameters: {error}") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise DegradationError(
            f'{path} is not a file of degradation parameters; those have "format": "{_FORMAT}"'
        )
    if content.get("version") != VERSION:
        raise DegradationError(
            f"{path} has version {content.get('version')} of the format, this wildsr reads version {VERSION}; "
            "use the wildsr that wrote it, or degrade again"
        )
    name, scale, samples = content.get("degradation"), content.get("scale"), content.get("samples")
    if not isinstance(name, str) or not isinstance(scale, int) or not isinstance(samples, list):
        raise DegradationError(
            f'{path} is damaged: "degradation", "scale" and "samples" are a name, a whole number and a list'
        )
    return Record(name, scale, tuple(_sample(path, index, one) for index, one in enumerate(samples)))


def _sample(path: Location, index: int, content: object) -> Sample:
    if isinstance(content, dict):
        image, size, parameters = (content.get(key) for key in ("picture", "size", "parameters"))
        sized = isinstance(size, list) and len(size) == 2 and all(isinstance(side, int) for side in size)
        if isinstance(image, str) and isinstance(size, list) and sized and isinstance(parameters, dict):
            return Sample(image, (size[0], size[1]), parameters)
    raise DegradationError(
        f'{path}: sample {index} is damaged: it needs "picture", a name, "size", a height and a width, and '
        '"parameters", a dictionary'
    )
