"""Inference from file to file, and its parts, against numbers of the originals."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from golden_files import FOLDER, Golden
from typer.testing import CliRunner

from wildsr.cli.main import app
from wildsr.image import quantize, read
from wildsr.ops.back_projection import back_project


def test_back_projection(golden: Callable[[str], Golden]) -> None:
    item = golden("op_back_projection")
    out = back_project(item["input.sr"], item["input.lr"], float(item["param.lambda"]))
    torch.testing.assert_close(out, item["output.sr"], atol=1e-5, rtol=0)
    assert torch.equal(quantize(out)[0].permute(1, 2, 0).flip(-1), item["output.uint8"])


def test_rounding_to_8_bits(golden: Callable[[str], Golden]) -> None:
    item = golden("op_tensor2img")
    assert torch.equal(quantize(item["input.x"]).permute(1, 2, 0).flip(-1), item["output.img"])


@pytest.mark.parametrize(
    "published", sorted((FOLDER / "images/sr_results_x4").glob("*.png")), ids=lambda p: p.stem
)
def test_the_command_reproduces_the_authors_published_image(published: Path, tmp_path: Path) -> None:
    source = FOLDER / "images/LR" / published.name
    target = tmp_path / published.name
    weights = FOLDER / "weights/srrescgan_model.pth"
    command = ["upscale", source, "-o", target, "-m", weights, "--ensemble", "--precision", "exact"]
    done = CliRunner().invoke(app, [str(part) for part in command])
    assert done.exit_code == 0, done.output
    ours, theirs = (np.rint(read(path).rgb.numpy() * 255).astype(int) for path in (target, published))
    difference = np.abs(ours - theirs)
    assert difference.max() <= 1
    assert (difference == 0).mean() >= 0.999


def test_truncating_to_8_bits(golden: Callable[[str], Golden]) -> None:
    item = golden("ddnsr/images/images").under("write_img/")
    values, written = item["float_in"], item["uint8_out"]
    assert torch.equal(quantize(values, truncate=True), written)
    assert not torch.equal(quantize(values), written)


@pytest.mark.parametrize(
    "published", sorted((FOLDER / "ddnsr/images/test_out").glob("*.png")), ids=lambda p: p.stem
)
def test_the_command_reproduces_ddnsrs_images(published: Path, tmp_path: Path) -> None:
    (weights,) = (FOLDER / "ddnsr/networks").glob("reconstruction_smallrrdb*.h5")
    source = FOLDER / "ddnsr/images/test_in" / published.name
    equal = {}
    for option in ("--truncate", ""):
        target = tmp_path / f"result{option}.png"
        command = ["upscale", source, "-o", target, "-m", weights, "--precision", "exact", "--overlap", "64"]
        done = CliRunner().invoke(app, [*map(str, command), *([option] if option else [])])
        assert done.exit_code == 0, done.output
        ours, theirs = (np.rint(read(path).rgb.numpy() * 255).astype(int) for path in (target, published))
        assert np.abs(ours - theirs).max() <= 1
        equal[option] = (ours == theirs).mean()
    # A value that is nearly a whole level may come out on its other side; images have 1,680 and 6,720 values.
    assert equal["--truncate"] >= 0.998
    assert equal[""] < 0.8, "rounding changes a third of the values"
