"""Training of the network that estimates a camera's blur, sharpening and noise from features of its photos.

    python benchmarks/train_camera_profile.py clean FOLDER... -o clean.pt
    python benchmarks/train_camera_profile.py rows clean.pt -o rows-1.pt --cameras 10600 --seed 1
    python benchmarks/train_camera_profile.py train rows-*.pt -o camera.safetensors --steps 20000

The first downscales sharp photos: mosaics of photos of 512 pixels by 4, photos of 1024 pixels by 4 and by 2. Every
fifth photo is left out, for testing. The second takes photos with random cameras and keeps their features; it may run
several times at once, with other seeds. The third writes the weights of ``estimation/camera.safetensors``.
"""

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from camera_profile import Camera, mosaic, random_camera
from wildsr.estimation.camera import NOISE_AT, NOISE_OFFSET, OFFSET
from wildsr.estimation.camera_features import DIRECTIONAL, GENERAL, photo_features
from wildsr.estimation.edges import DIRECTIONS
from wildsr.estimation.flat_blocks import flat_blocks
from wildsr.image import read_levels
from wildsr.networks.camera import NUMBERS, CameraNetwork
from wildsr.ops.resize import imresize

DISTURBED = 0.15
"""Noise on features in training, in their standard deviations."""
WEIGHT_DECAY = 0.1


def is_for_training(index: int) -> bool:
    return index % 5 != 0


def clean_photos(folders: list[Path], mosaics: int) -> list[Tensor]:
    """Sharp images (3, h, w) float16 in [0, 1]."""
    paths = [path for folder in folders for path in sorted(folder.iterdir()) if path.suffix != ".tsv"]
    small: list[Tensor] = []
    made = []
    for index, path in enumerate(paths):
        if not is_for_training(index):
            continue
        levels = read_levels(path)
        if min(levels.shape[-2:]) >= 800:
            sides = [side // 4 * 4 for side in levels.shape[-2:]]
            inner = levels[..., : sides[0], : sides[1]].float() / 255
            made += [imresize(inner, 1 / scale).clamp(0, 1)[0].half() for scale in (2, 4)]
        elif min(levels.shape[-2:]) >= 512:
            small.append(levels)
    rng = np.random.default_rng(0)
    for _ in range(mosaics):
        chosen = [small[int(one)] for one in rng.integers(len(small), size=12)]
        made.append(imresize(mosaic(chosen).float() / 255, 0.25).clamp(0, 1)[0].half())
    return made


def rows(clean: list[Tensor], cameras: int, large: float, seed: int, output: Path) -> None:
    """Write features of photos of random cameras, and the truth."""
    rng = np.random.default_rng(seed)
    kept: list[dict[str, Any]] = []
    began = time.monotonic()
    for index in range(cameras):
        camera = random_camera(rng)
        side, count = (384, 4) if rng.random() < large else (192, 8)
        found = []
        while len(found) < count:
            image = clean[int(rng.integers(len(clean)))]
            if min(image.shape[-2:]) < side:
                continue
            top, left = (int(rng.integers(full - side + 1)) for full in image.shape[-2:])
            part = image[None, :, top : top + side, left : left + side].float()
            levels = camera.photo(part, rng)
            found.append(photo_features([levels], flat_blocks(levels), camera.facts()))
        kept.append(
            {
                "directional": torch.stack([one.directional for one in found]).half(),
                "general": torch.stack([one.general for one in found]).half(),
                "counts": torch.stack([one.counts for one in found]) * (192 / side) ** 2,
                "camera": camera,
            }
        )
        if index % 20 == 19:
            torch.save(kept, output.with_suffix(".part"))
            output.with_suffix(".part").rename(output)
            print(f"{index + 1} cameras, {time.monotonic() - began:.0f} s", flush=True)


def truth(camera: Camera) -> Tensor:
    """Targets (8 + NUMBERS,) of the network."""
    turned = torch.arange(DIRECTIONS) * math.pi / DIRECTIONS - math.radians(camera.degrees)
    variance = (camera.wide * turned.cos()).square() + (camera.narrow * turned.sin()).square()
    levels = [
        math.log(math.sqrt(camera.constant + camera.slope * value) + NOISE_OFFSET) for value in NOISE_AT
    ]
    rest = [camera.strength, math.log(camera.radius), *levels, camera.correlation, camera.channels]
    return torch.cat([(variance + OFFSET).log().float(), torch.tensor(rest)])


class Rows:
    """Features of the photos of n cameras, and the truth.

    Attributes:
        directional: (n, 8, 8, DIRECTIONAL), of eight photos; four larger ones are there twice.
        general: (n, 8, GENERAL).
        counts: (n, 8, 8).
        truth: (n, 8 + NUMBERS).
    """

    def __init__(self, cameras: list[dict[str, Any]]) -> None:
        def eight(name: str) -> Tensor:
            return torch.stack([torch.cat([one[name]] * (8 // len(one[name]))).float() for one in cameras])

        self.directional, self.general, self.counts = (
            eight(name) for name in ("directional", "general", "counts")
        )
        self.truth = torch.stack([truth(one["camera"]) for one in cameras])

    def loss(self, network: CameraNetwork, which: Tensor, rng: torch.Generator | None) -> Tensor:
        """Negative log likelihoods of the truth, (NUMBERS + 1,).

        With ``rng``, photos are left out, mirrored and turned, and features disturbed.
        """
        directional, counts, general = self.directional[which], self.counts[which], self.general[which]
        wanted = self.truth[which]
        if rng is not None:
            mirrored, transposed = (bool(torch.rand((), generator=rng) < 0.5) for _ in range(2))
            order = torch.arange(DIRECTIONS)
            order = -order % DIRECTIONS if mirrored else order
            order = (DIRECTIONS // 2 - order) % DIRECTIONS if transposed else order
            place = directional[..., -2:]  # of the direction itself
            directional = torch.cat([directional[:, :, order, :-2], place], -1)
            counts = counts[:, :, order]
            wanted = torch.cat([wanted[:, order], wanted[:, DIRECTIONS:]], 1)
            directional = directional + DISTURBED * network.directional_spread * torch.randn(
                directional.shape, generator=rng
            )
            general = general + DISTURBED * network.general_spread * torch.randn(general.shape, generator=rng)
        embedded, weights = network.embed(directional, general, counts)
        if rng is not None:
            out = torch.rand(weights.shape[:2], generator=rng) < 0.3
            out[:, :2] = False
            weights = weights.masked_fill(out.unsqueeze(-1), -30.0)
        directions, numbers = network(embedded, weights)
        blur = _likelihood(directions, wanted[:, :DIRECTIONS])
        found = _likelihood(numbers, wanted[:, DIRECTIONS:])
        seen = torch.ones_like(found)
        seen[:, 1] = (wanted[:, DIRECTIONS] > 0.2).float()  # the radius of something
        seen[:, 5:] = (wanted[:, DIRECTIONS + 3 : DIRECTIONS + 4] > 0.0).float()  # correlations of something
        return torch.cat([blur.mean()[None], (found * seen).mean(0)])


def _likelihood(found: Tensor, wanted: Tensor) -> Tensor:
    error = found[..., 1].clamp(-3.5, 1)
    # Laplace's distribution: some cameras cannot be told apart.
    return (found[..., 0] - wanted).abs() / error.exp() + error


def train(files: list[Path], output: Path, steps: int) -> None:
    """Train the network, and write the weights that are best for the twelfth of the cameras that is left out."""
    torch.manual_seed(0)
    rng = torch.Generator().manual_seed(0)
    data = Rows([one for path in files for one in torch.load(path, weights_only=False)])
    order = torch.randperm(len(data.truth), generator=rng)
    aside, used = order[: len(order) // 12], order[len(order) // 12 :]
    network = CameraNetwork(DIRECTIONAL, GENERAL)
    for name, dims in (("directional", (0, 1, 2)), ("general", (0, 1))):
        every = getattr(data, name)[used]
        getattr(network, f"{name}_mean").copy_(every.mean(dims))
        getattr(network, f"{name}_spread").copy_(every.std(dims).clamp(min=1e-2))
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps, pct_start=0.1)
    importance = torch.ones(NUMBERS + 1)
    importance[0], importance[1] = 4.0, 2.0
    lowest = math.inf
    for step in range(1, steps + 1):
        chosen = used[torch.randint(len(used), (40,), generator=rng)]
        loss = (data.loss(network, chosen, rng) * importance).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        if step % 100 == 0:
            with torch.no_grad():
                other = data.loss(network, aside, None)
            total = float((other * importance).sum())
            told = " ".join(f"{float(one):.2f}" for one in other)
            print(f"step {step}: {loss.item():.2f}, aside {total:.2f} ({told})", flush=True)
            if total < lowest:
                lowest = total
                weights = {name: value.half() for name, value in network.state_dict().items()}
                save_file(weights, output)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["clean", "rows", "train"])
    parser.add_argument("inputs", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--cameras", type=int, default=10600)
    parser.add_argument("--large", type=float, default=0.4, help="share of cameras with larger photos")
    parser.add_argument("--mosaics", type=int, default=240)
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "clean":
        torch.save(clean_photos(given.inputs, given.mosaics), given.output)
    elif given.what == "rows":
        rows(torch.load(given.inputs[0]), given.cameras, given.large, given.seed, given.output)
    else:
        train(given.inputs, given.output, given.steps)


if __name__ == "__main__":
    main()
