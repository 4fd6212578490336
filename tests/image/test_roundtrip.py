"""Files are read and written back with the same depth, channels and values."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from image_samples import ADOBE, P3, PROPHOTO, SRGB, SRGB_CURVE, Copy, icc_profile, saturated
from PIL import Image

from wildsr import image
from wildsr.image import profile as profiles
from wildsr.image.color import profile_of, with_profile
from wildsr.image.libvips import from_array, to_array

KINDS = {1: "b-w", 2: "b-w", 3: "srgb", 4: "srgb"}
DEEP_KINDS = {1: "grey16", 2: "grey16", 3: "rgb16", 4: "rgb16"}


def vips_image(pixels: np.ndarray, profile: bytes | None = None) -> object:
    kinds = KINDS if pixels.dtype == np.uint8 else DEEP_KINDS
    return with_profile(from_array(pixels, kinds[pixels.shape[2]]), profile)


def load(path: Path) -> object:
    import pyvips

    loader = {
        ".png": "pngload",
        ".tif": "tiffload",
        ".webp": "webpload",
        ".jpg": "jpegload",
        ".avif": "heifload",
    }
    return getattr(pyvips.Image, loader[path.suffix])(str(path))


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_identity_is_exact(tmp_path: Path, copy: Copy, dtype: type, channels: int, suffix: str) -> None:
    pixels = saturated(dtype, channels)
    if channels in (2, 4):
        pixels[..., -1] |= 1  # colour under full transparency is replaced on purpose
    source, target = tmp_path / "in.png", tmp_path / f"out{suffix}"
    vips_image(pixels).pngsave(str(source))
    decoded = copy(source, target)
    assert decoded.rgb.shape == (1, 3, 40, 48)
    assert decoded.rgb.dtype == torch.float32
    assert decoded.rgb.is_contiguous()
    assert (decoded.rgb.min(), decoded.rgb.max()) == (0, 1)
    assert decoded.traits.depth == dtype.__name__
    assert decoded.traits.grey == (channels < 3)
    assert (decoded.alpha is not None) == (channels in (2, 4))
    out = load(target)
    assert out.bands == channels
    assert out.format == {np.uint8: "uchar", np.uint16: "ushort"}[dtype]
    np.testing.assert_array_equal(to_array(out), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    ("colorants", "curve", "convert"),
    [
        (P3, SRGB_CURVE, True),
        (ADOBE, (563 / 256,), True),
        (PROPHOTO, (1.8,), True),
        (SRGB, (1.0,), True),
        (None, (2.2,), True),
        (SRGB, SRGB_CURVE, False),
        (None, SRGB_CURVE, False),
    ],
    ids=["p3", "adobe", "prophoto", "linear", "grey", "srgb", "srgb-grey"],
)
def test_profiles_give_samples_back(
    tmp_path: Path,
    copy: Copy,
    dtype: type,
    colorants: tuple | None,
    curve: tuple[float, ...],
    convert: bool,
) -> None:
    profile = icc_profile(colorants, curve)
    pixels = saturated(dtype, 1 if colorants is None else 3)
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    vips_image(pixels, profile).pngsave(str(source))
    decoded = copy(source, target)
    assert decoded.traits.convert == convert
    assert decoded.traits.notes == ()
    out = load(target)
    assert profile_of(out) == profile
    levels = np.abs(to_array(out).astype(int) - pixels).max()
    # A gamma curve is flat at 0, where single precision ends: the first values of 16 bits may move.
    assert levels <= (0 if not convert or dtype == np.uint8 else 64)


def test_wide_gamut_is_converted_without_clipping(tmp_path: Path) -> None:
    path = tmp_path / "p3.png"
    pixels = np.array([[[255, 0, 0], [0, 255, 0], [128, 128, 128], [255, 255, 255]]], np.uint8)
    vips_image(pixels, icc_profile(P3, SRGB_CURVE)).pngsave(str(path))
    rgb = image.read(path).rgb[0, :, 0].T
    # Display P3 primaries in extended sRGB, as published (W3C css-color-4 sample values).
    torch.testing.assert_close(rgb[0], torch.tensor([1.0930, -0.2267, -0.1501]), atol=2e-3, rtol=0)
    torch.testing.assert_close(rgb[1], torch.tensor([-0.5116, 1.0183, -0.3107]), atol=2e-3, rtol=0)
    torch.testing.assert_close(rgb[2], torch.full((3,), 128 / 255), atol=1e-3, rtol=0)
    torch.testing.assert_close(rgb[3], torch.ones(3), atol=1e-3, rtol=0)


def test_real_world_profile_agrees_with_lcms(tmp_path: Path) -> None:
    import pyvips

    profile = icc_profile(ADOBE, (563 / 256,))
    pixels = np.random.default_rng(0).integers(70, 180, (20, 20, 3)).astype(np.uint8)
    source = vips_image(pixels, profile)
    source.pngsave(str(tmp_path / "a.png"))
    expected = to_array(source.icc_transform("srgb", embedded=True, intent="relative"))
    ours = image.read(tmp_path / "a.png").rgb[0].permute(1, 2, 0).numpy() * 255
    inside = (expected > 0) & (expected < 255)
    assert inside.mean() > 0.9
    assert np.abs(ours - expected)[inside.all(-1)].max() < 1.6
    assert isinstance(source, pyvips.Image)


def test_curves_of_every_kind() -> None:
    x = np.linspace(0, 1, 65536)

    def para(kind: int, *values: float) -> bytes:
        body = b"".join(round(v * 65536).to_bytes(4, "big", signed=True) for v in values)
        return b"para\0\0\0\0" + kind.to_bytes(2, "big") + b"\0\0" + body

    def curv(*values: int) -> bytes:
        return (
            b"curv\0\0\0\0" + len(values).to_bytes(4, "big") + b"".join(v.to_bytes(2, "big") for v in values)
        )

    cases = [
        (curv(), x),
        (curv(461), x ** (461 / 256)),
        (curv(0, 16384, 65535), np.interp(x, [0, 0.5, 1], [0, 16384 / 65535, 1])),
        (para(0, 2), x**2),
        (para(1, 2, 2, -1), np.where(x >= 0.5, (2 * x - 1).clip(0) ** 2, 0)),
        (para(2, 2, 1, -0.5, 0.25), np.where(x >= 0.5, (x - 0.5).clip(0) ** 2 + 0.25, 0.25)),
        (para(3, 2, 1, 0, 0.5, 0.5), np.where(x >= 0.5, x**2, 0.5 * x)),
        (
            para(4, 2, 0.5, 0, 0.25, 0.5, 0.25, 0.125),
            np.where(x >= 0.5, (0.5 * x) ** 2 + 0.25, 0.25 * x + 0.125),
        ),
    ]
    for tag, expected in cases:
        np.testing.assert_allclose(profiles._curve(tag), expected, atol=2e-5)
    for tag in (b"text....", para(5, 1), curv(65535, 0)):
        with pytest.raises(ValueError):
            profiles._curve(tag)


@pytest.mark.parametrize(
    "profile",
    [
        b"nonsense",
        icc_profile(P3, SRGB_CURVE)[:400],
        icc_profile(None, (2.2,)),
        icc_profile(P3, SRGB_CURVE)[:131],
    ],
    ids=["nonsense", "cut", "grey-in-rgb", "header"],
)
def test_broken_profile_is_told_and_left_out(tmp_path: Path, copy: Copy, profile: bytes) -> None:
    pixels = saturated(np.uint8)
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    tifffile.imwrite(source, pixels, photometric="rgb", extratags=[(34675, 7, len(profile), profile, True)])
    decoded = copy(source, target)
    assert any("ICC profile is broken" in note for note in decoded.traits.notes)
    out = load(target)
    assert profile_of(out) is None
    np.testing.assert_array_equal(to_array(out), pixels)


def test_table_profile_is_kept_and_colours_untouched(tmp_path: Path, copy: Copy) -> None:
    profile = icc_profile(P3, SRGB_CURVE).replace(b"desc", b"A2B0", 1)
    pixels = saturated(np.uint8)
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    tifffile.imwrite(source, pixels, photometric="rgb", extratags=[(34675, 7, len(profile), profile, True)])
    decoded = copy(source, target)
    assert "made of tables" in decoded.traits.notes[0]
    out = load(target)
    assert profile_of(out) == profile
    np.testing.assert_array_equal(to_array(out), pixels)


@pytest.mark.parametrize("top", [0.8, 1.0, 37.5])
@pytest.mark.parametrize("grey", [False, True])
def test_float_survives(tmp_path: Path, copy: Copy, top: float, grey: bool) -> None:
    samples = np.random.default_rng(3).random((20, 30) if grey else (20, 30, 3)).astype(np.float32)
    samples *= top / samples.max()
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    tifffile.imwrite(source, samples, photometric="minisblack" if grey else "rgb")
    decoded = copy(source, target)
    assert decoded.traits.depth == "float"
    assert float(decoded.rgb.max()) == pytest.approx(min(top, 1.0))
    out = tifffile.imread(target)
    assert out.dtype == np.float32
    assert out.shape == samples.shape
    np.testing.assert_allclose(out, samples, rtol=1e-6)


def test_float_to_png_is_sixteen_bits(tmp_path: Path, copy: Copy) -> None:
    samples = np.random.default_rng(3).random((20, 30, 3)).astype(np.float32)
    samples *= 8 / samples.max()
    tifffile.imwrite(tmp_path / "in.tif", samples, photometric="rgb")
    copy(tmp_path / "in.tif", tmp_path / "out.png")
    out = to_array(load(tmp_path / "out.png"))
    assert out.dtype == np.uint16
    np.testing.assert_allclose(out, samples / 8 * 65535, atol=0.51)


def test_nan_is_replaced_and_told(tmp_path: Path) -> None:
    samples = np.full((8, 8, 3), 0.5, np.float32)
    samples[0, 0] = [np.nan, np.inf, -np.inf]
    tifffile.imwrite(tmp_path / "in.tif", samples, photometric="rgb")
    decoded = image.read(tmp_path / "in.tif")
    assert decoded.rgb[0, :, 0, 0].tolist() == [0.0, 0.5, 0.5]
    assert decoded.traits.notes == ("3 samples were NaN or infinite and were replaced",)
    samples[:] = np.nan
    tifffile.imwrite(tmp_path / "in.tif", samples, photometric="rgb")
    with pytest.raises(image.ImageError, match="NaN"):
        image.read(tmp_path / "in.tif")


@pytest.mark.parametrize("dtype", [np.int16, np.uint32, np.float16])
def test_other_sample_types_become_float(tmp_path: Path, copy: Copy, dtype: type) -> None:
    samples = (np.random.default_rng(1).random((10, 12, 3)) * 1000).astype(dtype)
    tifffile.imwrite(tmp_path / "in.tif", samples, photometric="rgb")
    copy(tmp_path / "in.tif", tmp_path / "out.tif")
    np.testing.assert_allclose(tifffile.imread(tmp_path / "out.tif"), samples.astype(np.float32), rtol=1e-6)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("mode", ["1", "P", "L"])
def test_few_levels_and_palettes(tmp_path: Path, copy: Copy, mode: str, suffix: str) -> None:
    pillow = Image.fromarray(saturated(np.uint8)).convert(mode)
    pillow.save(tmp_path / f"in{suffix}")
    decoded = copy(tmp_path / f"in{suffix}", tmp_path / "out.png")
    assert decoded.traits.grey == (mode != "P")
    out = Image.open(tmp_path / "out.png")
    expected = pillow.convert("RGB" if mode == "P" else "L")
    np.testing.assert_array_equal(np.asarray(out), np.asarray(expected))


@pytest.mark.parametrize("bits", [2, 4])
def test_packed_grey_png(tmp_path: Path, bits: int) -> None:
    top = 2**bits - 1
    levels = np.tile(np.arange(top + 1, dtype=np.uint8) * (255 // top), (4, 4))[:, :, None]
    from_array(levels, "b-w").pngsave(str(tmp_path / "in.png"), bitdepth=bits)
    assert load(tmp_path / "in.png").get("bits-per-sample") == bits
    rgb = image.read(tmp_path / "in.png").rgb
    np.testing.assert_array_equal(image.quantize(rgb[0, 0]).numpy(), levels[..., 0])


@pytest.mark.parametrize("suffix", [".tif", ".jpg"])
def test_cmyk_becomes_srgb(tmp_path: Path, suffix: str) -> None:
    inks = np.zeros((16, 32, 4), np.uint8)
    inks[:, 16:, 0] = 255  # paper, then full cyan
    Image.fromarray(inks, "CMYK").save(tmp_path / f"in{suffix}")
    decoded = image.read(tmp_path / f"in{suffix}")
    assert decoded.traits.notes == ("CMYK converted to sRGB",)
    assert decoded.traits.profile is None
    assert not decoded.traits.grey
    assert decoded.rgb[0, :, 8, 8].min() > 0.97
    red, green, blue = decoded.rgb[0, :, 8, 24].tolist()
    assert red < 0.3 < 0.4 < green < blue


def test_cmyk_profile_is_used(tmp_path: Path) -> None:
    import pyvips

    profile = bytes(pyvips.Operation.call("profile_load", "cmyk"))
    inks = saturated(np.uint8, 4)
    with_profile(from_array(inks, "cmyk"), profile).tiffsave(str(tmp_path / "in.tif"))
    assert profile_of(load(tmp_path / "in.tif")) == profile
    with_profile(from_array(inks, "cmyk"), None).tiffsave(str(tmp_path / "bare.tif"))
    with_profile(from_array(inks, "cmyk"), b"nonsense").tiffsave(str(tmp_path / "broken.tif"))
    with_it, without = image.read(tmp_path / "in.tif"), image.read(tmp_path / "bare.tif")
    assert with_it.traits.profile is None
    torch.testing.assert_close(with_it.rgb, without.rgb)
    torch.testing.assert_close(image.read(tmp_path / "broken.tif").rgb, without.rgb)


@pytest.mark.parametrize(("space", "depth"), [("lab", "uint16"), ("labs", "uint16")])
def test_lab_becomes_srgb(tmp_path: Path, space: str, depth: str) -> None:
    pixels = saturated(np.uint8)
    from_array(pixels, "srgb").colourspace(space).tiffsave(str(tmp_path / "in.tif"))
    decoded = image.read(tmp_path / "in.tif")
    assert decoded.traits.depth == depth
    assert decoded.traits.notes == ("Lab converted to sRGB",)
    levels = decoded.rgb[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(levels - pixels).max() < 2


def test_extra_channels_are_left_out(tmp_path: Path) -> None:
    pixels = saturated(np.uint8, 5)
    pixels[..., 3] = 200
    tifffile.imwrite(
        tmp_path / "in.tif", pixels, photometric="rgb", extrasamples=["unassalpha", "unspecified"]
    )
    decoded = image.read(tmp_path / "in.tif")
    assert decoded.traits.notes == ("1 of its 5 channels were left out",)
    assert decoded.alpha is not None
    assert decoded.alpha.unique().tolist() == pytest.approx([200 / 255])


@pytest.mark.parametrize("bits", [10, 12])
def test_deep_avif_keeps_its_bits(tmp_path: Path, copy: Copy, bits: int) -> None:
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16)[None, :, None], (64, 1, 3))
    from_array(np.ascontiguousarray(ramp), "rgb16").heifsave(
        str(tmp_path / "in.avif"), compression="av1", bitdepth=bits, Q=100, subsample_mode="off"
    )
    decoded = copy(tmp_path / "in.avif", tmp_path / "out.avif", quality=100)
    assert decoded.traits.bits == bits
    assert float(decoded.rgb.max()) == pytest.approx(1, abs=0.004)
    out = load(tmp_path / "out.avif")
    assert out.get("bits-per-sample") == bits
    assert np.abs(to_array(out).astype(int) - to_array(load(tmp_path / "in.avif"))).max() < 65535 * 0.01


@pytest.mark.parametrize(
    ("suffix", "tolerance"), [(".jpg", 40), (".webp", 40), (".avif", 40), (".tif", 0), (".png", 0)]
)
@pytest.mark.parametrize("grey", [False, True])
def test_every_format_from_sixteen_bits(
    tmp_path: Path, copy: Copy, photograph: np.ndarray, suffix: str, tolerance: int, grey: bool
) -> None:
    deep = photograph.astype(np.uint16) * 257
    vips_image(np.ascontiguousarray(deep[..., 1:2]) if grey else deep).pngsave(str(tmp_path / "in.png"))
    copy(tmp_path / "in.png", tmp_path / f"out{suffix}")
    back = image.read(tmp_path / f"out{suffix}")
    assert back.traits.depth == ("uint8" if suffix in (".jpg", ".webp") else "uint16")
    assert back.traits.grey == (grey and suffix in (".jpg", ".png", ".tif"))
    levels = back.rgb[0].permute(1, 2, 0).numpy() * 255
    expected = photograph[..., 1:2] if grey else photograph
    difference = np.abs(levels - expected)
    assert difference.max() <= tolerance + 1e-3
    assert difference.mean() < 2


def test_gif(tmp_path: Path, copy: Copy) -> None:
    flat = np.zeros((20, 30, 3), np.uint8)
    flat[:, 15:] = [200, 40, 90]
    frames = [Image.fromarray(flat), Image.fromarray(flat[:, ::-1])]
    frames[0].save(tmp_path / "in.gif", save_all=True, append_images=frames[1:])
    decoded = copy(tmp_path / "in.gif", tmp_path / "out.gif")
    assert decoded.alpha is None
    assert decoded.traits.notes == ("animated: only the first of 2 frames is used",)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.gif").convert("RGB")), flat)


def test_first_of_several(tmp_path: Path) -> None:
    first, second = saturated(np.uint8), np.zeros((40, 48, 3), np.uint8)
    Image.fromarray(first).save(
        tmp_path / "a.webp", save_all=True, append_images=[Image.fromarray(second)], lossless=True
    )
    tifffile.imwrite(tmp_path / "a.tif", np.stack([first, second]), photometric="rgb")
    notes = {
        "a.webp": "animated: only the first of 2 frames is used",
        "a.tif": "only the first of 2 pages is used",
    }
    for name, note in notes.items():
        decoded = image.read(tmp_path / name)
        assert decoded.traits.notes == (note,)
        np.testing.assert_array_equal(image.quantize(decoded.rgb)[0].permute(1, 2, 0).numpy(), first)
        assert image.probe(tmp_path / name) == (48, 40)


@pytest.mark.parametrize("lossless", [True, False])
@pytest.mark.parametrize("alpha", [True, False])
def test_webp_stays_lossless(tmp_path: Path, copy: Copy, lossless: bool, alpha: bool) -> None:
    pixels = saturated(np.uint8, 4 if alpha else 3)
    if alpha:
        pixels[..., 3] |= 1
    from_array(pixels, "srgb").webpsave(str(tmp_path / "in.webp"), lossless=lossless, exact=True)
    decoded = copy(tmp_path / "in.webp", tmp_path / "out.webp")
    assert decoded.traits.lossless == lossless
    same = np.array_equal(to_array(load(tmp_path / "out.webp")), to_array(load(tmp_path / "in.webp")))
    assert same == lossless


def test_bmp_and_ppm(tmp_path: Path) -> None:
    pixels = saturated(np.uint8)
    for name in ("a.bmp", "a.ppm"):
        Image.fromarray(pixels).save(tmp_path / name)
        decoded = image.read(tmp_path / name)
        np.testing.assert_array_equal(image.quantize(decoded.rgb)[0].permute(1, 2, 0).numpy(), pixels)
        assert image.probe(tmp_path / name) == (48, 40)


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    Image.fromarray(saturated(np.uint8)).save(tmp_path / "a.png", "JPEG")
    assert image.read(tmp_path / "a.png").traits.format == "jpeg"
