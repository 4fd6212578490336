"""Which metrics a model was trained on: in the catalogue, in headers, through conversion and blending."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from wildsr.zoo.catalogue import EMBEDDED, describe
from wildsr.zoo.convert import convert
from wildsr.zoo.header import Header, read_metadata
from wildsr.zoo.load import load


def test_embedded_models_say_what_they_were_trained_on() -> None:
    assert {"lpips-alex", "lpips-squeeze"} <= set(describe("wildsr-compact-x4").trained_on)
    assert load("default").contract.trained_on == describe("default").trained_on
    assert load("wildsr-faithful-x4").contract.trained_on == ("psnr",)
    assert load("wildsr-photo-x4").contract.trained_on == ("flat-noise", "grid", "lpips-squeeze")


def test_a_file_says_the_same_as_the_catalogue() -> None:
    for entry in EMBEDDED.values():
        header = Header.parse(read_metadata(entry.path))
        assert (header.architecture, header.scale, header.licence) == (
            entry.architecture,
            entry.scale,
            entry.licence,
        )
    for name in ("wildsr-photo-x4", "wildsr-photo-faithful-x4"):
        photo = Header.parse(read_metadata(EMBEDDED[name].path))
        assert photo.trained_on == EMBEDDED[name].trained_on
        assert "Copyright (c) 2021, Xintao Wang" in photo.source
    fast = Header.parse(read_metadata(EMBEDDED["wildsr-photo-fast-x4"].path))
    assert fast.trained_on == EMBEDDED["wildsr-photo-fast-x4"].trained_on
    assert "wildsr-photo-x4" in fast.source


def test_the_licence_of_a_derived_model_lies_beside_its_weights() -> None:
    path = EMBEDDED["wildsr-photo-x4"].path
    assert path is not None
    notice = (path.parent / "NOTICE-realesr-general-x4v3.txt").read_text(encoding="utf-8")
    derived = {name for name, entry in EMBEDDED.items() if entry.licence == "BSD-3-Clause"}
    assert derived == {"wildsr-photo-x4", "wildsr-photo-faithful-x4"}
    assert all(name in notice for name in derived)
    assert "Copyright (c) 2021, Xintao Wang" in notice
    assert "Redistributions in binary form must reproduce" in notice


def test_a_converted_file_keeps_it(tmp_path: Path) -> None:
    convert("wildsr-faithful-x4", tmp_path / "copy.safetensors")
    with safe_open(tmp_path / "copy.safetensors", framework="pt") as file:
        assert file.metadata()["trained_on"] == "psnr"
    assert load(tmp_path / "copy.safetensors").contract.trained_on == ("psnr",)


def test_a_blend_was_trained_on_the_metrics_of_both(tmp_path: Path) -> None:
    target = tmp_path / "blend.safetensors"
    convert("wildsr-faithful-x4", target, toward="wildsr-compact-x4", strength=0.5)
    assert set(load(target).contract.trained_on) == {"psnr", "lpips-alex", "lpips-squeeze", "grid"}


def test_the_default_blends_with_its_faithful_sibling(tmp_path: Path) -> None:
    target = tmp_path / "blend.safetensors"
    convert("default", target, toward="wildsr-photo-faithful-x4", strength=0.5)
    blend, ends = load(target).network.state_dict(), ("default", "wildsr-photo-faithful-x4")
    one, other = (load(name).network.state_dict() for name in ends)
    assert any(not torch.equal(one[key], other[key]) for key in one)
    assert all(torch.allclose(blend[key], (one[key] + other[key]) / 2, atol=1e-6) for key in blend)


def test_an_onnx_file_keeps_it(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    convert("wildsr-faithful-x4", tmp_path / "copy.onnx")
    assert load(tmp_path / "copy.onnx").contract.trained_on == ("psnr",)


@pytest.mark.parametrize(
    ("header", "expected"), [({}, ()), ({"trained_on": " psnr ,, ssim "}, ("psnr", "ssim"))]
)
def test_any_header_is_read(
    tmp_path: Path, header: dict[str, str], expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {name: value.clone() for name, value in load("wildsr-faithful-x4").network.state_dict().items()}
    monkeypatch.setenv("WILDSR_MODELS", str(tmp_path))
    save_file(weights, tmp_path / "mine.safetensors", header)
    assert load(tmp_path / "mine.safetensors").contract.trained_on == expected
    assert describe("mine").trained_on == expected
