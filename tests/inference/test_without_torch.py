"""A known model upscales a file without importing torch, with the same result."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from small_models import noise, small_model

from wildsr.image import Canvas, Traits, quantize, read, write_rgb
from wildsr.image.formats import Size
from wildsr.inference import openvino_engine, upscaler
from wildsr.inference.files import compute
from wildsr.inference.sizing import Target
from wildsr.inference.upscaler import Upscaler
from wildsr.ops.back_projection import RADIUS
from wildsr.storage import devices
from wildsr.zoo import records
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load

pytestmark = pytest.mark.skipif(not openvino_engine.works(), reason="OpenVINO finds no CPU it can drive")

HEAVY = (
    "torch",
    "lightning",
    "scipy",
    "onnx",
    "PIL",
    "skimage",
    "openvino.tools.ovc",
    "http.client",
    "wildsr.cli.train",
)
COMMAND = f"""
import sys
if sys.argv.pop() == "torch":
    import torch
from wildsr.cli.main import main
try:
    main()
finally:
    print([name for name in {HEAVY} if name in sys.modules])
"""


@pytest.fixture
def model_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WILDSR_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "small.safetensors"
    save_file(small_model("compact").network.state_dict(), path)
    return path


def upscaled(photo: Path, model_file: Path, target: Path, *more: str, with_torch: bool) -> list[str]:
    """The modules of :data:`HEAVY` that the command had imported at its end."""
    arguments = ["upscale", str(photo), "-m", str(model_file), "-o", str(target), "--device", "cpu", *more]
    command = [sys.executable, "-c", COMMAND, *arguments, "torch" if with_torch else ""]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    names = ast.literal_eval(done.stdout.splitlines()[-1])
    assert isinstance(names, list)
    return names


def test_a_known_model_needs_no_torch(
    tmp_path: Path, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, other = tmp_path / "photo.png", tmp_path / "other.png"
    write_rgb(photo, noise(40, 50))
    write_rgb(other, noise(44, 38))
    first, second, third = (tmp_path / f"{name}.jpg" for name in ("first", "second", "third"))
    assert "torch" in upscaled(photo, model_file, first, with_torch=False), (
        "the first use converts the network"
    )
    assert not upscaled(photo, model_file, second, with_torch=False)
    assert not upscaled(other, model_file, third, with_torch=False), "no other size of tiles needs torch"
    assert first.read_bytes() == second.read_bytes()
    monkeypatch.setenv("WILDSR_CACHE", str(tmp_path / "empty"))
    for image, expected in ((photo, first), (other, third)):
        again = tmp_path / "again.jpg"
        assert "torch" in upscaled(image, model_file, again, with_torch=True)
        assert again.read_bytes() == expected.read_bytes()
        again.unlink()


def test_an_embedded_model_needs_no_torch_even_when_nothing_is_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WILDSR_CACHE", str(tmp_path / "cache"))
    photo = tmp_path / "photo.png"
    write_rgb(photo, noise(16, 20))
    for name in ("wildsr-photo-x4", "wildsr-photo-fast-x4"):
        target = tmp_path / f"{name}.png"
        assert not upscaled(photo, Path(name), target, "--precision", "exact", with_torch=False)
        expected = load(name)(read(photo).rgb)
        found = read(target).rgb
        assert float((found - expected.clamp(0, 1)).abs().max()) < 0.6 / 255


def test_levels_of_the_engine_are_those_of_its_floats() -> None:
    model, image = small_model("compact"), noise(70, 90) * 1.2
    upscale = Upscaler(model, precision="exact", tile=48)
    floats, levels = Canvas(280, 360, Traits()), Canvas(280, 360, Traits())
    samples = image[0].permute(1, 2, 0).numpy()
    for top, left, pixels in upscale.parts(samples):
        assert pixels.dtype == np.float32
        floats.paste(top, left, pixels)
    for top, left, pixels in upscale.parts(samples, levels=True):
        assert pixels.dtype == np.uint8
        levels.paste(top, left, pixels)
    assert 0 < floats.pixels.mean() < 255
    np.testing.assert_array_equal(levels.pixels, floats.pixels)
    whole = quantize(upscale(image))[0].permute(1, 2, 0).numpy()
    np.testing.assert_array_equal(levels.pixels, whole)


def test_a_cancelled_image_leaves_no_trace_in_the_next() -> None:
    upscale = Upscaler(small_model("compact"), precision="exact", tile=48)
    expected = upscale(noise(100, 90, 1))
    parts = upscale.parts(noise(100, 90)[0].permute(1, 2, 0).numpy())
    next(parts)  # the second tile is under way now
    parts.close()
    assert torch.equal(upscale(noise(100, 90, 1)), expected)


def test_a_deep_or_grey_file_is_still_painted_from_floats(tmp_path: Path) -> None:
    for traits in (Traits(depth="uint16", bits=16), Traits(grey=True)):
        with Canvas(20, 24, traits) as canvas:
            assert not canvas.takes_levels
        write_rgb(tmp_path / "a.png", noise(20, 24), traits)
        image, upscale = read(tmp_path / "a.png"), Upscaler(small_model("compact"), precision="exact")
        painted = compute(image, upscale, Target(Size(96, 80), None), image.traits)
        with Canvas(80, 96, image.traits) as expected:
            for piece in upscale.pieces(image.rgb):
                expected.paste(*piece)
            np.testing.assert_array_equal(painted.canvas.pixels, expected.pixels)


def test_a_known_file_has_the_same_contract_and_network(model_file: Path) -> None:
    first, second = load(model_file), load(model_file)
    assert second._network is None, "its network is built when it is needed"
    assert second.contract == first.contract
    assert second.identity() == first.identity()
    lr = noise(9, 8)
    assert torch.equal(second(lr), first(lr))
    with torch.no_grad():
        next(second.network.parameters()).add_(0.1)
    assert second.identity() != first.identity(), "changed weights are another model"


def test_a_file_that_changed_since_it_was_loaded_is_refused(model_file: Path) -> None:
    load(model_file)
    model = load(model_file)
    save_file(small_model("compact", seed=1).network.state_dict(), model_file)
    with pytest.raises(ModelError, match="has changed since it was loaded"):
        _ = model.network


def test_records_of_other_code_are_not_believed(model_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(model_file)
    monkeypatch.setattr(records, "_code", lambda: "other")
    assert load(model_file)._network is not None


def test_a_damaged_record_is_made_anew(model_file: Path) -> None:
    digest = load(model_file).contract.sha256
    assert digest is not None
    for text in ("", "{}", "[1]", '{"scale": 4}', "null"):
        records._path(digest).write_text(text)
        assert load(model_file)._network is not None
        assert load(model_file)._network is None


def test_only_a_gpu_or_doubt_calls_for_torch(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert devices.certainly_cpu("cpu")
    assert not devices.certainly_cpu("cuda")
    monkeypatch.setattr("sys.platform", "darwin")
    assert not devices.certainly_cpu("auto"), "it may have MPS"
    monkeypatch.setattr("sys.platform", "linux")
    driver = tmp_path / "driver"
    monkeypatch.setattr(devices, "_DRIVERS", (str(driver),))
    monkeypatch.setattr(devices, "_built_for_gpus", lambda: True)
    assert devices.certainly_cpu("auto")
    driver.touch()
    assert not devices.certainly_cpu("auto")
    monkeypatch.setattr(devices, "_built_for_gpus", lambda: False)
    assert devices.certainly_cpu("auto")


def test_the_radius_is_that_of_back_projection() -> None:
    assert upscaler._BACK_PROJECTION_RADIUS == RADIUS
