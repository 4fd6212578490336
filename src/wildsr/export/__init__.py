"""Models for other programs: files that Upscayl, chaiNNer, ComfyUI and others load, checked before they are written."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.export.request import Exported as Exported
    from wildsr.export.targets import TARGETS as TARGETS
    from wildsr.export.targets import Program as Program
    from wildsr.export.targets import export as export

_HOME_OF = {
    "TARGETS": "wildsr.export.targets",
    "Exported": "wildsr.export.request",
    "Program": "wildsr.export.targets",
    "export": "wildsr.export.targets",
}
__all__ = ["TARGETS", "Exported", "Program", "export"]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr.export' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
