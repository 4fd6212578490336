"""How well the profiles of simulated cameras are found, and the training of the network that finds blur.

    python benchmarks/camera_profile.py FOLDER [--photos 12]
    python benchmarks/camera_profile.py FOLDER --train WEIGHTS [--samples 2000] [--steps 1500]

FOLDER holds sharp photos; those of at least 800 pixels a side are downscaled by 4, others by 2. Every fifth is for
testing and never trained on. The first prints, for each camera, the truth and what was measured in its photos. The
second writes the weights of ``estimation/edge_blur.safetensors``: photos get a random blur, sharpening, noise and
compression, and the network learns blur and sharpening from the features of edges, with its own uncertainty.
"""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from wildsr.degradations.program import run_steps
from wildsr.estimation.blur import LEAST_EDGES, OFFSET, photo_features
from wildsr.estimation.edges import DIRECTIONS
from wildsr.estimation.flat_blocks import flat_blocks, level_function
from wildsr.estimation.profile import measure_windows, profile_of
from wildsr.estimation.sources import find_sources
from wildsr.image import quantize, read_levels
from wildsr.image.jpeg_facts import JpegFacts, standard_tables
from wildsr.networks.edge_blur import EdgeBlurNetwork
from wildsr.ops.resize import imresize


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

    def photo(self, clean: Tensor, seed: int) -> Tensor:
        """The photo (3, h, w) uint8 of a clean one (1, 3, h, w) in [0, 1]."""
        steps: list[dict[str, Any]] = []
        if self.strength:
            steps.append({"step": "unsharp", "strength": self.strength, "radius": self.radius})
        noise = {"step": "level_noise", "constant": self.constant, "slope": self.slope, "seed": seed}
        steps.append(noise | {"correlation": self.correlation})
        steps.append({"step": "jpeg", "quality": self.quality} if self.quality else {"step": "round"})
        return quantize(run_steps(blurred(clean, self), [{"steps": steps}]))[0]


CAMERAS = (
    Camera("sharp"),
    Camera("slight", 0.35, 0.35, 0, 1, 2, 0, 95),
    Camera("round", 0.8, 0.8, 0, 4, 8, 0.5, 90),
    Camera("oblique", 1.3, 0.6, 35, 2, 4, 0.4, 85),
    Camera("strong", 2.0, 2.0, 0, 1, 1, 0, 75),
    Camera("motion", 2.2, 0.7, 120, 6, 10, 0.6, 80),
    Camera("noisy", 0.5, 0.4, 90, 25, 40, 0.5),
    Camera("web", 1.0, 0.8, 60, 2, 2, 0, 60),
    Camera("sharpened", 0.7, 0.7, 0, 2, 4, 0, 90, 0.8, 1.2),
    Camera("sharpened more", 1.2, 1.0, 10, 3, 3, 0.4, 85, 1.2, 1.5),
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


def clean_photo(path: Path) -> Tensor:
    """A photo downscaled until it is sharp, (1, 3, h, w) in [0, 1]."""
    levels = read_levels(path).float() / 255
    scale = 4 if min(levels.shape[-2:]) >= 800 else 2
    height, width = (side - side % scale for side in levels.shape[-2:])
    return imresize(levels[..., :height, :width], 1 / scale).clamp(0, 1)


def compare(paths: list[Path]) -> None:
    """Print truth and measurement of all cameras."""
    clean = [clean_photo(path) for path in paths]
    for camera in CAMERAS:
        facts = None
        if camera.quality:
            facts = JpegFacts(*standard_tables(camera.quality), "4:2:0", camera.quality, True)
        photos = [camera.photo(one, seed) for seed, one in enumerate(clean)]
        found = profile_of([measure_windows([one], str(index), facts) for index, one in enumerate(photos)])
        levels = [math.sqrt(camera.constant + camera.slope * value) for value in (0.2, 0.8)]
        blur, noise = found.blur, found.noise
        print(f"{camera.name}: truth, measured")
        print(f"  blur {camera.wide:.2f} x {camera.narrow:.2f} at {camera.degrees:.0f} degrees", end=", ")
        print(f"{blur.wide:.2f} x {blur.narrow:.2f} at {math.degrees(blur.angle):.0f}")
        print(
            f"  noise {levels[0]:.2f} and {levels[1]:.2f}, {noise.level(0.2):.2f} and {noise.level(0.8):.2f}"
        )
        print(f"  sharpening {camera.strength:.1f}, {found.sharpening.strength:.2f}", flush=True)


def random_camera(rng: np.random.Generator) -> Camera:
    """A camera for training, from sharp to very blurred, noisy and compressed."""
    wide = 0.0 if rng.random() < 0.08 else math.exp(rng.uniform(math.log(0.15), math.log(3)))
    narrow = wide if rng.random() < 0.3 else wide * rng.uniform(0.35, 1)
    strength = 0.0 if rng.random() < 0.6 else rng.uniform(0.1, 1.5)
    variance = 0.0 if rng.random() < 0.2 else math.exp(2 * rng.uniform(math.log(0.4), math.log(9)))
    share = rng.random()
    return Camera(
        "", wide, narrow, rng.uniform(0, 180), variance * share, 2 * variance * (1 - share),
        0.0 if rng.random() < 0.4 else rng.uniform(0.3, 0.9), 0 if rng.random() < 0.35 else int(rng.integers(55, 99)),
        strength, math.exp(rng.uniform(math.log(0.6), math.log(2.5))),
    )  # fmt: skip


def training_rows(paths: list[Path], samples: int) -> tuple[Tensor, Tensor]:
    """Features (n, f), and targets (n, 3): variance of the blur, strength and radius of the sharpening."""
    rng = np.random.default_rng(1)
    features, targets = [], []
    angles = torch.arange(DIRECTIONS) * math.pi / DIRECTIONS
    for index in range(samples):
        if index % 8 == 0:
            clean = clean_photo(paths[int(rng.integers(len(paths)))])
        camera = random_camera(rng)
        levels = camera.photo(clean, int(rng.integers(2**31)))
        blocks = flat_blocks(levels)
        noise = level_function(blocks, compressed=camera.quality > 0).level() if len(blocks) else 0.0
        found, counts = photo_features([levels], noise)
        turned = angles - math.radians(camera.degrees)
        variance = (camera.wide * turned.cos()).square() + (camera.narrow * turned.sin()).square()
        seen = counts >= LEAST_EDGES
        other = torch.tensor([camera.strength, camera.radius]).expand(DIRECTIONS, 2)
        features.append(found[seen])
        targets.append(torch.cat([variance[:, None], other], 1)[seen].float())
    return torch.cat(features), torch.cat(targets)


def train(paths: list[Path], weights: Path, samples: int, steps: int) -> None:
    """Train the network and write its weights."""
    torch.manual_seed(0)
    features, targets = training_rows(paths, samples)
    network = EdgeBlurNetwork(features.shape[1])
    network.mean.copy_(features.mean(0))
    network.spread.copy_(features.std(0).clamp(min=1e-3))
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(1, steps + 1):
        chosen = torch.randint(len(features), (1024,))
        found, wanted = network(features[chosen]), targets[chosen]
        blur_error, strength_error = found[:, 1].clamp(-4, 2), found[:, 3].clamp(-4, 2)
        blur = 0.5 * ((found[:, 0] - (wanted[:, 0] + OFFSET).log()) / blur_error.exp()).square() + blur_error
        strength = 0.5 * ((found[:, 2] - wanted[:, 1]) / strength_error.exp()).square() + strength_error
        radius = (wanted[:, 1] > 0.2) * (found[:, 4] - wanted[:, 2].log()).square()
        loss = (blur + 0.5 * strength + 0.5 * radius).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            print(f"step {step}: {float(loss):.3f}", flush=True)
    save_file(network.state_dict(), weights)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=12)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--samples", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=1500)
    given = parser.parse_args()
    paths = [source.path for source in find_sources([given.folder])]
    if given.train is not None:
        train(
            [path for index, path in enumerate(paths) if index % 5], given.train, given.samples, given.steps
        )
    else:
        compare(paths[::5][: given.photos])


if __name__ == "__main__":
    main()
