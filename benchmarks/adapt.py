"""Does `wildsr adapt` help? Simulated cameras, whose truth the command never sees; prints a Markdown table.

    python benchmarks/adapt.py PHOTOGRAPHS --truth OTHERS -o FOLDER --minutes 5 [--cameras slight,phone]

Photographs are joined to scenes of 2048x1536 pixels, photographed by each simulated camera (blur, MATLAB's bicubic to a
quarter, sharpening, Poisson-Gaussian noise with correlation, a JPEG file), and given to `wildsr.adapt.adapt`. The
adapted model, written or not, is then measured on true pairs: other photographs, the same camera. A run that was
interrupted is continued by the same command.
"""

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from wildsr.adapt import AdaptNote, AdaptOptions, AdaptResult, AdaptStage, adapt
from wildsr.degradations.methods.wild import Wild
from wildsr.degradations.profile import Profile
from wildsr.evaluation.distortion import psnr
from wildsr.evaluation.perceptual import lpips
from wildsr.image import read_levels, write_rgb
from wildsr.ops.filtering import filter_per_sample, filter_spectrally
from wildsr.ops.kernels import gaussian_kernel
from wildsr.ops.resize import imresize
from wildsr.zoo.errors import ModelError
from wildsr.zoo.features.files import MissingWeights
from wildsr.zoo.features.lpips import load_lpips
from wildsr.zoo.load import load

COLUMNS, ROWS, TILE = 4, 3, 512
SCALE = 4
LARGE_TILES = (8, 8)
TRUE_SIDE = 256


@dataclass(frozen=True)
class Camera:
    """A simulated camera; sigmas in pixels of its photos, noise in levels."""

    wide: float = 0.0
    narrow: float = 0.0
    angle: float = 0.0
    constant: float = 0.0
    slope: float = 0.0
    correlation: float = 0.0
    sharpening: float = 0.0
    quality: int = 90
    mixture: bool = False
    large: bool = False

    def level(self, value: float = 0.5) -> float:
        """Standard deviation of the noise in levels, before compression."""
        return math.sqrt(self.constant + self.slope * value)

    def expose(self, scene: Tensor, rng: np.random.Generator) -> Tensor:
        """The photo (1, 3, H/4, W/4) in [0, 1], before compression, of a scene (1, 3, H, W) in [0, 1]."""
        if self.mixture:
            parameters = Wild(SCALE).sample(rng, (scene.shape[-2], scene.shape[-1]))
            return Wild(SCALE).apply(scene, [parameters])
        # Cameras focus a little differently from photo to photo.
        factor = float(np.exp(rng.normal(0, 0.06)))
        size = 2 * math.ceil(3 * self.wide * factor * SCALE) + 1
        kernel = gaussian_kernel(
            max(size, 3), self.wide * factor * SCALE, self.narrow * factor * SCALE, self.angle
        )
        photo = imresize(filter_spectrally(scene, kernel[None]), 1 / SCALE)
        if self.sharpening:
            soft = filter_per_sample(photo, gaussian_kernel(7, 1.0, 1.0, 0.0)[None])
            photo = photo + self.sharpening * (photo - soft)
        noise = torch.from_numpy(rng.normal(size=tuple(photo.shape)).astype(np.float32))
        if self.correlation:
            noise = filter_per_sample(
                noise, gaussian_kernel(7, self.correlation, self.correlation, 0.0)[None]
            )
            noise = noise / noise.std()
        sigma = (self.constant + self.slope * photo.clamp(0, 1)).clamp(min=0).sqrt() / 255
        return (photo + sigma * noise).clamp(0, 1)


CAMERAS = {
    "slight": Camera(0.30, 0.30, 0, 0.6, 1.2, 0, 0, 92),
    "phone": Camera(0.60, 0.55, 0, 4, 24, 0.5, 0.6, 85),
    "oblique": Camera(1.30, 0.50, 0.6, 2, 6, 0, 0, 90),
    "strong": Camera(1.60, 1.40, 1.2, 16, 50, 0.6, 0, 75),
    "web": Camera(0.80, 0.80, 0, 4, 8, 0.4, 0, 60),
    "mixture": Camera(mixture=True, quality=95),
    "large": Camera(0.90, 0.90, 0, 3, 12, 0.4, 0.3, 88, large=True),
}


def scenes(photographs: list[Path], count: int, seed: int) -> Iterator[Tensor]:
    """Scenes (1, 3, 1536, 2048) uint8, each of twelve photographs."""
    order = np.random.default_rng(seed).permutation(len(photographs)).tolist()
    for number in range(count):
        rows = []
        for row in range(ROWS):
            tiles = []
            for column in range(COLUMNS):
                index = (number * ROWS * COLUMNS + row * COLUMNS + column) % len(order)
                tiles.append(tile(read_levels(photographs[order[index]])))
            rows.append(torch.cat(tiles, dim=-1))
        yield torch.cat(rows, dim=-2)


def tile(levels: Tensor) -> Tensor:
    """The centre of an image, 512x512; smaller images are repeated by reflection."""
    height, width = levels.shape[-2:]
    if min(height, width) < TILE:
        pad = ((0, 0), (0, 0), (0, max(0, TILE - height)), (0, max(0, TILE - width)))
        levels = torch.from_numpy(np.pad(levels.numpy(), pad, mode="symmetric"))
        height, width = levels.shape[-2:]
    top, left = (height - TILE) // 2, (width - TILE) // 2
    return levels[..., top : top + TILE, left : left + TILE]


def take_photos(camera: Camera, photographs: list[Path], folder: Path, count: int, seed: int) -> None:
    """Write the photos of a camera; those that exist are kept."""
    if len(list(folder.glob("*.jpg"))) == count:
        return
    folder.mkdir(parents=True, exist_ok=True)
    if not camera.large:
        for index, scene in enumerate(scenes(photographs, count, seed)):
            photo = camera.expose(scene.float() / 255, np.random.default_rng([seed, index]))
            write_rgb(folder / f"photo-{index:03d}.jpg", photo, quality=camera.quality)
        return
    made = [
        camera.expose(scene.float() / 255, np.random.default_rng([seed, index]))
        for index, scene in enumerate(scenes(photographs, 40, seed))
    ]
    down, across = LARGE_TILES
    for index in range(count):
        order = np.random.default_rng([seed, 1, index]).integers(len(made), size=(down, across))
        rows = [torch.cat([made[one] for one in row], dim=-1) for row in order.tolist()]
        write_rgb(folder / f"photo-{index:03d}.jpg", torch.cat(rows, dim=-2), quality=camera.quality)


def true_pairs(camera: Camera, truth: list[Path], folder: Path, seed: int) -> list[tuple[Tensor, Tensor]]:
    """LR and HR of photographs that the command never saw, LR from a JPEG file of the camera's quality."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = []
    for index, path in enumerate(truth):
        levels = read_levels(path)
        side = min(TRUE_SIDE, *levels.shape[-2:]) // SCALE * SCALE
        top, left = (levels.shape[-2] - side) // 2, (levels.shape[-1] - side) // 2
        hr = levels[..., top : top + side, left : left + side].float() / 255
        lr = camera.expose(hr, np.random.default_rng([seed, 7, index]))
        write_rgb(folder / f"{index:03d}.jpg", lr, quality=camera.quality)
        pairs.append((read_levels(folder / f"{index:03d}.jpg").float() / 255, hr))
    return pairs


def measured(
    model: str, pairs: list[tuple[Tensor, Tensor]], distance: Callable[[Tensor, Tensor], float]
) -> tuple[list[float], list[float]]:
    """PSNR and LPIPS of a model on each pair."""
    loaded = load(model)
    found: tuple[list[float], list[float]] = ([], [])
    for lr, hr in pairs:
        with torch.no_grad():
            sr = loaded(lr).clamp(0, 1)
        found[0].append(float(psnr(sr, hr, border=SCALE)))
        found[1].append(distance(sr, hr))
    return found


def row(
    name: str,
    camera: Camera,
    result: AdaptResult,
    pairs: list[tuple[Tensor, Tensor]],
    start: str,
    minutes: float,
    features: Path | None,
) -> dict[str, str]:
    """A line of the table."""
    try:
        network = load_lpips(features)
    except MissingWeights:
        network = None

    def distance(sr: Tensor, hr: Tensor) -> float:
        return float("nan") if network is None else float(lpips(network, sr, hr))

    before = measured(start, pairs, distance)
    after = measured(str(result.work / "candidate.safetensors"), pairs, distance)
    gain = statistics.fmean(after[0]) - statistics.fmean(before[0])
    reported = result.verdict.gain("psnr")
    profile = result.profile
    return {
        "camera": name,
        "PSNR": f"{statistics.fmean(before[0]):.2f} → {statistics.fmean(after[0]):.2f} ({gain:+.2f})",
        "LPIPS": f"{statistics.fmean(before[1]):.3f} → {statistics.fmean(after[1]):.3f}",
        "wide": "–" if camera.mixture else f"{camera.wide:.2f} / {profile.blur.wide:.2f}",
        "narrow": "–" if camera.mixture else f"{camera.narrow:.2f} / {profile.blur.narrow:.2f}",
        "angle": angle(camera, profile),
        "noise": "–" if camera.mixture else f"{camera.level():.1f} / {profile.noise.level():.1f}",
        "reported": "–" if reported is None else reported.text(unit="dB"),
        "decision": "written" if result.model else "declined",
        "sign": "–" if reported is None else ("right" if (reported.mean > 0) == (gain > 0) else "WRONG"),
        "minutes": f"{minutes:.1f}",
    }


def angle(camera: Camera, profile: Profile) -> str:
    """True and estimated angle in degrees, for oblique blurs only."""
    if camera.mixture or camera.wide < 1.2 * camera.narrow:
        return "–"
    return f"{math.degrees(camera.angle):.0f}° / {math.degrees(profile.blur.angle):.0f}°"


def table(rows: list[dict[str, str]]) -> str:
    """Markdown; pairs of numbers are true / estimated."""
    heads = list(rows[0])
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(one[head] for head in heads) + " |" for one in rows])


def images_in(folder: Path) -> list[Path]:
    suffixes = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff")
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "photographs", type=Path, help="folder of sharp photographs, of which photos are simulated"
    )
    parser.add_argument(
        "--truth", type=Path, required=True, help="folder of other photographs, for true pairs"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="folder for photos, models and reports"
    )
    parser.add_argument("--cameras", default=",".join(CAMERAS), help=f"of {', '.join(CAMERAS)}")
    parser.add_argument("--minutes", type=float, default=20, help="for each camera")
    parser.add_argument("--photos", type=int, default=24, help="of each camera")
    parser.add_argument("--model", help="model to start from")
    parser.add_argument("--faithful", action="store_true")
    parser.add_argument("--features", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    photographs, truth = images_in(given.photographs), images_in(given.truth)
    rows = []
    for name in given.cameras.split(","):
        camera = CAMERAS[name]
        folder = given.output / name
        count = max(10, given.photos // 2) if camera.large else given.photos
        take_photos(camera, photographs, folder / "photos", count, given.seed)
        options = AdaptOptions(
            minutes=given.minutes, model=given.model, faithful=given.faithful, features=given.features
        )
        began = time.monotonic()

        def show(event: object, name: str = name, began: float = began) -> None:
            if isinstance(event, AdaptStage | AdaptNote):
                print(f"{name} {time.monotonic() - began:6.0f} s  {event.text}", file=sys.stderr, flush=True)

        result = adapt(folder / "photos", folder / "model.safetensors", options, on_event=show)
        minutes = json.loads((result.work / "time.json").read_text())["seconds"] / 60
        pairs = true_pairs(replace(camera, large=False), truth, folder / "truth", given.seed)
        rows.append(row(name, camera, result, pairs, options.start, minutes, given.features))
        print(table(rows[-1:]), file=sys.stderr, flush=True)
    print(table(rows))


if __name__ == "__main__":
    try:
        main()
    except ModelError as error:
        sys.exit(str(error))
