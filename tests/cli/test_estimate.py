"""``wildsr estimate`` and ``wildsr prepare`` from the command line."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from wildsr.cli.main import app
from wildsr.data.manifest import names_of
from wildsr.data.pairs import find_pairs
from wildsr.degradations.mat_kernels import export_mat_kernels, import_mat_kernels
from wildsr.degradations.pools import KernelPool, load_kernel_pool, load_noise_pool, save_kernel_pool
from wildsr.image import Canvas, Traits, probe, write


def save(path: Path, levels: torch.Tensor) -> None:
    with Canvas(levels.shape[-2], levels.shape[-1], Traits()) as canvas:
        canvas.paste(0, 0, levels)
        write(path, canvas)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        save(folder / name, 0.5 + 0.01 * torch.randn(3, 136, 140))
    return folder


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_kernels(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("scipy")

    def quickly(sources: list[object], *_: object, **named: Callable[[int], None]) -> list[torch.Tensor]:
        named["on_iteration"](7)
        return [torch.softmax(torch.randn(169), 0).view(13, 13) for _ in sources]

    monkeypatch.setattr("wildsr.estimation.kernel_pools.estimate_kernels", quickly)
    pool, mats = tmp_path / "kernels.safetensors", tmp_path / "mats"
    command = ("estimate", "kernels", photos, "-o", pool, "--iterations", 7, "--batch", 1, "--mat", mats)
    (photos / "tiny.png").write_bytes((photos / "a.png").read_bytes()[:200])
    code, output = run(*command)
    assert code == 1
    assert "tiny.png" in output
    assert load_kernel_pool(pool).origins == ("a.png", "b.png")
    assert min(probe(tmp_path / "kernels.png")) > 0
    assert not list(tmp_path.glob(".*.jsonl"))
    assert import_mat_kernels(mats).digest == load_kernel_pool(pool).digest
    code, output = run(*command)
    assert code == 2
    assert "--overwrite" in output
    code, output = run(*command, "--overwrite", "--limit", 2, "--scale", 2)
    assert (code, load_kernel_pool(pool).scale) == (0, 2), output


def test_interrupted_kernels(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("wildsr.estimation.kernel_pools.estimate_kernels", stop)
    code, output = run("estimate", "kernels", photos, "-o", tmp_path / "kernels.safetensors")
    assert code == 130
    assert "the same command continues" in output
    assert not (tmp_path / "kernels.safetensors").exists()


def test_an_overview_is_no_photo(photos: Path, tmp_path: Path) -> None:
    """The PNG beside a pool is not written over a photo of that name."""
    pool, photo = tmp_path / "kernels.safetensors", tmp_path / "kernels.png"
    photo.write_bytes(b"a photo")
    for command in (("kernels", photos), ("noise", photos), ("import", photos)):
        code, output = run("estimate", *command, "-o", pool)
        assert code == 2
        assert "kernels.png exists already" in " ".join(output.split())
    assert photo.read_bytes() == b"a photo"


def test_fast_kernels_have_no_sparsity(photos: Path, tmp_path: Path) -> None:
    command = ("estimate", "kernels", photos, "-o", tmp_path / "k.safetensors", "--fast")
    code, output = run(*command, "--sparsity", 0.5)
    assert (code, "--fast has no sparsity loss" in output) == (2, True), output


def test_devices_that_are_not_there(photos: Path, tmp_path: Path) -> None:
    code, output = run("estimate", "kernels", photos, "-o", tmp_path / "k.safetensors", "--device", "quux")
    assert (code, "unknown device 'quux'" in output) == (2, True), output


def test_import_of_mat_files(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    pool = KernelPool(torch.rand(2, 5, 5), 4, ("a.png", "b.png"))
    export_mat_kernels(pool, tmp_path / "mats")
    code, output = run("estimate", "import", tmp_path / "mats", "-o", tmp_path / "pool.safetensors")
    assert code == 0, output
    assert load_kernel_pool(tmp_path / "pool.safetensors").digest == pool.digest
    code, output = run("estimate", "import", tmp_path, "-o", tmp_path / "pool.mat")
    assert (code, ".safetensors" in output) == (2, True)


def test_noise(photos: Path, tmp_path: Path) -> None:
    pool = tmp_path / "noise.safetensors"
    (photos / "bad.png").write_bytes(b"no")
    code, output = run("estimate", "noise", photos, "-o", pool, "--patch", 32)
    assert code == 1
    assert "1 image failed" in output
    assert "bad.png" in output
    assert len(load_noise_pool(pool)) == 2 * 16
    assert min(probe(tmp_path / "noise.png")) > 0
    code, output = run("estimate", "noise", photos, "-o", tmp_path / "none.safetensors", "--preset", "dped")
    assert code == 1
    assert "--patch 128" in output
    assert not (tmp_path / "none.safetensors").exists()


def test_prepare(photos: Path, tmp_path: Path) -> None:
    (photos / "bad.png").write_bytes(b"no")
    out = tmp_path / "out"
    command = ("prepare", photos, "-o", out, "--clean-up", "none", "--workers", 1, "--format", "lmdb")
    code, output = run(*command)
    assert code == 1
    assert "2 pairs of 2 images" in output
    assert "bad.png" in output
    (photos / "bad.png").unlink()
    code, output = run(*command)
    assert code == 0, output
    assert "2 of them from before" in output
    for suffix in ("", ".lmdb"):
        lr, hr = find_pairs(out / f"LR{suffix}", out / f"HR{suffix}", 4, 32)
        assert sorted(lr.names) == sorted(hr.names) == names_of(out) == ["a.png", "b.png"]
        assert lr[0].shape == (3, 34, 35)


def test_prepare_within_its_sources(photos: Path) -> None:
    for out in (photos / "pairs", photos):
        command = ("prepare", photos, "-o", out, "--clean-up", "none", "--workers", 1)
        assert "2 pairs of 2 images\n" in run(*command)[1]
        code, output = run(*command)
        assert (code, "2 pairs of 2 images, 2 of them from before" in output) == (0, True), output
        shutil.rmtree(photos / "pairs", ignore_errors=True)


def test_prepare_refuses(photos: Path, tmp_path: Path) -> None:
    assert run("prepare", "-o", tmp_path / "out")[0] == 2
    code, output = run("prepare", photos, "-o", tmp_path / "out", "--preset", "bsrgam")
    assert (code, "did you mean 'bsrgan'" in output.replace("\n", " ")) == (2, True)
    save_kernel_pool(tmp_path / "k.safetensors", KernelPool(torch.rand(1, 3, 3), 4, ("k",)))
    code, output = run("prepare", photos, "-o", tmp_path / "out", "--noise", tmp_path / "k.safetensors")
    assert (code, "is a kernel pool, where a noise pool is needed" in output) == (2, True)
    code, output = run("prepare", tmp_path / "nowhere", "-o", tmp_path / "out")
    assert (code, "does not exist" in output) == (2, True)
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_text("")
    code, output = run("prepare", photos, "-o", tmp_path / "file")
    assert (code, "cannot be used: File exists" in output.replace("\n", " ")) == (1, True), output
    code, output = run("prepare", photos, "-o", tmp_path / "out", "--min-side", 500)
    assert code == 1
    assert "2 too small" in output
