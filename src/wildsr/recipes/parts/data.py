"""Data of a recipe: which images, and how samples are made of them. Imports no torch.

``folder`` is what ``wildsr train --data`` gives; each kind says what it looks for in there. A folder may also be a
store of images (``.lmdb``).
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from wildsr.recipes.parts.strict import Part

Count = Annotated[int, Field(ge=1)]


class DataPart(Part):
    """What all kinds of data have."""

    folder: Path | None = None
    """Given by ``--data``."""
    augment: Literal["none", "mirror", "all"] = "all"
    """``mirror``: left and right exchanged half of the time; ``all``: the eight flips and rotations."""
    weighing: Literal["picture", "area"] = "picture"
    """``image``: each image once before any comes again; ``area``: large images more often."""
    workers: int | None = Field(default=None, ge=0)
    """Processes that prepare samples; null takes as many as there are spare processors."""
    memory: bool = True
    """Keep the images in memory where they fit."""


class Preset(Part):
    """A degradation by its name."""

    kind: Literal["preset"] = "preset"
    name: str
    """One of :data:`wildsr.degradations.presets.PRESETS`, or a corruption such as ``noise-8``."""
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)
    """What is different: values of the degradation's fields, such as ``clean: 0.3`` for ``wild``."""


class RealSRDegradation(Part):
    """RealSR's: kernels and noise taken from real photographs."""

    kind: Literal["realsr"] = "realsr"
    kernels: Path | None = None
    """A pool made by ``wildsr estimate kernels``; null shrinks by MATLAB's bicubic."""
    noise: Path | None = None
    """A pool made by ``wildsr estimate noise``; null adds none."""


class LearnedDegradation(Part):
    """A network that was trained to degrade: DSGAN's, or DDNSR's with real LR images."""

    kind: Literal["learned"] = "learned"
    model: str
    """Its name or file: a run of ``dsgan``, or the ``-down`` file of a ``ddnsr`` one."""
    references: Path | None = None
    """The real LR images that DDNSR's network takes noise from; all are kept in memory."""


Degradation = Annotated[Preset | RealSRDegradation | LearnedDegradation, Field(discriminator="kind")]


class Degraded(DataPart):
    """Sharp images, degraded while training goes on. ``folder`` holds the images."""

    kind: Literal["degraded"] = "degraded"
    hr: tuple[Path, ...] = ()
    """Where the images are, if not in ``folder``; several folders are mixed."""
    degradation: Degradation
    hr_patch: Count
    """Pixels on a side of what is cut and degraded."""
    lr_patch: Count
    """Pixels on a side of what is kept in LR."""
    sharpen: bool = False
    """Sharpen the HR patch first (USM, as Real-ESRGAN): it is then the target of pixel and feature losses."""
    drawn: Annotated[float, Field(ge=0, le=1)] = 0
    """Share of patches that are drawn, not cut from an image: text, line art and dead leaves."""


class Paired(DataPart):
    """LR and HR images that belong together by name. ``folder`` holds LR and HR, as ``wildsr prepare`` makes them."""

    kind: Literal["paired"] = "paired"
    lr: Path | None = None
    """Where the LR images are, if not in ``folder``/LR."""
    hr: Path | None = None
    """Where the HR images are, if not in ``folder``/HR."""
    lr_patch: Count
    """Pixels on a side in LR."""
    inject_noise: bool = False
    """Add a patch of a noise pool to every LR patch (RealSR)."""
    noise: Path | None = None
    """The pool, if not ``folder``/noise.safetensors."""


class Unpaired(DataPart):
    """Sharp images, and the source domain's. ``folder`` holds the folders HR and source."""

    kind: Literal["unpaired"] = "unpaired"
    hr: tuple[Path, ...] = ()
    """Where the sharp images are, if not in ``folder``/HR; several folders are mixed."""
    source: Path | None = None
    """Where the images of the source domain are, if not in ``folder``/source."""
    same: bool = False
    """``source`` patches are cut from the HR patches themselves (DSGAN), which are then all of ``folder``."""
    degradation: Degradation | None = None
    """What makes the LR patch of the HR patch."""
    hr_patch: Count
    """Pixels on a side of the sharp patch."""
    source_patch: Count
    """Pixels on a side of the source domain's patch."""


class Dual(DataPart):
    """HR images and real LR images that do not belong together (DDNSR). ``folder`` holds the folders HR and LR."""

    kind: Literal["dual"] = "dual"
    hr: tuple[Path, ...] = ()
    """Where the HR images are, if not in ``folder``/HR; several folders are mixed."""
    lr: Path | None = None
    """Where the LR images are, if not in ``folder``/LR."""
    hr_patch: Count
    """Pixels on a side in HR."""
    lr_patch: Count
    """Pixels on a side in LR."""


Data = Annotated[Degraded | Paired | Unpaired | Dual, Field(discriminator="kind")]
