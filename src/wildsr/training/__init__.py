"""Training: one loop for all methods, and the methods as objectives.

Names are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.training.ema import Average as Average
    from wildsr.training.errors import Interrupted as Interrupted
    from wildsr.training.errors import TrainingError as TrainingError
    from wildsr.training.events import Event as Event
    from wildsr.training.events import OnEvent as OnEvent
    from wildsr.training.events import Saved as Saved
    from wildsr.training.events import TrainingNote as TrainingNote
    from wildsr.training.events import TrainingProgress as TrainingProgress
    from wildsr.training.events import Validated as Validated
    from wildsr.training.loop import fit as fit
    from wildsr.training.objective import Batch as Batch
    from wildsr.training.objective import Losses as Losses
    from wildsr.training.objective import Objective as Objective
    from wildsr.training.objective import Turn as Turn
    from wildsr.training.objectives.ddnsr import DDNSRObjective as DDNSRObjective
    from wildsr.training.objectives.dsgan import DSGANObjective as DSGANObjective
    from wildsr.training.objectives.exclusionary import ExclusionaryObjective as ExclusionaryObjective
    from wildsr.training.objectives.gan import AdversarialLoss as AdversarialLoss
    from wildsr.training.objectives.gan import GanObjective as GanObjective
    from wildsr.training.objectives.pixel import PixelObjective as PixelObjective
    from wildsr.training.objectives.srrescgan import Mixup as Mixup
    from wildsr.training.objectives.srrescgan import SRResCGANObjective as SRResCGANObjective
    from wildsr.training.objectives.terms import ImageLoss as ImageLoss
    from wildsr.training.objectives.terms import Term as Term
    from wildsr.training.objectives.terms import Terms as Terms
    from wildsr.training.optimizers import KerasAdam as KerasAdam
    from wildsr.training.optimizers import Muon as Muon
    from wildsr.training.processes import Hardware as Hardware
    from wildsr.training.processes import start as start
    from wildsr.training.settings import Batches as Batches
    from wildsr.training.settings import FileSettings as FileSettings
    from wildsr.training.settings import Rate as Rate
    from wildsr.training.settings import Run as Run
    from wildsr.training.settings import RunSettings as RunSettings
    from wildsr.training.settings import TrainSettings as TrainSettings
    from wildsr.training.settings import Validate as Validate
    from wildsr.training.settings import Validation as Validation
    from wildsr.training.settings import ValidationSettings as ValidationSettings

_HOME_OF = {
    "AdversarialLoss": "wildsr.training.objectives.gan",
    "Average": "wildsr.training.ema",
    "Batch": "wildsr.training.objective",
    "Batches": "wildsr.training.settings",
    "DDNSRObjective": "wildsr.training.objectives.ddnsr",
    "DSGANObjective": "wildsr.training.objectives.dsgan",
    "Event": "wildsr.training.events",
    "ExclusionaryObjective": "wildsr.training.objectives.exclusionary",
    "FileSettings": "wildsr.training.settings",
    "GanObjective": "wildsr.training.objectives.gan",
    "Hardware": "wildsr.training.processes",
    "ImageLoss": "wildsr.training.objectives.terms",
    "Interrupted": "wildsr.training.errors",
    "KerasAdam": "wildsr.training.optimizers",
    "Losses": "wildsr.training.objective",
    "Mixup": "wildsr.training.objectives.srrescgan",
    "Muon": "wildsr.training.optimizers",
    "TrainingNote": "wildsr.training.events",
    "Objective": "wildsr.training.objective",
    "OnEvent": "wildsr.training.events",
    "PixelObjective": "wildsr.training.objectives.pixel",
    "TrainingProgress": "wildsr.training.events",
    "Rate": "wildsr.training.settings",
    "Run": "wildsr.training.settings",
    "RunSettings": "wildsr.training.settings",
    "SRResCGANObjective": "wildsr.training.objectives.srrescgan",
    "Saved": "wildsr.training.events",
    "Term": "wildsr.training.objectives.terms",
    "Terms": "wildsr.training.objectives.terms",
    "TrainSettings": "wildsr.training.settings",
    "TrainingError": "wildsr.training.errors",
    "Turn": "wildsr.training.objective",
    "Validate": "wildsr.training.settings",
    "Validated": "wildsr.training.events",
    "Validation": "wildsr.training.settings",
    "ValidationSettings": "wildsr.training.settings",
    "fit": "wildsr.training.loop",
    "start": "wildsr.training.processes",
}

__all__ = [
    "AdversarialLoss",
    "Average",
    "Batch",
    "Batches",
    "DDNSRObjective",
    "DSGANObjective",
    "Event",
    "ExclusionaryObjective",
    "FileSettings",
    "GanObjective",
    "Hardware",
    "ImageLoss",
    "Interrupted",
    "KerasAdam",
    "Losses",
    "Mixup",
    "Muon",
    "Objective",
    "OnEvent",
    "PixelObjective",
    "Rate",
    "Run",
    "RunSettings",
    "SRResCGANObjective",
    "Saved",
    "Term",
    "Terms",
    "TrainSettings",
    "TrainingError",
    "TrainingNote",
    "TrainingProgress",
    "Turn",
    "Validate",
    "Validated",
    "Validation",
    "ValidationSettings",
    "fit",
    "start",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr.training' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
