"""Every architecture, and both runtimes."""

import pytest
from small_models import SMALL, small_model

from wildsr.zoo.model import Model


@pytest.fixture(params=sorted(SMALL))
def model(request: pytest.FixtureRequest) -> Model:
    return small_model(request.param)


@pytest.fixture(params=["OpenVINO", "PyTorch"])
def runtime(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    from wildsr.inference import openvino_engine

    if request.param == "PyTorch":
        monkeypatch.setattr(openvino_engine, "works", lambda: False)
    elif not openvino_engine.works():
        pytest.skip("OpenVINO has no CPU here")
    return str(request.param)
