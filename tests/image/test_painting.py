"""Quantisation, transparency, resizing, and their memory use."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from image_samples import ADOBE, P3, SRGB_CURVE, icc_profile, saturated

from wildsr import image
from wildsr.image.alpha import bleed
from wildsr.image.formats import Size
from wildsr.image.libvips import from_array


def test_quantize_rounds_half_to_even_and_clamps() -> None:
    values = torch.tensor([-1.0, 0.0, 0.5 / 255, 1.5 / 255, 2.5 / 255, 1.0, 7.0, 254.4 / 255, 254.6 / 255])
    assert image.quantize(values).tolist() == [0, 0, 0, 2, 2, 255, 255, 254, 255]
    assert image.quantize(values).dtype == torch.uint8
    every = torch.arange(256).float() / 255
    assert torch.equal(image.quantize(every), torch.arange(256).to(torch.uint8))


@pytest.mark.parametrize("depth", ["uint8", "uint16", "float"])
def test_paste(depth: str) -> None:
    rgb = torch.tensor([-0.5, 0.25, 2.0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    expected = {"uint8": [0, 64, 255], "uint16": [0, 16384, 65535], "float": [-1.0, 0.5, 4.0]}[depth]
    with image.Canvas(4, 4, image.Traits(depth=depth, float_scale=2.0)) as canvas:
        canvas.paste(1, 2, rgb)
        assert canvas.pixels[1, 2].tolist() == expected
        assert canvas.pixels[2, 3].tolist() == expected
        assert np.count_nonzero(canvas.pixels.any(-1)) == 4
    with image.Canvas(2, 2, image.Traits(depth="uint8", grey=True)) as canvas:
        canvas.paste(0, 0, torch.tensor([0.1, 0.2, 0.6]).view(3, 1, 1).expand(3, 2, 2).bfloat16())
        assert canvas.pixels.shape == (2, 2, 1)
        assert canvas.pixels[0, 0, 0] in (76, 77)


def test_tiles_equal_the_whole_with_a_profile() -> None:
    traits = image.Traits(profile=icc_profile(ADOBE, (563 / 256,)), convert=True)
    rgb = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(5)) * 1.4 - 0.2
    with image.Canvas(16, 16, traits) as whole, image.Canvas(16, 16, traits) as tiled:
        whole.paste(0, 0, rgb)
        for top in range(0, 16, 5):
            for left in range(0, 16, 5):
                tiled.paste(top, left, rgb[..., top : top + 5, left : left + 5])
        np.testing.assert_array_equal(whole.pixels, tiled.pixels)


def test_transparent_colours_come_from_the_neighbourhood(tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)  # black and invisible
    pixels[20:40, 10:30] = [200, 100, 50, 255]
    pixels[20:40, 30:34] = [200, 100, 50, 3]
    pixels[5, 60] = [0, 255, 0, 255]
    from_array(pixels, "srgb").pngsave(str(tmp_path / "a.png"))
    decoded = image.read(tmp_path / "a.png")
    levels = image.quantize(decoded.rgb)[0].permute(1, 2, 0).numpy()
    visible = pixels[..., 3] > 0
    np.testing.assert_array_equal(levels[visible], pixels[visible][:, :3])
    np.testing.assert_array_equal(image.quantize(decoded.alpha)[0, 0].numpy(), pixels[..., 3])
    beside = [levels[19, 20], levels[40, 20], levels[30, 9], levels[45, 15], levels[63, 0]]
    for colour in beside:
        assert np.abs(colour.astype(int) - [200, 100, 50]).max() <= 60
    assert levels[..., 0][~visible].max() <= 200
    assert levels[4, 61, 1] > 150


def test_bleed_leaves_the_rest_alone() -> None:
    rgb = torch.rand(1, 3, 7, 5, generator=torch.Generator().manual_seed(1))
    for constant in (0.0, 0.4, 1.0):
        assert bleed(rgb, torch.full((1, 1, 7, 5), constant)) is rgb
    one = torch.zeros(1, 1, 7, 5)
    one[..., 3, 2] = 0.5
    torch.testing.assert_close(bleed(rgb, one), rgb[..., 3:4, 2:3].expand_as(rgb))


@pytest.mark.parametrize("depth", ["uint8", "uint16", "float"])
@pytest.mark.parametrize("level", [0, 1, 77, 254, 255])
def test_constant_alpha_stays_constant(tmp_path: Path, depth: str, level: int) -> None:
    alpha = torch.full((1, 1, 7, 9), level / 255)
    with image.Canvas(28, 36, image.Traits(depth=depth)) as canvas:
        for size in (None, Size(23, 31), Size(50, 41)):
            out = image.render(canvas, alpha=alpha, size=size)
            white = {"uint8": 255, "uint16": 65535, "float": 1}[depth]
            assert len(np.unique(out[..., 3])) == 1
            assert out[0, 0, 3] == pytest.approx(level / 255 * white, abs=1e-6)
        image.write(tmp_path / "a.tif", canvas, alpha=alpha)
    assert image.read(tmp_path / "a.tif").alpha.unique().tolist() == pytest.approx([level / 255], abs=1e-4)


def test_alpha_is_enlarged_in_register() -> None:
    alpha = torch.zeros(1, 1, 16, 16)
    alpha[..., 8:] = 1
    with image.Canvas(64, 64, image.Traits()) as canvas:
        plane = image.render(canvas, alpha=alpha)[..., 3].astype(float)
    assert plane[:, :28].max() <= 255 * 0.02
    assert plane[:, 36:].min() >= 255 * 0.98
    np.testing.assert_allclose(plane[30, 24:40] + plane[30, 24:40][::-1], 255, atol=1)
    expected = (
        torch.nn.functional.interpolate(alpha, scale_factor=4, mode="bicubic").clamp(0, 1)[0, 0].numpy() * 255
    )
    assert np.abs(plane - expected).max() < 30
    assert np.abs(plane - expected).mean() < 1.5


def test_alpha_in_files(tmp_path: Path) -> None:
    soft = torch.linspace(0, 1, 64).view(1, 1, 8, 8)
    with image.Canvas(32, 32, image.Traits()) as canvas:
        canvas.paste(0, 0, torch.full((3, 32, 32), 0.5))
        for suffix in (".png", ".webp", ".tif", ".avif", ".gif"):
            image.write(tmp_path / f"a{suffix}", canvas, alpha=soft)
            assert image.read(tmp_path / f"a{suffix}").alpha is not None
        with pytest.raises(image.ImageError, match="cannot hold the transparency"):
            image.write(tmp_path / "a.jpg", canvas, alpha=soft)
        image.write(tmp_path / "a.jpg", canvas, alpha=torch.ones(1, 1, 8, 8))
    assert image.read(tmp_path / "a.jpg").alpha is None


@pytest.mark.parametrize("size", [Size(30, 50), Size(64, 64), Size(97, 31), Size(1, 1), Size(200, 101)])
@pytest.mark.parametrize("depth", ["uint8", "uint16", "float"])
def test_size_is_met_and_flat_areas_stay_flat(depth: str, size: Size) -> None:
    with image.Canvas(64, 64, image.Traits(depth=depth)) as canvas:
        canvas.paste(0, 0, torch.full((3, 64, 64), 0.6))
        before = canvas.pixels[0, 0, 0]
        out = image.render(canvas, size=size)
    assert out.shape == (size.height, size.width, 3)
    np.testing.assert_allclose(out, before, rtol=1e-6)


def test_crop_keeps_the_centre(tmp_path: Path) -> None:
    ramp = torch.linspace(0, 1, 9).expand(1, 3, 7, 9)
    with image.Canvas(7, 9, image.Traits()) as canvas:
        canvas.paste(0, 0, ramp)
        image.write(tmp_path / "a.png", canvas, alpha=ramp[:, :1], crop=Size(5, 3))
        rendered = image.render(canvas, crop=Size(5, 3))
    cut = image.read(tmp_path / "a.png")
    assert cut.size == (5, 3)
    torch.testing.assert_close(cut.rgb, ramp[..., :3, 2:7], atol=1 / 255, rtol=0)
    assert cut.alpha is not None
    torch.testing.assert_close(cut.alpha, ramp[:, :1, :3, 2:7], atol=1 / 255, rtol=0)
    np.testing.assert_array_equal(rendered, (cut.rgb[0] * 255).round().permute(1, 2, 0).numpy())


def test_profile_is_converted_away_where_it_cannot_go(tmp_path: Path) -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[:] = [200, 120, 100]
    source = from_array(red, "srgb").copy()
    from wildsr.image.color import with_profile

    with_profile(source, icc_profile(P3, SRGB_CURVE)).pngsave(str(tmp_path / "p3.png"))
    grey = np.ascontiguousarray(red[..., :1])
    with_profile(from_array(grey, "b-w"), icc_profile(None, (1.0,))).pngsave(str(tmp_path / "grey.png"))
    for name, target in (("p3.png", "a.gif"), ("grey.png", "b.gif"), ("grey.png", "b.webp")):
        decoded = image.read(tmp_path / name)
        assert decoded.traits.convert
        with image.Canvas(16, 16, decoded.traits) as canvas:
            canvas.paste(0, 0, decoded.rgb)
            image.write(tmp_path / target, canvas)
        back = image.read(tmp_path / target)
        assert back.traits.profile is None
        torch.testing.assert_close(back.rgb, decoded.rgb.clamp(0, 1), atol=2.5 / 255, rtol=0)


def test_opaque_and_saturated_survive_scaling(tmp_path: Path) -> None:
    pixels = saturated(np.uint8)
    from_array(pixels, "srgb").pngsave(str(tmp_path / "a.png"))
    decoded = image.read(tmp_path / "a.png")
    doubled = decoded.rgb.repeat_interleave(2, -1).repeat_interleave(2, -2)
    with image.Canvas(80, 96, decoded.traits) as canvas:
        canvas.paste(0, 0, doubled)
        image.write(tmp_path / "b.png", canvas)
    assert torch.equal(image.read(tmp_path / "b.png").rgb[..., ::2, ::2], decoded.rgb)


def test_hundred_megapixels_take_little_more_than_the_canvas(tmp_path: Path) -> None:
    code = f"""
import json, resource, torch
from wildsr import image
image.write  # everything imported before the count
from wildsr.image import writer
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
piece = torch.rand(3, 64, 6000)
with image.Canvas(64, 64, image.Traits()) as warm: image.write({str(tmp_path / "w.png")!r}, warm)
before = peak()
with image.Canvas(4000, 6000, image.Traits()) as canvas:
    for top in range(0, 3968, 64): canvas.paste(top, 0, piece)
    painted = peak()
    image.write({str(tmp_path / "a.png")!r}, canvas, alpha=torch.rand(1, 1, 100, 150), size=(5000, 3500))
print(json.dumps([painted - before, peak() - before]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    painted, written = json.loads(done.stdout)
    canvas = 4000 * 6000 * 3 / 2**20
    assert painted < canvas + 30
    assert written < canvas + 120
    assert image.probe(tmp_path / "a.png") == (5000, 3500)
