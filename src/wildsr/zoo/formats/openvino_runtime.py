"""Imports OpenVINO without its telemetry and its tools."""

import sys
from functools import cache
from typing import Any

_LEFT_OUT = ("openvino_telemetry", "openvino.tools.ovc")
"""Telemetry looks up a tracking host on import; the converter of other frameworks takes longer than all the rest."""


@cache
def openvino() -> Any:
    """Import OpenVINO without its telemetry, and without its converter until somebody uses that.

    An ``openvino`` that was imported before stays as it is.
    """
    if any(name in sys.modules for name in ("openvino", *_LEFT_OUT)):
        import openvino

        return openvino
    for name in _LEFT_OUT:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        for name in _LEFT_OUT:
            del sys.modules[name]
    if not hasattr(openvino, "convert_model"):
        openvino.__getattr__ = _later
    return openvino


def _later(name: str) -> Any:
    """The function of the converter, for other programs in this process that expect it in ``openvino``."""
    if name == "convert_model":
        from openvino.tools.ovc import convert_model

        return convert_model
    raise AttributeError(f"module 'openvino' has no attribute '{name}'")


@cache
def core() -> Any:
    """The OpenVINO runtime of this process."""
    return openvino().Core()
