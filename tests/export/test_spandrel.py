"""The real package spandrel: it loads what is exported for it, and our architecture with the plugin.

spandrel needs torchvision for two face and inpainting networks. Where torchvision is missing, a stand-in takes its
place that has the names which are imported, and no content.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from torch import nn
from typer.testing import Result

from wildsr.export import checks
from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.resunet import ResUNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.span import SPAN
from wildsr.zoo.load import load

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("spandrel") is None or importlib.util.find_spec("einops") is None,
    reason="spandrel is not installed",
)
Save = Callable[[Callable[[], nn.Module], str], Path]


@pytest.fixture(autouse=True)
def torchvision(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = set(sys.modules)
    if importlib.util.find_spec("torchvision") is None:
        names = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")
        for name in names:
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        functional = sys.modules[names[-1]]
        for name in ("rotate", "normalize"):
            setattr(functional, name, None)
        functional.InterpolationMode = SimpleNamespace(NEAREST=0, BILINEAR=2)  # type: ignore[attr-defined]
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] == "spandrel" or name == "wildsr.spandrel_plugin":
            del sys.modules[name]


@pytest.mark.parametrize(
    ("family", "build"),
    [
        ("ESRGAN", lambda: RRDBNet(features=4, growth=32, blocks=1, scale=4)),
        ("ESRGAN", lambda: RRDBNet(features=4, growth=32, blocks=1, scale=2, unshuffle=2)),
        ("Compact", lambda: SRVGGNetCompact(4, 1, 2)),
        ("SPAN", lambda: SPAN(4, 2)),
        ("SPAN", lambda: SPAN(4, 2, normalised=False)),
    ],
)
def test_spandrel_loads_what_is_exported(
    tmp_path: Path, saved: Save, convert: Callable[..., Result], family: str, build: Callable[[], nn.Module]
) -> None:
    done = convert(saved(build, "net"), "--for", "comfyui", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    assert f"spandrel's {family}, 93x67: " in done.output


def test_our_architecture_in_spandrel(saved: Save) -> None:
    import spandrel

    source = saved(lambda: ResUNet(4, 6, 2, 2), "net")
    with pytest.raises(spandrel.UnsupportedModelError):
        spandrel.ModelLoader(device="cpu").load_from_file(source)
    from wildsr import spandrel_plugin

    spandrel_plugin.install()
    spandrel_plugin.install()
    found = spandrel.ModelLoader(device="cpu").load_from_file(source)
    assert (found.architecture.id, found.scale, found.purpose) == ("ResUNet", 2, "SR")
    assert found.size_requirements.multiple_of == 4
    lines = list(checks.compare(load(source), found, ((33, 46),), "spandrel", clamps=True))
    assert len(lines) == 2


def test_our_keys_are_no_others(saved: Save) -> None:
    """No architecture of spandrel's takes a ResUNet for its own, and the plugin takes no other file."""
    import torch
    from spandrel import MAIN_REGISTRY

    from wildsr.spandrel_plugin import ResUNetArch

    ours = torch.load(saved(lambda: ResUNet(4, 6, 1, 2), "net"), weights_only=True)
    assert [each.architecture.id for each in MAIN_REGISTRY if each.detect(ours)] == []
    assert ResUNetArch().detect(ours)
    assert not ResUNetArch().detect(SRVGGNetCompact(4, 1, 2).state_dict())
