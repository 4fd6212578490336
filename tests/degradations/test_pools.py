"""Pools are saved and loaded unchanged; other files are refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from wildsr.degradations.mat_kernels import export_mat_kernels, import_mat_kernels
from wildsr.degradations.pools import (
    KernelPool,
    NoisePool,
    PoolError,
    load_kernel_pool,
    load_noise_pool,
    same_size,
    save_kernel_pool,
    save_noise_pool,
)
from wildsr.ops.filtering import filter_per_sample

ORIGINS = ("a.png", "straße/b.jpg")


def kernel_pool() -> KernelPool:
    return KernelPool(torch.rand(2, 13, 13), 4, ORIGINS)


def noise_pool() -> NoisePool:
    return NoisePool(torch.randint(256, (2, 3, 8, 8), dtype=torch.uint8), ORIGINS)


def test_kernels_there_and_back(tmp_path: Path) -> None:
    pool = kernel_pool()
    save_kernel_pool(tmp_path / "pool.safetensors", pool)
    back = load_kernel_pool(tmp_path / "pool.safetensors")
    assert torch.equal(back.kernels, pool.kernels)
    assert (back.scale, back.origins, back.digest) == (4, ORIGINS, pool.digest)
    assert [path.name for path in tmp_path.iterdir()] == ["pool.safetensors"]


def test_noise_there_and_back(tmp_path: Path) -> None:
    pool = noise_pool()
    save_noise_pool(tmp_path / "pool.safetensors", pool)
    back = load_noise_pool(tmp_path / "pool.safetensors")
    assert torch.equal(back.patches, pool.patches)
    assert (back.origins, back.digest) == (ORIGINS, pool.digest)


def test_digest_is_of_the_numbers() -> None:
    pool = kernel_pool()
    assert KernelPool(pool.kernels.clone(), 4, ("x", "y")).digest == pool.digest
    assert KernelPool(pool.kernels, 2, ORIGINS).digest != pool.digest
    assert KernelPool(pool.kernels.flip(0), 4, ORIGINS).digest != pool.digest


def _versioned(path: Path, text: str) -> None:
    save_file({"kernels": torch.rand(1, 3, 3)}, path, {"format": text, "scale": "4", "origins": '["a"]'})


def _cut(path: Path) -> None:
    save_kernel_pool(path, kernel_pool())
    path.write_bytes(path.read_bytes()[:-40])


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (Path.exists, "no such file"),
    "newer": (lambda path: _versioned(path, "wildsr kernel pool 9"), "version 9.*update wildsr"),
    "older": (lambda path: _versioned(path, "wildsr kernel pool 0"), "version 0.*again"),
    "noise": (lambda path: save_noise_pool(path, noise_pool()), "is a noise pool, where a kernel pool"),
    "model": (lambda path: _versioned(path, "wildsr 1"), "is a model file"),
    "foreign": (lambda path: save_file({"w": torch.zeros(2)}, path), "something else"),
    "text": (lambda path: path.write_text("kernels"), "another kind of file"),
    "empty": (lambda path: path.write_bytes(b""), "damaged"),
    "cut": (_cut, "damaged, truncated"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_kernel_pool_is_told(name: str, tmp_path: Path) -> None:
    path = tmp_path / "pool.safetensors"
    make, message = BAD[name]
    make(path)
    with pytest.raises(PoolError, match=message) as caught:
        load_kernel_pool(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("kernels", "facts"),
    [
        (torch.rand(1, 3, 4), {}),
        (torch.full((1, 3, 3), float("nan")), {}),
        (torch.rand(1, 3, 3).double(), {}),
        (torch.rand(2, 3, 3), {}),
        (torch.rand(1, 3, 3), {"scale": "four"}),
        (torch.rand(1, 3, 3), {"origins": "["}),
        (torch.rand(1, 3, 3), {"origins": "{}"}),
    ],
)
def test_nonsense_inside(kernels: torch.Tensor, facts: dict[str, str], tmp_path: Path) -> None:
    header = {"format": "wildsr kernel pool 1", "scale": "4", "origins": json.dumps(["a"])}
    save_file({"kernels": kernels}, tmp_path / "pool.safetensors", header | facts)
    with pytest.raises(PoolError, match="damaged kernel pool"):
        load_kernel_pool(tmp_path / "pool.safetensors")


def test_kernel_pool_is_no_noise_pool(tmp_path: Path) -> None:
    save_kernel_pool(tmp_path / "pool.safetensors", kernel_pool())
    with pytest.raises(PoolError, match="wildsr estimate noise"):
        load_noise_pool(tmp_path / "pool.safetensors")


def test_nothing_half_written(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="cannot be written"):
        save_kernel_pool(tmp_path / "missing" / "pool.safetensors", kernel_pool())
    (tmp_path / "pool.safetensors").mkdir()
    with pytest.raises(PoolError, match="cannot be written"):
        save_kernel_pool(tmp_path / "pool.safetensors", kernel_pool())
    assert [path.name for path in tmp_path.iterdir()] == ["pool.safetensors"]


@pytest.mark.parametrize("sizes", [(13, 17), (3, 4), (4, 3), (4, 8), (5,), (4,)])
def test_padding_keeps_what_a_kernel_does(sizes: tuple[int, ...]) -> None:
    images = torch.rand(1, 3, 24, 20, dtype=torch.float64)
    kernels = [torch.rand(size, size) for size in sizes]
    for kernel, padded in zip(kernels, same_size(kernels), strict=True):
        expected = filter_per_sample(images, kernel[None], "symmetric")
        torch.testing.assert_close(filter_per_sample(images, padded[None], "symmetric"), expected)


def test_mat_there_and_back(tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    pool = KernelPool(torch.rand(3, 25, 25), 4, ("one.png", "b/one.png", "two_kernel_x4.mat"))
    written = export_mat_kernels(pool, tmp_path)
    names = ["one/one_kernel_x4.mat", "one-2/one-2_kernel_x4.mat", "two/two_kernel_x4.mat"]
    assert [path.relative_to(tmp_path).as_posix() for path in written] == names
    back = import_mat_kernels(tmp_path)
    order = [back.origins.index(Path(name).name) for name in names]
    assert torch.equal(back.kernels[order], pool.kernels)
    (tmp_path / "one" / "one_kernel_x2.mat").write_bytes(b"not for this scale")
    assert len(import_mat_kernels(tmp_path)) == 3


def test_bad_mat_files(tmp_path: Path) -> None:
    scipy_io = pytest.importorskip("scipy.io")
    with pytest.raises(PoolError, match=r"no \.mat file"):
        import_mat_kernels(tmp_path)
    path = tmp_path / "a_kernel_x4.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    with pytest.raises(PoolError, match="cannot be read"):
        import_mat_kernels(tmp_path)
    scipy_io.savemat(path, {"K": torch.rand(3, 3).numpy()})
    with pytest.raises(PoolError, match=r"no variable 'Kernel' \(it has: K\)"):
        import_mat_kernels(path)
    large = torch.full((3, 3), 1e300, dtype=torch.float64)
    for values in (torch.rand(3, 4), torch.full((3, 3), torch.inf), large):
        scipy_io.savemat(path, {"Kernel": values.numpy()})
        with pytest.raises(PoolError, match="not a square table of finite"):
            import_mat_kernels(path)
