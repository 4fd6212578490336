"""Upscaling of whole images and files with a Model: tiles, engines, jobs and their events.

Names are imported on first use; those of jobs, sizes and events load no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.inference.api import upscale as upscale
    from wildsr.inference.batch import run as run
    from wildsr.inference.engine import Engine as Engine
    from wildsr.inference.engine import Precision as Precision
    from wildsr.inference.errors import JobCancelled as JobCancelled
    from wildsr.inference.errors import UpscaleError as UpscaleError
    from wildsr.inference.events import Cancelled as Cancelled
    from wildsr.inference.events import Failed as Failed
    from wildsr.inference.events import Finished as Finished
    from wildsr.inference.events import JobEvent as JobEvent
    from wildsr.inference.events import Note as Note
    from wildsr.inference.events import OnEvent as OnEvent
    from wildsr.inference.events import Started as Started
    from wildsr.inference.events import Tile as Tile
    from wildsr.inference.events import reason as reason
    from wildsr.inference.files import SaveOptions as SaveOptions
    from wildsr.inference.jobs import InputProblem as InputProblem
    from wildsr.inference.jobs import Job as Job
    from wildsr.inference.jobs import JobsError as JobsError
    from wildsr.inference.jobs import Naming as Naming
    from wildsr.inference.jobs import existing_outputs as existing_outputs
    from wildsr.inference.jobs import find_jobs as find_jobs
    from wildsr.inference.sizing import Fit as Fit
    from wildsr.inference.sizing import OutputSize as OutputSize
    from wildsr.inference.sizing import Target as Target
    from wildsr.inference.sizing import passes as passes
    from wildsr.inference.upscaler import OnTile as OnTile
    from wildsr.inference.upscaler import Piece as Piece
    from wildsr.inference.upscaler import Upscaler as Upscaler

_HOME_OF = {
    "Cancelled": "wildsr.inference.events",
    "Engine": "wildsr.inference.engine",
    "JobEvent": "wildsr.inference.events",
    "Failed": "wildsr.inference.events",
    "Finished": "wildsr.inference.events",
    "Fit": "wildsr.inference.sizing",
    "InputProblem": "wildsr.inference.jobs",
    "Job": "wildsr.inference.jobs",
    "JobCancelled": "wildsr.inference.errors",
    "JobsError": "wildsr.inference.jobs",
    "Naming": "wildsr.inference.jobs",
    "Note": "wildsr.inference.events",
    "OnEvent": "wildsr.inference.events",
    "OnTile": "wildsr.inference.upscaler",
    "OutputSize": "wildsr.inference.sizing",
    "Piece": "wildsr.inference.upscaler",
    "Precision": "wildsr.inference.engine",
    "SaveOptions": "wildsr.inference.files",
    "Started": "wildsr.inference.events",
    "Target": "wildsr.inference.sizing",
    "Tile": "wildsr.inference.events",
    "UpscaleError": "wildsr.inference.errors",
    "Upscaler": "wildsr.inference.upscaler",
    "existing_outputs": "wildsr.inference.jobs",
    "find_jobs": "wildsr.inference.jobs",
    "passes": "wildsr.inference.sizing",
    "reason": "wildsr.inference.events",
    "run": "wildsr.inference.batch",
    "upscale": "wildsr.inference.api",
}

__all__ = [
    "Cancelled",
    "Engine",
    "Failed",
    "Finished",
    "Fit",
    "InputProblem",
    "Job",
    "JobCancelled",
    "JobEvent",
    "JobsError",
    "Naming",
    "Note",
    "OnEvent",
    "OnTile",
    "OutputSize",
    "Piece",
    "Precision",
    "SaveOptions",
    "Started",
    "Target",
    "Tile",
    "UpscaleError",
    "Upscaler",
    "existing_outputs",
    "find_jobs",
    "passes",
    "reason",
    "run",
    "upscale",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr.inference' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
