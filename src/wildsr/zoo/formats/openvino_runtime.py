"""Imports OpenVINO without its telemetry."""

import sys
from functools import cache
from typing import Any


@cache
def openvino() -> Any:
    """Import OpenVINO without its telemetry package, which looks up a tracking host on import."""
    if "openvino" in sys.modules or "openvino_telemetry" in sys.modules:
        import openvino

        return openvino
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        del sys.modules["openvino_telemetry"]
    return openvino


@cache
def core() -> Any:
    """The OpenVINO runtime of this process."""
    return openvino().Core()
