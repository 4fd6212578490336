"""Does `wildsr adapt` help? Simulated cameras, whose truth the command never sees; prints a Markdown table.

    python benchmarks/adapt.py PHOTOGRAPHS --truth OTHERS -o FOLDER --minutes 5 [--cameras slight,phone]

Each simulated camera takes photos of 1536x512 pixels, three halved photographs side by side: blur, sharpening,
Poisson-Gaussian noise with correlation, a JPEG file. They are given to `wildsr.adapt.adapt`. The adapted model, written
or not, is then measured on true pairs: other photographs and, through MATLAB's bicubic, their quarter by the same
camera. A run that was interrupted is continued by the same command; cameras that are finished are not run again.
"""

import argparse
import json
import math
import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wildsr.adapt import AdaptNote, AdaptOptions, AdaptResult, AdaptStage, adapt
from wildsr.adapt.request import LEARNED
from wildsr.degradations.methods.wild import Wild
from wildsr.degradations.profile import Profile
from wildsr.evaluation.distortion import psnr
from wildsr.evaluation.perceptual import lpips
from wildsr.evaluation.sharpness import dots, edge_sharpness, flat_noise
from wildsr.image import read_levels, write_rgb
from wildsr.image.header import read_header
from wildsr.ops.filtering import filter_per_sample, filter_spectrally
from wildsr.ops.kernels import gaussian_kernel
from wildsr.ops.resize import imresize
from wildsr.zoo.errors import ModelError
from wildsr.zoo.features.files import MissingWeights
from wildsr.zoo.features.lpips import load_lpips
from wildsr.zoo.load import load

COLUMNS, TILE = 3, 1024
SCALE = 4
LARGE_ROWS, LARGE_COLUMNS = 6, 8
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

    def expose(self, scene: Tensor, rng: np.random.Generator, scale: int) -> Tensor:
        """The photo (1, 3, H/scale, W/scale) in [0, 1], before compression, of a scene (1, 3, H, W) in [0, 1]."""
        if self.mixture:
            parameters = Wild(scale).sample(rng, (scene.shape[-2], scene.shape[-1]))
            return Wild(scale).apply(scene, [parameters])
        # Cameras focus a little differently from photo to photo.
        factor = float(np.exp(rng.normal(0, 0.06)))
        wide, narrow = (sigma * factor * scale for sigma in (self.wide, self.narrow))
        kernel = gaussian_kernel(2 * math.ceil(3 * wide) + 3, wide, narrow, self.angle)
        photo = filter_spectrally(scene, kernel[None])
        photo = imresize(photo, 1 / scale)
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
    "compact": Camera(0.45, 0.38, 0.9, 8, 30, 0.3, 0.3, 80),
    "night": Camera(0.70, 0.40, 1.5, 12, 60, 0.5, 0.5, 75),
    "mixture": Camera(mixture=True, quality=95),
    "large": Camera(0.90, 0.90, 0, 3, 12, 0.4, 0.3, 88, large=True),
}


def scene(photographs: list[Path], number: int, rows: int, columns: int, seed: int) -> Tensor:
    """A scene (1, 3, 1024 rows, 1024 columns) in [0, 1], each time of other photographs as far as there are enough."""
    order = np.random.default_rng(seed).permutation(len(photographs)).tolist()
    first = number * rows * columns
    tiles = [
        centre(read_levels(photographs[order[index % len(order)]]))
        for index in range(first, first + rows * columns)
    ]
    lines = [torch.cat(tiles[row * columns : (row + 1) * columns], dim=-1) for row in range(rows)]
    return torch.cat(lines, dim=-2).float() / 255


def centre(levels: Tensor) -> Tensor:
    """The centre of a photograph, 1024x1024."""
    top, left = ((side - TILE) // 2 for side in levels.shape[-2:])
    return levels[..., top : top + TILE, left : left + TILE]


def take_photos(camera: Camera, photographs: list[Path], folder: Path, count: int, seed: int) -> None:
    """Write the photos of a camera; those that exist are kept."""
    if len(list(folder.glob("*.jpg"))) == count:
        return
    folder.mkdir(parents=True, exist_ok=True)
    # Scenes become smaller in photos as in true pairs, so that a blur means the same in both.
    rows, columns, scale = 1, COLUMNS, 2
    if camera.large:
        rows, columns = LARGE_ROWS, LARGE_COLUMNS
    elif camera.mixture:
        rows, columns, scale = 2, 2, SCALE
    for index in range(count):
        photo = camera.expose(
            scene(photographs, index, rows, columns, seed), np.random.default_rng([seed, index]), scale
        )
        write_rgb(folder / f"photo-{index:03d}.jpg", photo, quality=camera.quality)


def true_pairs(camera: Camera, truth: list[Path], folder: Path, seed: int) -> list[tuple[Tensor, Tensor]]:
    """LR and HR of photographs that the command never saw, LR from a JPEG file of the camera's quality."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = []
    for index, path in enumerate(truth):
        levels = read_levels(path)
        side = min(TRUE_SIDE, *levels.shape[-2:]) // SCALE * SCALE
        top, left = (levels.shape[-2] - side) // 2, (levels.shape[-1] - side) // 2
        hr = levels[..., top : top + side, left : left + side].float() / 255
        lr = camera.expose(hr, np.random.default_rng([seed, 7, index]), SCALE)
        write_rgb(folder / f"{index:03d}.jpg", lr, quality=camera.quality)
        pairs.append((read_levels(folder / f"{index:03d}.jpg").float() / 255, hr))
    return pairs


def measured(model: str, pairs: list[tuple[Tensor, Tensor]], features: Path | None) -> dict[str, float]:
    """Mean PSNR, LPIPS, edge sharpness, flat noise and dots of a model on pairs."""
    try:
        network = load_lpips(features)
    except MissingWeights:
        network = None
    loaded = load(model)
    found: dict[str, list[float]] = {"psnr": [], "lpips": [], "edge": [], "flat": [], "dots": []}
    for lr, hr in pairs:
        with torch.no_grad():
            sr = loaded(lr).clamp(0, 1)
        found["psnr"].append(float(psnr(sr, hr, border=SCALE)))
        found["lpips"].append(math.nan if network is None else float(lpips(network, sr, hr)))
        found["edge"].append(float(edge_sharpness(sr, hr)))
        found["flat"].append(float(flat_noise(sr, hr)))
        found["dots"].append(float(dots(sr, hr)))
    return {name: mean(values) for name, values in found.items()}


def mean(values: list[float]) -> float:
    """Mean of the finite values; NaN if there are none."""
    finite = [value for value in values if math.isfinite(value)]
    return statistics.fmean(finite) if finite else math.nan


def row(
    name: str,
    camera: Camera,
    result: AdaptResult,
    values: tuple[dict[str, float], dict[str, float]],
    minutes: float,
) -> dict[str, str]:
    """A line of the table; ``values`` are those of the starting model and of the adapted one on true pairs."""
    before, after = values
    gain = after["psnr"] - before["psnr"]
    reported = result.verdict.gain("psnr")
    profile = result.profile

    def change(metric: str, digits: int) -> str:
        return f"{before[metric]:.{digits}f} → {after[metric]:.{digits}f}"

    return {
        "camera": name,
        "PSNR": f"{change('psnr', 2)} ({gain:+.2f})",
        "LPIPS": change("lpips", 3),
        "edge": change("edge", 2),
        "flat": change("flat", 2),
        "dots": change("dots", 1),
        "reported": "–" if reported is None else reported.text(unit="dB"),
        "decision": "written" if result.model else "declined",
        "sign": "–" if reported is None else ("right" if (reported.mean > 0) == (gain > 0) else "WRONG"),
        "wide": "–" if camera.mixture else f"{camera.wide:.2f} / {profile.blur.wide:.2f}",
        "narrow": "–" if camera.mixture else f"{camera.narrow:.2f} / {profile.blur.narrow:.2f}",
        "angle": angle(camera, profile),
        "noise": "–" if camera.mixture else f"{camera.level():.1f} / {profile.noise.level():.1f}",
        "share": str(content(result.work / "choice.json").get("share", "–")),
        "steps": str(steps_of(result.work)),
        "minutes": f"{minutes:.1f}",
    }


def content(path: Path) -> dict[str, Any]:
    """A JSON file of a work folder; empty if it is missing."""
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def steps_of(work: Path) -> int:
    """The last step that the log of the training names."""
    lines = (work / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return max(int(json.loads(line).get("step", 0)) for line in lines)


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


def large_enough(photographs: list[Path]) -> list[Path]:
    """Those of at least 1024 pixels a side. Raises SystemExit if there are too few for a photo."""
    found = [path for path in photographs if min(read_header(path).size) >= TILE]
    if len(found) < COLUMNS:
        sys.exit(
            f"PHOTOGRAPHS has {len(found)} images of at least {TILE} pixels a side; {COLUMNS} are needed"
        )
    return found


def images_in(folder: Path) -> list[Path]:
    suffixes = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff")
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "photographs",
        type=Path,
        help="folder of sharp photographs of at least 1024 pixels a side, of which photos are simulated",
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
    parser.add_argument("--method", default="profile", choices=("profile", "realsr", *LEARNED))
    parser.add_argument("--features", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="training steps, instead of those that the minutes allow")
    parser.add_argument("--again", action="store_true", help="repeat cameras that are finished")
    given = parser.parse_args()
    photographs, truth = large_enough(images_in(given.photographs)), images_in(given.truth)
    rows = []
    for name in given.cameras.split(","):
        kept = given.output / name / f"{label(given, 'row')}.json"
        if given.again or not kept.is_file():
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(run(name, photographs, truth, given), indent=1), encoding="utf-8")
            print(table([content(kept)]), file=sys.stderr, flush=True)
        rows.append(content(kept))
    print(table(rows))


def label(given: argparse.Namespace, usual: str) -> str:
    """Name of the files of a run: ``usual``, unless another style or method was chosen."""
    chosen = (["faithful"] if given.faithful else []) + ([given.method] if given.method != "profile" else [])
    return "-".join(chosen) or usual


def run(name: str, photographs: list[Path], truth: list[Path], given: argparse.Namespace) -> dict[str, str]:
    """Take the photos of a camera, adapt, and measure on true pairs."""
    camera, folder = CAMERAS[name], given.output / name
    count = max(10, given.photos // 2) if camera.large else given.photos
    take_photos(camera, photographs, folder / "photos", count, given.seed)
    options = AdaptOptions(
        minutes=given.minutes,
        steps=given.steps,
        model=given.model,
        faithful=given.faithful,
        method=given.method,
        features=given.features,
    )
    began = time.monotonic()

    def show(event: object) -> None:
        if isinstance(event, AdaptStage | AdaptNote):
            print(f"{name} {time.monotonic() - began:6.0f} s  {event.text}", file=sys.stderr, flush=True)

    model = folder / f"{label(given, 'model')}.safetensors"
    result = adapt(folder / "photos", model, options, on_event=show)
    minutes = content(result.work / "time.json")["seconds"] / 60
    pairs = true_pairs(replace(camera, large=False), truth, folder / "truth", given.seed)
    before = measured(options.start, pairs, given.features)
    after = measured(str(result.work / "candidate.safetensors"), pairs, given.features)
    return row(name, camera, result, (before, after), minutes)


if __name__ == "__main__":
    try:
        main()
    except ModelError as error:
        sys.exit(str(error))
