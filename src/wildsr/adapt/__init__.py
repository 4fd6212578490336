"""A model for one camera: from a folder of its photos to a fine-tuned model, and proof that it helps.

:func:`adapt` is all of ``wildsr adapt``. Names are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.adapt.events import AdaptEvent as AdaptEvent
    from wildsr.adapt.events import AdaptNote as AdaptNote
    from wildsr.adapt.events import AdaptPreview as AdaptPreview
    from wildsr.adapt.events import AdaptProgress as AdaptProgress
    from wildsr.adapt.events import AdaptStage as AdaptStage
    from wildsr.adapt.events import AdaptValidated as AdaptValidated
    from wildsr.adapt.gain import Gain as Gain
    from wildsr.adapt.gain import Verdict as Verdict
    from wildsr.adapt.request import AdaptOptions as AdaptOptions
    from wildsr.adapt.run import AdaptResult as AdaptResult
    from wildsr.adapt.run import adapt as adapt

_HOME_OF = {
    "AdaptEvent": "wildsr.adapt.events",
    "AdaptNote": "wildsr.adapt.events",
    "AdaptOptions": "wildsr.adapt.request",
    "AdaptPreview": "wildsr.adapt.events",
    "AdaptProgress": "wildsr.adapt.events",
    "AdaptResult": "wildsr.adapt.run",
    "AdaptStage": "wildsr.adapt.events",
    "AdaptValidated": "wildsr.adapt.events",
    "Gain": "wildsr.adapt.gain",
    "Verdict": "wildsr.adapt.gain",
    "adapt": "wildsr.adapt.run",
}

__all__ = [
    "AdaptEvent",
    "AdaptNote",
    "AdaptOptions",
    "AdaptPreview",
    "AdaptProgress",
    "AdaptResult",
    "AdaptStage",
    "AdaptValidated",
    "Gain",
    "Verdict",
    "adapt",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr.adapt' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
