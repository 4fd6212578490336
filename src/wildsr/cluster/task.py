"""Description of a run on a cluster: plain data that every node receives."""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from wildsr import __version__
from wildsr.inference.jobs import Existing, Naming
from wildsr.inference.run_manifest import Head
from wildsr.inference.sizing import OutputSize
from wildsr.storage.locations import Location, locate
from wildsr.storage.object_path import is_address

STATUS = ".wildsr-status"
"""Folder within the output for what was done; hidden, so that it is never an input."""


def everywhere(name: str) -> str:
    """A local path as an absolute one, since nodes work in other folders than the command; addresses as they are."""
    if is_address(name):
        return name
    end = "/" if name.endswith("/") else ""
    return str(Path(os.path.expanduser(name)).absolute()) + end  # noqa: PTH111 - Path raises for unknown users


@dataclass(frozen=True)
class Task:
    """Images to upscale, and how.

    Attributes:
        inputs: files, folders and addresses, which every node can reach by these names.
        output: a folder or an address of one.
        model: a name or a file that every node has.
        size: of the results.
        format, quality: of the files.
        existing: what happens to results that an earlier run of this task did not write.
        options: arguments of :class:`wildsr.Upscaler`, by name.
        truncate: cut off fractions of levels of 8-bit images instead of rounding.
        version: of wildsr; every node must have the same.
        model_sha256: of the model's file; set by :func:`wildsr.cluster.upscale`.
    """

    inputs: tuple[str, ...]
    output: str
    model: str = "default"
    size: OutputSize = field(default_factory=OutputSize)
    format: str | None = None
    quality: int | None = None
    existing: Existing = "fail"
    options: dict[str, Any] = field(default_factory=dict)
    truncate: bool = False
    version: str = __version__
    model_sha256: str | None = None

    @property
    def naming(self) -> Naming:
        """Names of results: those of the inputs, within the output folder."""
        return Naming(self.output if self.output.endswith("/") else f"{self.output}/", self.format)

    @property
    def status(self) -> Location:
        """The folder of Parquet files with a row per image."""
        return locate(self.output) / STATUS

    @property
    def head(self) -> Head:
        """The settings, as in the manifest of ``wildsr upscale``."""
        settings = {
            "model": self.model,
            "model_sha256": self.model_sha256,
            "size": asdict(self.size),
            "format": self.format,
            "quality": self.quality,
            **({"truncate": True} if self.truncate else {}),
            **self.options,
        }
        settings.pop("device", None)
        return Head("upscale", settings, wildsr=self.version)
