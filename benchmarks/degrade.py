"""BSRGAN's degradation on patches, beside a straightforward one per image on NumPy, OpenCV and SciPy.

    python benchmarks/degrade.py [--patches 300] [--workers 1 2] [--photograph FILE]

The other side (``pip install 'wildsr[bench]'``) does what the public code does, step by step: anisotropic Gaussians
from one evaluation of SciPy's density for each entry, SciPy's convolution, OpenCV's resizing and JPEG. Both get HR
patches of 320 pixels and give LR patches of 80, of which 72 are kept; the two take turns, in one process and thread.
Then workers: processes that each degrade on one thread. Then, where there is one, a GPU with batches of 64.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import cv2
import numpy as np
import torch
from scipy import linalg, ndimage, stats
from scipy.interpolate import RectBivariateSpline
from torch import Tensor

from wildsr.degradations.methods.bsrgan import Bsrgan
from wildsr.image import read
from wildsr.ops.resize import imresize

Array = np.ndarray
HR, LR, KEPT, SCALE, BATCH = 320, 80, 72, 4, 64
METHODS = (cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA)


def anisotropic(size: int, theta: float, variances: Array) -> Array:
    turn = np.array([[np.cos(theta), np.sin(theta)], [np.sin(theta), -np.cos(theta)]])
    covariance = turn @ np.diag(variances) @ np.linalg.inv(turn)
    kernel = np.zeros((size, size))
    for row in range(size):
        for column in range(size):
            place = [column - (size - 1) / 2, row - (size - 1) / 2]
            kernel[row, column] = stats.multivariate_normal.pdf(place, mean=[0, 0], cov=covariance)
    return kernel / kernel.sum()


def isotropic(size: int, sigma: float) -> Array:
    axis = np.arange(size) - (size - 1) / 2
    kernel = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * sigma**2))
    return kernel / kernel.sum()


def convolved(image: Array, kernel: Array) -> Array:
    return ndimage.convolve(image, kernel[:, :, None], mode="mirror")


def blurred(image: Array, rng: np.random.Generator, scale: int) -> Array:
    size = 2 * int(rng.integers(2, 12)) + 3
    if rng.random() < 0.5:
        kernel = anisotropic(size, rng.random() * np.pi, (4 + scale) * rng.random(2) + 1e-6)
    else:
        kernel = isotropic(size, (2 + 0.2 * scale) * rng.random() + 1e-3)
    return convolved(image, kernel)


def shrunk(image: Array, rng: np.random.Generator, scale: int) -> Array:
    if rng.random() < 0.75:
        factor = rng.uniform(1, 2 * scale)
        size = (int(image.shape[1] / factor), int(image.shape[0] / factor))
        return cv2.resize(image, size, interpolation=METHODS[rng.integers(3)])
    kernel = isotropic(25, rng.uniform(0.1, 0.6 * scale))
    axis = np.arange(25.0)
    wanted = np.clip(axis + (scale - 1) / 2, 0, 24)
    kernel = RectBivariateSpline(axis, axis, kernel, kx=1, ky=1)(wanted, wanted)
    return convolved(image, kernel / kernel.sum())[::scale, ::scale]


def noisy(image: Array, rng: np.random.Generator) -> Array:
    level, kind = rng.integers(2, 26) / 255, rng.random()
    if kind > 0.6:
        added = rng.normal(0, level, image.shape)
    elif kind < 0.4:
        added = rng.normal(0, level, (*image.shape[:2], 1))
    else:
        basis = linalg.orth(rng.random((3, 3)))
        covariance = np.abs((25 / 255) ** 2 * basis.T @ np.diag(rng.random(3)) @ basis)
        added = rng.multivariate_normal([0, 0, 0], covariance, image.shape[:2], check_valid="ignore")
    return np.clip(image + added.astype(np.float32), 0, 1)


def compressed(image: Array, rng: np.random.Generator) -> Array:
    samples = cv2.cvtColor(np.uint8((image.clip(0, 1) * 255).round()), cv2.COLOR_RGB2BGR)
    quality = [int(cv2.IMWRITE_JPEG_QUALITY), int(rng.integers(30, 96))]
    decoded = cv2.imdecode(cv2.imencode(".jpg", samples, quality)[1], 1)
    return cv2.cvtColor(np.float32(decoded / 255.0), cv2.COLOR_BGR2RGB)


def plainly(image: Array, rng: np.random.Generator) -> Array:
    """(320, 320, 3) to (72, 72, 3), float32 in [0, 1]."""
    scale = SCALE
    if rng.random() < 0.25:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        if rng.random() < 0.5:
            image = cv2.resize(image, half, interpolation=METHODS[rng.integers(3)])
        else:
            halved = imresize(torch.from_numpy(image).permute(2, 0, 1).contiguous(), 0.5)
            image = np.ascontiguousarray(halved.permute(1, 2, 0).numpy())
        image, scale = np.clip(image, 0, 1), 2
    order = rng.permutation(7).tolist()
    random, wanted = order.index(2), order.index(3)
    if random > wanted:
        order[random], order[wanted] = 3, 2
    for step in order:
        if step in (0, 1):
            image = blurred(image, rng, scale)
        elif step == 2:
            image = np.clip(shrunk(image, rng, scale), 0, 1)
        elif step == 3:
            image = np.clip(cv2.resize(image, (LR, LR), interpolation=METHODS[rng.integers(3)]), 0, 1)
        elif step == 4:
            image = noisy(image, rng)
        elif step == 5 and rng.random() < 0.9:
            image = compressed(image, rng)
    image = compressed(image, rng)
    top, left = rng.integers(0, LR - KEPT + 1, 2)
    return image[top : top + KEPT, left : left + KEPT]


def ours(patch: Tensor, rng: np.random.Generator) -> Tensor:
    """(1, 3, 320, 320) to (1, 3, 72, 72)."""
    degradation = Bsrgan(SCALE)
    lr = degradation.apply(patch, [degradation.sample(rng, (HR, HR))])
    top, left = rng.integers(0, LR - KEPT + 1, 2)
    return lr[..., top : top + KEPT, left : left + KEPT]


def patches(photograph: str | None, count: int) -> Tensor:
    """(count, 3, 320, 320) from the middle of a photograph, or of one that scikit-image brings."""
    if photograph is not None:
        image = read(photograph).rgb[0]
    else:
        from skimage import data

        image = torch.from_numpy(data.astronaut()).permute(2, 0, 1).float() / 255
    rng = np.random.default_rng(0)
    corners = rng.integers(0, [image.shape[1] - HR + 1, image.shape[2] - HR + 1], (count, 2))
    return torch.stack([image[:, top : top + HR, left : left + HR] for top, left in corners.tolist()])


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def beside(hr: Tensor, count: int) -> None:
    """One patch here, one patch there."""
    arrays = [np.ascontiguousarray(one.permute(1, 2, 0).numpy()) for one in hr]
    mine, theirs = [], []
    for index in range(-5, count):
        rng = np.random.default_rng([1, index + 5])
        place = index % len(hr)
        plain = seconds(lambda p=place, r=rng: plainly(arrays[p].copy(), r))
        rng = np.random.default_rng([2, index + 5])
        here = seconds(lambda p=place, r=rng: ours(hr[p : p + 1], r))
        if index >= 0:  # the first ones warm up
            theirs.append(plain)
            mine.append(here)
    print(f"one thread, {count} patches each, milliseconds a patch (mean, median):")
    for name, times in (("NumPy, OpenCV, SciPy", theirs), ("wildsr", mine)):
        print(f"  {name:22}{1e3 * statistics.mean(times):8.2f}{1e3 * statistics.median(times):8.2f}")
    print(f"  patches per second: {sum(theirs) / sum(mine):.1f} times as many")


def part(count: int, seed: int) -> float:
    """Seconds of a processor that so many patches take."""
    torch.set_num_threads(1)
    hr = patches(None, 8)
    began = time.process_time()
    for index in range(count):
        ours(hr[index % 8 : index % 8 + 1], np.random.default_rng([seed, index]))
    return time.process_time() - began


def with_workers(each: int, numbers: list[int]) -> None:
    print(
        "processes, patches per second, processor milliseconds a patch (which a busy machine leaves alone):"
    )
    rates: dict[int, list[float]] = {number: [] for number in numbers}
    costs: dict[int, list[float]] = {number: [] for number in numbers}
    pools = {number: ProcessPoolExecutor(number, mp_context=get_context("spawn")) for number in numbers}
    for turn in range(6):
        for number, pool in pools.items():
            began = time.perf_counter()
            cost = sum(pool.map(part, [each] * number, range(number)))
            if turn:  # the first one starts them
                rates[number].append(each * number / (time.perf_counter() - began))
                costs[number].append(1e3 * cost / (each * number))
    for pool in pools.values():
        pool.shutdown()
    first = statistics.median(rates[numbers[0]])
    for number in numbers:
        rate = statistics.median(rates[number])
        print(
            f"  {number:3} {rate:8.0f} {statistics.median(costs[number]):8.2f}   {rate / first:.2f} times {numbers[0]}"
        )


def on_gpu(hr: Tensor, rounds: int = 8) -> None:
    if not torch.cuda.is_available():
        print("no GPU here")
        return
    degradation = Bsrgan(SCALE)
    batch = hr.repeat(BATCH // len(hr) + 1, 1, 1, 1)[:BATCH].cuda()
    times = []
    for index in range(rounds + 2):
        drawn = [degradation.sample(np.random.default_rng([3, index, k]), (HR, HR)) for k in range(BATCH)]
        torch.cuda.synchronize()
        began = time.perf_counter()
        degradation.apply(batch, drawn)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    rate = BATCH / statistics.median(times[2:])
    print(f"{torch.cuda.get_device_name()}, batches of {BATCH}: {rate:.0f} patches per second")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patches", type=int, default=300)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--photograph")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(f"{os.cpu_count()} cores, torch {torch.__version__}, OpenCV {cv2.__version__}")
    hr = patches(options.photograph, 16)
    beside(hr, options.patches)
    with_workers(options.patches, options.workers)
    on_gpu(hr)


if __name__ == "__main__":
    main()
