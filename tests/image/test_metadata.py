"""Metadata: kept across formats, with orientation applied, and never outdated."""

import multiprocessing
import struct
from pathlib import Path

import numpy as np
import pytest
import pyvips
from image_samples import P3, SRGB_CURVE, Copy, icc_profile
from PIL import Image, ImageOps

from wildsr import image
from wildsr.image.color import profile_of
from wildsr.image.metadata import LONGEST_FIELD, clean_photoshop, clean_xmp

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/" '
    b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" tiff:Orientation="6" '
    b'exif:PixelXDimension="48" dc:rights="mine"><xmp:Thumbnails><rdf:Alt>AAAA</rdf:Alt></xmp:Thumbnails>'
    b"<tiff:ImageWidth>48</tiff:ImageWidth></rdf:Description></rdf:RDF></x:xmpmeta>"
)


def exif(orientation: int) -> bytes:
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "Maker of cameras"
    details = tags.get_ifd(0x8769)
    details[0x9003] = "2020:02:02 20:20:02"
    details[0xA002], details[0xA003] = 48, 40
    tags.get_ifd(0x8825)[1] = "N"
    return tags.tobytes()


@pytest.fixture
def scene(photograph: np.ndarray) -> Image.Image:
    return Image.fromarray(photograph[:40, :48])


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_baked_in(
    tmp_path: Path, copy: Copy, scene: Image.Image, orientation: int, suffix: str
) -> None:
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    options = {"quality": 100, "subsampling": 0} if suffix == ".jpg" else {}
    if suffix == ".webp":
        options = {"lossless": True}
    scene.save(source, exif=exif(orientation), **options)
    upright = ImageOps.exif_transpose(Image.open(source)).convert("RGB")
    assert image.probe(source) == upright.size
    decoded = copy(source, target)
    assert decoded.size == upright.size
    out = Image.open(target)
    assert out.size == upright.size
    assert out.getexif().get(0x0112, 1) == 1
    difference = np.abs(np.asarray(out, float) - np.asarray(upright, float))
    assert difference.max() <= (0 if suffix != ".jpg" else 24)
    assert difference.mean() < 4


@pytest.mark.parametrize("target_suffix", [".jpg", ".png", ".webp", ".avif"])
@pytest.mark.parametrize("source_suffix", [".jpg", ".png", ".webp"])
def test_exif_xmp_and_profile_cross_formats(
    tmp_path: Path, scene: Image.Image, source_suffix: str, target_suffix: str
) -> None:
    profile = icc_profile(P3, SRGB_CURVE)
    source, target = tmp_path / f"in{source_suffix}", tmp_path / f"out{target_suffix}"
    xmp = {"xmp": XMP} if source_suffix != ".png" else {}
    scene.save(source, exif=exif(6), icc_profile=profile, **xmp)
    decoded = image.read(source)
    with image.Canvas(96, 80, decoded.traits) as canvas:
        image.write(target, canvas)
    out = Image.open(target)
    assert out.size == (80, 96)
    tags = out.getexif()
    assert tags[0x010F] == "Maker of cameras"
    assert tags.get(0x0112, 1) == 1
    details = tags.get_ifd(0x8769)
    assert details[0x9003] == "2020:02:02 20:20:02"
    assert (details[0xA002], details[0xA003]) == (80, 96)
    assert tags.get_ifd(0x8825)[1] == "N"
    assert out.info["icc_profile"] == profile
    if xmp:
        packet = pyvips.Image.new_from_file(str(target)).get("xmp-data")
        assert b'dc:rights="mine"' in packet
        assert b'tiff:Orientation="1"' in packet
        assert b"Thumbnails" not in packet
        assert b"PixelXDimension" not in packet


def test_jpeg_to_tiff_keeps_what_libvips_can(tmp_path: Path, copy: Copy, scene: Image.Image) -> None:
    profile = icc_profile(P3, SRGB_CURVE)
    scene.save(tmp_path / "in.jpg", exif=exif(1), icc_profile=profile, xmp=XMP, dpi=(300, 300))
    copy(tmp_path / "in.jpg", tmp_path / "out.tif")
    out = pyvips.Image.tiffload(str(tmp_path / "out.tif"))
    assert profile_of(out) == profile
    assert b'dc:rights="mine"' in out.get("xmp-data")
    assert Image.open(tmp_path / "out.tif").info["dpi"] == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("target", ["out.jpg", "out.png", "out.tif"])
@pytest.mark.parametrize("source", ["in.jpg", "in.png", "in.tif"])
def test_resolution_is_kept(tmp_path: Path, copy: Copy, scene: Image.Image, source: str, target: str) -> None:
    scene.save(tmp_path / source, dpi=(240, 300))
    copy(tmp_path / source, tmp_path / target)
    out = pyvips.Image.new_from_file(str(tmp_path / target))
    assert (out.xres * 25.4, out.yres * 25.4) == pytest.approx((240, 300), abs=1)


def test_thumbnail_is_dropped(tmp_path: Path, copy: Copy, scene: Image.Image) -> None:
    import io

    small = io.BytesIO()
    scene.resize((16, 12)).save(small, "JPEG")
    thumbnail = small.getvalue()
    ifd1_at = 8 + 2 + 12 + 4
    data_at = ifd1_at + 2 + 2 * 12 + 4
    block = b"Exif\0\0MM\0*" + struct.pack(">I", 8)
    block += struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, 1, 0, ifd1_at)
    block += struct.pack(">HHHII", 2, 0x0201, 4, 1, data_at)
    block += struct.pack(">HHIII", 0x0202, 4, 1, len(thumbnail), 0) + thumbnail
    scene.save(tmp_path / "in.jpg", exif=block)
    assert pyvips.Image.jpegload(str(tmp_path / "in.jpg")).get_typeof("jpeg-thumbnail-data")
    copy(tmp_path / "in.jpg", tmp_path / "out.jpg")
    out = pyvips.Image.jpegload(str(tmp_path / "out.jpg"))
    assert not out.get_typeof("jpeg-thumbnail-data")
    assert (tmp_path / "out.jpg").read_bytes().count(b"\xff\xd8\xff") == 1


def test_iptc_is_kept(tmp_path: Path, copy: Copy, scene: Image.Image) -> None:
    caption = b"\x1c\x02\x78\0\x05hello"
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(caption)) + caption
    thumbnail = b"8BIM\x04\x0c\0\0" + struct.pack(">I", 6) + b"jpegxx"
    block = b"Photoshop 3.0\0" + thumbnail + resource
    scene.save(tmp_path / "plain.jpg")
    plain = (tmp_path / "plain.jpg").read_bytes()
    (tmp_path / "in.jpg").write_bytes(
        plain[:2] + b"\xff\xed" + struct.pack(">H", len(block) + 2) + block + plain[2:]
    )
    copy(tmp_path / "in.jpg", tmp_path / "out.jpg")
    kept = pyvips.Image.jpegload(str(tmp_path / "out.jpg")).get("iptc-data")
    assert caption in kept
    assert b"jpegxx" not in kept


def test_clean_photoshop_leaves_the_rest() -> None:
    named = b"8BIM\x03\xed\x03abc" + struct.pack(">I", 3) + b"xyz\0"
    thumbnail = b"8BIM\x04\x0c\0\0" + struct.pack(">I", 2) + b"tt"
    assert clean_photoshop(named + thumbnail + named + b"tail") == named + named + b"tail"
    assert clean_photoshop(b"\x1c\x02raw iptc") == b"\x1c\x02raw iptc"
    assert clean_photoshop(b"") == b""


def test_clean_xmp_stays_well_formed() -> None:
    from xml.etree import ElementTree

    ElementTree.fromstring(XMP.decode())
    cleaned = clean_xmp(XMP)
    root = ElementTree.fromstring(cleaned.decode())
    assert "mine" in ElementTree.tostring(root, "unicode")
    assert b"<tiff:ImageWidth>" not in cleaned
    assert clean_xmp(b'<a hdrgm:Version="1.0" b="2"/>') == b'<a b="2"/>'
    assert clean_xmp(b"<tiff:Orientation>8</tiff:Orientation>") == b"<tiff:Orientation>1</tiff:Orientation>"


@pytest.mark.parametrize("orientation", [1, 3, 6, 7])
def test_heic(tmp_path: Path, copy: Copy, scene: Image.Image, orientation: int) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    profile = icc_profile(P3, SRGB_CURVE)
    pillow_heif.register_heif_opener()
    xmp = XMP.replace(b'Orientation="6"', b'Orientation="%d"' % orientation)
    # Written as cameras do: pixels as they lie on the sensor, turned by the container, EXIF saying the same.
    scene.save(tmp_path / "in.heic", quality=90, exif=exif(orientation), xmp=xmp, icc_profile=profile)
    expected = np.asarray(pillow_heif.open_heif(tmp_path / "in.heic").to_pillow(), float)
    assert image.probe(tmp_path / "in.heic") == (expected.shape[1], expected.shape[0])
    decoded = copy(tmp_path / "in.heic", tmp_path / "out.jpg")
    assert decoded.size == (expected.shape[1], expected.shape[0])
    assert decoded.traits.format == "heic"
    assert decoded.traits.depth == "uint8"
    out = Image.open(tmp_path / "out.jpg")
    tags = out.getexif()
    assert tags.get(0x0112, 1) == 1
    assert tags[0x010F] == "Maker of cameras"
    assert out.info["icc_profile"] == profile
    assert b'dc:rights="mine"' in out.info["xmp"]
    assert np.abs(np.asarray(out, float) - expected).mean() < 2
    upright = np.asarray(ImageOps.exif_transpose(_tagged(scene, orientation)), float)
    assert np.abs(expected - upright).mean() < 12


def _tagged(decoded: Image.Image, orientation: int) -> Image.Image:
    decoded = decoded.copy()
    decoded.getexif()[0x0112] = orientation
    return decoded


def test_deep_heic(tmp_path: Path, copy: Copy) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16)[None, :, None], (64, 1, 3))
    pillow_heif.from_bytes("RGB;16", (64, 64), np.ascontiguousarray(ramp).tobytes()).save(
        tmp_path / "in.heic", quality=95
    )
    decoded = copy(tmp_path / "in.heic", tmp_path / "out.png")
    assert decoded.traits.depth == "uint16"
    assert decoded.traits.bits == 10
    out = pyvips.Image.pngload(str(tmp_path / "out.png")).numpy()
    assert out.dtype == np.uint16
    assert out.max() > 65535 * 0.99
    assert np.abs(out.astype(int) - ramp).mean() < 65535 * 0.01


def test_heic_without_its_package(
    tmp_path: Path, scene: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(scene).save(tmp_path / "in.heic")
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(image.ImageError, match=r"pip install 'wildsr\[heic\]'"):
        image.read(tmp_path / "in.heic")
    assert image.probe(tmp_path / "in.heic") == (48, 40)


def test_xmp_takes_linear_time() -> None:
    """Any of these megabytes took hours with patterns that scan to the end from every tag."""
    packets = [
        b"<tiff:Orientation " * 60_000,
        b"<xmp:Thumbnails>" * 60_000,
        b"<tiff:ImageWidth " * 60_000,
        b"".join(b"<hdrgm:n%d>" % index for index in range(90_000)),
        b"<tiff:ImageWidth>" * 30_000 + b"</tiff:ImageLength>" * 30_000,
        b" exif:PixelXDimension='" * 45_000,
        b" tiff:Orientation" + b" " * 1_000_000,
    ]
    # A process, because matching holds the interpreter's lock.
    work = multiprocessing.get_context("spawn").Process(target=_clean_all, args=(packets,))
    work.start()
    work.join(120)
    work.kill()
    assert work.exitcode == 0


def _clean_all(packets: list[bytes]) -> None:
    for packet in packets:
        clean_xmp(packet)


def test_xmp_elements_end_at_their_first_closing_tag() -> None:
    packet = b"a<tiff:ImageWidth>4</tiff:ImageWidth>b<tiff:ImageWidth x='1'>5</tiff:ImageWidth>c<tiff:ImageLength>d"
    assert clean_xmp(packet) == b"abc<tiff:ImageLength>d"
    assert clean_xmp(b"<tiff:ImageWidth/><hdrgm:a>1</hdrgm:b></hdrgm:a>2") == b"<tiff:ImageWidth/>2"


def test_large_metadata_is_left_out_with_a_note(tmp_path: Path, scene: Image.Image) -> None:
    path = tmp_path / "in.webp"
    scene.save(path, xmp=XMP + b" " * LONGEST_FIELD)
    read = image.read(path)
    assert "xmp-data" not in dict(read.traits.metadata)
    assert any("xmp-data" in note for note in read.traits.notes)
