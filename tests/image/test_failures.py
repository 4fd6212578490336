"""Bad input and unwritable places: a clear error, and existing files stay intact."""

import errno
import os
import shutil
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from image_samples import saturated
from PIL import Image

from wildsr import image
from wildsr.image import canvas as canvas_module
from wildsr.image import writer
from wildsr.image.formats import (
    FORMATS,
    READABLE_SUFFIXES,
    Size,
    default_suffix,
    format_of_suffix,
    output_format,
)
from wildsr.image.libvips import VipsError

TRAITS = image.Traits()


def grey_canvas(height: int = 8, width: int = 8, **traits: object) -> image.Canvas:
    painted = image.Canvas(height, width, image.Traits(**traits))  # type: ignore[arg-type]
    painted.paste(0, 0, torch.full((3, height, width), 0.5))
    return painted


@pytest.mark.parametrize(
    "suffix", [".jpg", ".png", ".webp", ".tif", ".gif", ".avif", ".heic", ".bmp", ".ppm"]
)
@pytest.mark.parametrize("kept", [0.1, 0.6, 0.97])
def test_cut_off(tmp_path: Path, photograph: np.ndarray, suffix: str, kept: float) -> None:
    if suffix == ".heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    path = tmp_path / f"cut{suffix}"
    Image.fromarray(photograph).save(path)
    whole = path.read_bytes()
    assert image.read(path).size == (128, 96)
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(image.ImageError, match=r"cut\.\w+ is damaged or truncated"):
        image.read(path)


def test_not_there(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    for name, text in {
        "missing.png": "does not exist",
        "empty.png": "is empty",
        "folder.png": "is a folder",
        "pipe.png": "not a regular file",
        "nul\0.png": "not a file name",
    }.items():
        for act in (image.read, image.probe):
            with pytest.raises(image.ImageError, match=text):
                act(tmp_path / name)


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(saturated(np.uint8)).save(tmp_path / "a.png")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(image.ImageError, match="cannot be read: no permission"):
        image.read(tmp_path / "a.png")


@pytest.mark.parametrize(
    "content",
    [
        b"just some text\n" * 20,
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        b"1,2,3\n4,5,6\n",
        b"\x08\xf2\xa6\xb6" + b"\0" * 200,
        b"\0\0\0\x1cftypmp42\0\0\0\0mp42isom" + b"\0" * 200,
        b"\0" * 4096,
        b"RIFF\0\0\0\0WAVEfmt ",
        b"BM",
        b"\xff\xd8",
    ],
    ids=["text", "pdf", "svg", "csv", "vips", "video", "zeros", "wave", "short-bmp", "short-jpeg"],
)
def test_not_a_image(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(image.ImageError, match=r"a\.png is not an image that wildsr reads \(JPEG, PNG"):
        image.read(tmp_path / "a.png")


def test_garbage_after_a_true_signature(tmp_path: Path) -> None:
    signatures = {
        "jpeg": b"\xff\xd8\xff\xe0",
        "png": b"\x89PNG\r\n\x1a\n",
        "webp": b"RIFF\x40\0\0\0WEBPVP8 ",
        "tiff": b"II*\0",
        "gif": b"GIF89a",
        "avif": b"\0\0\0\x14ftypavif\0\0\0\0",
        "heic": b"\0\0\0\x14ftypheic\0\0\0\0",
        "bmp": b"BM" + b"\0" * 12,
        "ppm": b"P6\n",
    }
    assert signatures.keys() == FORMATS.keys()
    noise = np.random.default_rng(0).bytes(400)
    for name, signature in signatures.items():
        path = tmp_path / f"{name}.png"
        path.write_bytes(signature + noise)
        with pytest.raises(image.ImageError, match="damaged or truncated"):
            image.read(path)


def test_raw_files_are_not_read_as_their_preview(tmp_path: Path) -> None:
    Image.fromarray(saturated(np.uint8)).save(tmp_path / "a.NEF", "TIFF")
    with pytest.raises(image.ImageError, match="raw camera file"):
        image.read(tmp_path / "a.NEF")


def test_decompression_bomb(tmp_path: Path) -> None:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    for act in (image.read, image.probe):
        with pytest.raises(image.ImageError, match=r"claims 100000x100000 pixels; .* at most 536 million"):
            act(tmp_path / "bomb.png")


def test_too_many_channels(tmp_path: Path) -> None:
    """A TIFF of 10 KB with 300 channels took 800 MB."""
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((300, 40, 40), np.uint8), compression="zlib", planarconfig="separate"
    )
    for act in (image.read, image.probe):
        with pytest.raises(image.ImageError, match="claims 300 channels"):
            act(tmp_path / "a.tif")


def test_nothing_is_printed(tmp_path: Path) -> None:
    Image.fromarray(saturated(np.uint8)).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    code = (
        f"from wildsr import image\ntry: image.read({str(tmp_path / 'a.jpg')!r})\n"
        "except image.ImageError: print('told')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("told\n", "")


def test_formats_load_nothing_heavy() -> None:
    code = (
        "import sys; import wildsr.image.formats; from wildsr.image import ImageError, Size; "
        "print(sorted({'torch', 'numpy', 'pyvips'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_table_is_consistent() -> None:
    for name, form in FORMATS.items():
        assert form.name == name
        assert FORMATS[form.output].writable
        assert bool(form.depths) == form.writable
        assert {format_of_suffix("x" + s) for s in form.suffixes} == {form}
    assert {".jpg", ".heic", ".tif", ".bmp"} <= READABLE_SUFFIXES
    assert not FORMATS["heic"].writable
    assert [default_suffix(p) for p in ("a.JPEG", "a.HEIC", "a.bmp", "a.webp", "a.gif", "a")] == [
        ".jpeg",
        ".jpg",
        ".png",
        ".webp",
        ".png",
        ".png",
    ]
    assert output_format("a.png", "jpg").name == "jpeg"
    assert image.Traits(depth="float").fitted(FORMATS["png"]).depth == "uint16"
    assert image.Traits(depth="uint16").fitted(FORMATS["jpeg"]).depth == "uint8"
    assert image.Traits(depth="uint8").fitted(FORMATS["tiff"]).depth == "uint8"


@pytest.mark.parametrize(
    ("name", "size", "options", "text"),
    [
        ("a.xyz", (9, 9), {}, "Cannot tell the format"),
        ("a", (9, 9), {}, "Cannot tell the format"),
        ("a.heic", (9, 9), {}, "reads HEIC but does not write it"),
        ("a.png", (9, 9), {"format": "docx"}, "'docx' is not a format"),
        ("a.jpg", (65536, 9), {}, "JPEG holds at most 65500 pixels a side and the result has 65536x9"),
        ("a.webp", (9, 16384), {}, "WebP holds at most 16383"),
        ("a.avif", (16385, 9), {}, "AVIF holds at most 16384"),
        ("a.gif", (65536, 9), {}, "GIF holds at most 65535"),
        ("a.jpg", (9, 9), {"alpha": True}, "JPEG cannot hold the transparency"),
        ("a.jpg", (9, 9), {"quality": 0}, "Quality goes from 1 to 100"),
        ("a.jpg", (0, 9), {}, "pixels is empty"),
        ("none/a.jpg", (9, 9), {}, "does not exist"),
        ("folder.png", (9, 9), {}, "a folder of that name"),
    ],
)
def test_early_checks(tmp_path: Path, name: str, size: tuple[int, int], options: dict, text: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(image.ImageError, match=text):
        image.check_writable(tmp_path / name, Size(*size), **options)


def test_limits_are_those_of_the_encoders(tmp_path: Path) -> None:
    for suffix in (".jpg", ".webp", ".avif"):
        side = FORMATS[output_format("x" + suffix).name].max_side
        with image.Canvas(1, side, TRAITS) as canvas:
            image.write(tmp_path / f"a{suffix}", canvas)
        assert image.probe(tmp_path / f"a{suffix}") == (side, 1)
        with image.Canvas(1, side + 1, TRAITS) as canvas, pytest.raises(image.ImageError, match="at most"):
            image.write(tmp_path / f"a{suffix}", canvas)


def test_folder_and_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"old")
    allowed = {tmp_path: True, tmp_path / "a.png": False}
    monkeypatch.setattr(os, "access", lambda path, _mode: allowed[Path(path)])
    with pytest.raises(image.ImageError, match="write-protected"):
        image.check_writable(tmp_path / "a.png", Size(9, 9))
    allowed[tmp_path] = False
    with pytest.raises(image.ImageError, match="no permission to write in the folder"):
        image.check_writable(tmp_path / "a.png", Size(9, 9))


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), VipsError("boom"), OSError(5, "Input/output error")])
def test_old_file_survives_any_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"precious")

    def fail(_image: object, path: Path, *_: object) -> None:
        path.write_bytes(b"half")
        raise stop

    monkeypatch.setattr(writer, "encode", fail)
    expected = KeyboardInterrupt if isinstance(stop, KeyboardInterrupt) else image.ImageError
    with grey_canvas() as canvas, pytest.raises(expected):
        image.write(target, canvas)
    assert target.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".webp"])
def test_no_room_for_the_file(tmp_path: Path, suffix: str) -> None:
    """The encoder's writes really fail: the process may not write files above 10 kB."""
    code = f"""
import resource, torch
from wildsr import image
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
with image.Canvas(300, 300, image.Traits()) as canvas:
    canvas.paste(0, 0, torch.rand(3, 300, 300))
    try: image.write({str(tmp_path / ("a" + suffix))!r}, canvas)
    except image.ImageError as error: print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"Cannot write {tmp_path / ('a' + suffix)}: ")
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise VipsError(
            "unable to call pngsave", "target: write error\nunix error: No space left on device\n"
        )

    monkeypatch.setattr(writer, "encode", fail)
    with grey_canvas() as canvas, pytest.raises(image.ImageError, match="the disk is full"):
        image.write(tmp_path / "a.png", canvas)


def test_another_error_is_not_called_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some file systems, such as /proc, always report no free space."""
    usage = shutil.disk_usage(tmp_path)._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    def fail(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(writer, "encode", fail)
    with grey_canvas() as canvas, pytest.raises(image.ImageError, match="Permission denied"):
        image.write(tmp_path / "a.png", canvas)


def test_permissions_and_links(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "a.png").write_bytes(b"old")
    (real / "a.png").chmod(0o640)
    (tmp_path / "link.png").symlink_to(real / "a.png")
    with grey_canvas() as canvas:
        image.write(tmp_path / "link.png", canvas)
        image.write(tmp_path / "new.png", canvas)
    assert (tmp_path / "link.png").is_symlink()
    assert image.probe(real / "a.png") == (8, 8)
    assert (real / "a.png").stat().st_mode & 0o777 == 0o640
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "new.png").stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize(
    "name", ["mit Leerzeichen [1].png", "写真 ümläut.jpg", "a,b=c[page=2].tif", "'quote'.webp"]
)
def test_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "Ördner 写真"
    folder.mkdir()
    with grey_canvas() as canvas:
        image.write(folder / name, canvas)
    assert [path.name for path in folder.iterdir()] == [name]
    assert image.read(folder / name).rgb.mean() == pytest.approx(0.5, abs=0.02)
    assert image.probe(str(folder / name)) == (8, 8)


def test_canvas_refuses_what_does_not_fit() -> None:
    canvas = image.Canvas(8, 8, TRAITS)
    for top, left, shape in ((0, 0, (1, 8, 8)), (1, 0, (3, 8, 8)), (0, -1, (3, 2, 2)), (0, 0, (2, 3, 8, 8))):
        with pytest.raises(ValueError):
            canvas.paste(top, left, torch.zeros(shape))
    canvas.close()
    with pytest.raises(ValueError, match="closed"):
        canvas.paste(0, 0, torch.zeros(3, 8, 8))
    with pytest.raises(ValueError):
        image.Canvas(0, 8, TRAITS)


def test_canvas_without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(canvas_module, "MEMORY_LIMIT", 0)
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(image.ImageError, match=r"cannot hold \(No space left on device\).*TMPDIR"):
        image.Canvas(8, 8, TRAITS)


def test_canvas_on_disk_paints_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    piece = torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(1))
    results = []
    for limit in (1 << 30, 0):
        monkeypatch.setattr(canvas_module, "MEMORY_LIMIT", limit)
        with image.Canvas(20, 30, image.Traits(depth="uint16")) as canvas:
            assert isinstance(canvas.pixels, np.memmap) == (limit == 0)
            assert not canvas.pixels.any()
            canvas.paste(0, 0, piece)
            image.write(tmp_path / "a.png", canvas)
        results.append(image.read(tmp_path / "a.png").rgb)
    assert torch.equal(*results)
