"""The declared surfaces of recipes, training and losses."""

import importlib
import subprocess
import sys

import pytest

PACKAGES = ("wildsr.recipes", "wildsr.recipes.config", "wildsr.training", "wildsr.losses")


@pytest.mark.parametrize("name", PACKAGES)
def test_declared_names_exist(name: str) -> None:
    package = importlib.import_module(name)
    assert len(package.__all__) == len(set(package.__all__))
    assert set(package.__all__) <= set(dir(package))
    for one in package.__all__:
        assert getattr(package, one) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = package.nonsense


def test_importing_them_loads_no_torch() -> None:
    code = f"import sys, {', '.join(PACKAGES)}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
