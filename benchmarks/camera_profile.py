"""How well the profiles of simulated cameras are found, and in how many cases within the aims.

    python benchmarks/camera_profile.py FOLDER [--random 20] [--seed 5] [--photos 12]

FOLDER holds sharp photos of at least 512 pixels a side. Mosaics of them, downscaled by 4, are the scenes of 384x512
pixels that each camera photographs. The first cameras are fixed, the others random, of the kind that the network of the
estimation was trained on; another seed gives others. Prints, for each camera, truth and estimate, and at the end the
share within the aims: 15 % (or 0.1 pixels) for both sigmas, 20 % (or 0.3 levels) for noise in dark and in bright parts,
15 degrees.
"""

import argparse
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wildsr.degradations.profile import Profile
from wildsr.degradations.program import run_steps
from wildsr.estimation.measuring import measure_windows, profile_of
from wildsr.image import quantize, read_levels
from wildsr.image.jpeg_facts import JpegFacts, standard_tables
from wildsr.ops.resize import imresize

TILE = 512


@dataclass(frozen=True)
class Camera:
    """A simulated camera; sigmas in pixels of its photos, the variance of the noise in levels of 8 bits."""

    name: str = ""
    wide: float = 0.0
    narrow: float = 0.0
    degrees: float = 0.0
    constant: float = 0.0
    slope: float = 0.0
    correlation: float = 0.0
    quality: int = 0
    strength: float = 0.0
    radius: float = 1.0
    channels: float = 0.0
    spread: float = 0.06
    subsampling: str = "4:2:0"

    def photo(self, clean: Tensor, rng: np.random.Generator) -> Tensor:
        """The photo (3, h, w) uint8 of a clean one (1, 3, h, w) in [0, 1]."""
        factor = math.exp(self.spread * float(rng.normal()))
        steps: list[dict[str, Any]] = []
        if self.strength:
            steps.append({"step": "unsharp", "strength": self.strength, "radius": self.radius})
        noise = {"step": "level_noise", "constant": self.constant, "slope": self.slope}
        matrix = [[1.0 if i == j else self.channels for j in range(3)] for i in range(3)]
        noise |= {"seed": int(rng.integers(2**31)), "correlation": self.correlation, "channels": matrix}
        steps.append(noise)
        jpeg = {"step": "jpeg", "quality": self.quality, "subsampling": self.subsampling}
        steps.append(jpeg if self.quality else {"step": "round"})
        soft = blurred(clean, replace(self, wide=self.wide * factor, narrow=self.narrow * factor))
        return quantize(run_steps(soft, [{"steps": steps}]))[0]

    def facts(self) -> JpegFacts | None:
        """Of its JPEG files."""
        if not self.quality:
            return None
        return JpegFacts(*standard_tables(self.quality), self.subsampling, self.quality, True)

    def level(self, value: float) -> float:
        """Standard deviation of the noise in levels."""
        return math.sqrt(self.constant + self.slope * value)


CAMERAS = (
    Camera("sharp"),
    Camera("slight", 0.30, 0.30, 0, 0.6, 1.2, 0, 92),
    Camera("phone", 0.60, 0.55, 0, 4, 24, 0.5, 85, 0.6, 1.0),
    Camera("oblique", 1.30, 0.50, 34, 2, 6, 0, 90),
    Camera("strong", 1.60, 1.40, 69, 16, 50, 0.6, 75),
    Camera("web", 0.80, 0.80, 0, 4, 8, 0.4, 60),
    Camera("large", 0.90, 0.90, 0, 3, 12, 0.4, 88, 0.3, 1.0),
    Camera("motion", 2.2, 0.7, 120, 6, 10, 0.6, 80),
    Camera("noisy", 0.5, 0.4, 90, 25, 40, 0.5),
    Camera("sharpened", 1.2, 1.0, 10, 3, 3, 0.4, 85, 1.2, 1.5),
)


def blurred(clean: Tensor, camera: Camera) -> Tensor:
    """The clean photo with the camera's Gaussian, applied exactly in the frequency domain."""
    border = 24
    padded = torch.nn.functional.pad(clean, [border] * 4, mode="reflect")
    size = padded.shape[-2:]
    down = 2 * math.pi * torch.fft.fftfreq(size[0])[:, None]
    across = 2 * math.pi * torch.fft.rfftfreq(size[1])[None]
    cosine, sine = math.cos(math.radians(camera.degrees)), math.sin(math.radians(camera.degrees))
    along, beside = cosine * across + sine * down, cosine * down - sine * across
    gaussian = torch.exp(-0.5 * ((camera.wide * along).square() + (camera.narrow * beside).square()))
    result = torch.fft.irfft2(torch.fft.rfft2(padded) * gaussian, s=size)
    return result[..., border:-border, border:-border].clamp(0, 1)


def mosaic(photos: list[Tensor]) -> Tensor:
    """Twelve photos' centres (1, 3, 512, 512) as one (1, 3, 1536, 2048)."""
    tiles = []
    for photo in photos:
        top, left = ((side - TILE) // 2 for side in photo.shape[-2:])
        tiles.append(photo[..., top : top + TILE, left : left + TILE])
    return torch.cat([torch.cat(tiles[row : row + 4], -1) for row in (0, 4, 8)], -2)


def scenes(paths: list[Path], count: int, seed: int) -> list[Tensor]:
    """Scenes (1, 3, 384, 512) in [0, 1], of twelve photos each."""
    photos = [photo for photo in map(read_levels, paths) if min(photo.shape[-2:]) >= TILE]
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(len(photos)) for _ in range(12 * count // len(photos) + 1)])
    return [
        imresize(mosaic([photos[one] for one in order[12 * index : 12 * index + 12]]).float() / 255, 0.25)
        .clamp(0, 1)
        for index in range(count)
    ]  # fmt: skip


def random_camera(rng: np.random.Generator) -> Camera:
    """A camera from sharp to very blurred, noisy and compressed."""
    wide = 0.0 if rng.random() < 0.06 else math.exp(rng.uniform(math.log(0.2), math.log(2.6)))
    narrow = wide if rng.random() < 0.35 else wide * rng.uniform(0.35, 1)
    strength = 0.0 if rng.random() < 0.55 else rng.uniform(0.1, 1.4)
    variance = 0.0 if rng.random() < 0.05 else math.exp(2 * rng.uniform(math.log(0.5), math.log(8)))
    share = rng.random()
    return Camera(
        "random", wide, narrow, rng.uniform(0, 180), variance * share, 2 * variance * (1 - share),
        0.0 if rng.random() < 0.4 else rng.uniform(0.3, 0.9),
        0 if rng.random() < 0.2 else int(rng.integers(60, 99)),
        strength, math.exp(rng.uniform(math.log(0.7), math.log(2.0))),
        0.0 if rng.random() < 0.6 else rng.uniform(0, 0.9), rng.uniform(0, 0.1),
        str(rng.choice(["4:2:0", "4:2:2", "4:4:4"], p=[0.5, 0.15, 0.35])),
    )  # fmt: skip


def within(found: float, wanted: float, share: float, least: float) -> bool:
    return abs(found - wanted) <= max(share * wanted, least)


def judged(camera: Camera, found: Profile) -> dict[str, bool]:
    """Which of the aims are met."""
    blur, noise = found.blur, found.noise
    turn = (math.degrees(blur.angle) - camera.degrees + 90) % 180 - 90
    round_one = camera.wide < 1.25 * camera.narrow or camera.wide < 0.4
    return {
        "wide": within(blur.wide, camera.wide, 0.15, 0.1),
        "narrow": within(blur.narrow, camera.narrow, 0.15, 0.1),
        "angle": round_one or abs(turn) <= 15,
        "noise dark": within(noise.level(0.2), camera.level(0.2), 0.2, 0.3),
        "noise bright": within(noise.level(0.8), camera.level(0.8), 0.2, 0.3),
        "sharpening": within(found.sharpening.strength, camera.strength, 0.3, 0.3),
    }


def line(camera: Camera, found: Profile) -> str:
    """Truth > estimate."""
    blur, noise, sharp = found.blur, found.noise, found.sharpening
    judgement = "".join("." if met else name[0] + name[-1] for name, met in judged(camera, found).items())
    return (
        f"{camera.name:10} {camera.wide:.2f} > {blur.wide:.2f}  {camera.narrow:.2f} > {blur.narrow:.2f}  "
        f"{camera.degrees:3.0f} > {math.degrees(blur.angle):3.0f}  noise "
        + "  ".join(f"{camera.level(value):.2f} > {noise.level(value):.2f}" for value in (0.2, 0.5, 0.8))
        + f"  corr. {camera.correlation:.1f} > {noise.correlation:.1f}  JPEG {camera.quality}"
        f"  sharp {camera.strength:.2f} > {sharp.strength:.2f}  {judgement}"
    )


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--random", type=int, default=20, help="number of random cameras")
    parser.add_argument("--only-random", action="store_true", help="leave out the fixed cameras")
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--photos", type=int, default=12, help="of each camera")
    given = parser.parse_args()
    torch.set_num_threads(1)
    paths = sorted(path for path in given.folder.iterdir() if path.suffix != ".tsv")
    clean = scenes(paths, given.photos, given.seed)
    rng = np.random.default_rng(given.seed)
    groups = {
        "fixed": [] if given.only_random else list(CAMERAS),
        "random": [random_camera(rng) for _ in range(given.random)],
    }
    for name, cameras in groups.items():
        met = []
        began = time.process_time()
        for camera in cameras:
            photos = [camera.photo(scene, rng) for scene in clean]
            found = profile_of(
                [measure_windows([one], str(index), camera.facts()) for index, one in enumerate(photos)]
            )
            print(line(camera, found), flush=True)
            met.append(judged(camera, found))
        if cameras:
            shares = (f"{aim} {sum(one[aim] for one in met)}/{len(met)}" for aim in met[0])
            print(f"{name}: within the aims: {', '.join(shares)}", flush=True)
            print(
                f"{(time.process_time() - began) / len(cameras) / len(clean):.2f} s a photo, with the simulation"
            )


if __name__ == "__main__":
    main()
