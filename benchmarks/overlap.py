"""The error at the seams of tiles by overlap, for each architecture.

    python benchmarks/overlap.py [--photos FOLDER] [--count 12] [--side 160] [--model NAME ...]
        [--random GAIN ...]

A tile differs from the whole image near its cut borders only. So each crop of a photo is upscaled whole, and again
without its first rows and columns: the difference of the two by the distance from the cut is the error that tiles with
this overlap would show. Printed are the largest and the mean difference within 8 LR pixels beyond each overlap, in
levels of 8 bits, in float32, over all crops; and the smallest overlap, in steps of 4, whose largest is at most half a
level. Without a folder, photos are scikit-image's.

``--random`` measures the models, and RRDBNet-23 with 16 features (whose reach does not depend on them), with random
weights instead: He's initialisation times GAIN, where ESRGAN starts with 0.1.
"""

import argparse
from pathlib import Path

import torch
from skimage import data
from torch import Tensor

import wildsr
from wildsr.image import read
from wildsr.networks.rrdbnet import RRDBNet

OVERLAPS = range(4, 49, 4)
SEAM = 8
"""Width in LR pixels over which the mean is taken."""


def crops(folder: Path | None, count: int, side: int) -> list[Tensor]:
    """Crops (1, 3, side, side) from the centres of photos, every second one of the photo at half its size."""
    if folder is None:
        arrays = [data.astronaut(), data.coffee(), data.rocket(), data.chelsea()]
        photos = [torch.from_numpy(array.copy()).permute(2, 0, 1)[None].float() / 255 for array in arrays]
    else:
        paths = sorted(path for path in folder.iterdir() if path.is_file())
        photos = [read(path).rgb for path in paths[:: max(1, len(paths) // count)]]
    found = []
    for number in range(count):
        photo = photos[number % len(photos)]
        if number % 2 and min(photo.shape[-2:]) >= 2 * side:
            photo = torch.nn.functional.avg_pool2d(photo, 2)
        top, left = ((extent - side) // 2 for extent in photo.shape[-2:])
        if top >= 0 and left >= 0:
            found.append(photo[..., top : top + side, left : left + side])
    return found


def errors(network: torch.nn.Module, image: Tensor, scale: int, cut: int) -> tuple[Tensor, Tensor]:
    """Largest and mean difference in levels at each distance in LR pixels from the cut."""
    with torch.inference_mode():
        whole = network(image).clamp(0, 1)[..., cut * scale :, cut * scale :]
        part = network(image[..., cut:, cut:].contiguous()).clamp(0, 1)
    difference = 255 * (whole - part).abs().amax(dim=(0, 1))
    across, down = difference.shape[1] // scale, difference.shape[0] // scale
    distance = torch.minimum(torch.arange(down)[:, None], torch.arange(across)[None])
    cells = torch.nn.functional.max_pool2d(difference[None], scale)[0]
    means = torch.nn.functional.avg_pool2d(difference[None], scale)[0]
    steps = range(min(down, across))
    largest = torch.stack([cells[distance == step].max() for step in steps])
    return largest, torch.stack([means[distance == step].mean() for step in steps])


def table(name: str, network: torch.nn.Module, scale: int, images: list[Tensor], cut: int) -> None:
    """Print the errors of one network."""
    found = [errors(network, image, scale, cut) for image in images]
    largest = torch.stack([one for one, _ in found]).amax(0)
    mean = torch.stack([one for _, one in found]).mean(0)
    worst = [float(largest[overlap:].max()) for overlap in OVERLAPS]
    print(f"{name}: {len(images)} crops")
    for overlap, value in zip(OVERLAPS, worst, strict=True):
        print(
            f"  overlap {overlap:3}: max {value:8.3f}  mean {float(mean[overlap : overlap + SEAM].mean()):8.4f}"
        )
    enough = [overlap for overlap, value in zip(OVERLAPS, worst, strict=True) if value <= 0.5]
    print(f"  smallest with at most half a level: {min(enough) if enough else 'none'}", flush=True)


def randomise(network: torch.nn.Module, gain: float, image: Tensor) -> None:
    """He's initialisation times ``gain``; what the last layer gives has the standard deviation 0.2, as a photo has."""
    torch.manual_seed(0)
    convolutions = [layer for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)]
    for layer in convolutions:
        torch.nn.init.kaiming_normal_(layer.weight, a=0.2).mul_(gain)
        torch.nn.init.zeros_(layer.bias)
    last = convolutions[-1]
    with torch.inference_mode():
        result = network(image)
        weight = last.weight.clone()
        last.weight.zero_()
        image_alone = network(image)
    last.weight.copy_(weight * 0.2 / (result - image_alone).std())
    if not image_alone.any():
        last.bias.fill_(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--side", type=int, default=160)
    parser.add_argument("--model", action="append")
    parser.add_argument("--random", type=float, nargs="+", metavar="GAIN", default=[])
    options = parser.parse_args()
    images = crops(options.photos, options.count, options.side)
    cut = options.side // 4
    for name in options.model or ["wildsr-photo-x4", "wildsr-photo-fast-x4"]:
        model = wildsr.load(name)
        kind, scale = model.contract.architecture, model.contract.scale
        if not options.random:
            table(f"{name} ({kind})", model, scale, images, cut)
        for gain in options.random:
            randomise(model.network, gain, images[0])
            table(f"{kind}, random weights times {gain:g}", model, scale, images, cut)
    for gain in options.random:
        network = RRDBNet(features=16, growth=8).eval().requires_grad_(False)
        randomise(network, gain, images[0])
        table(f"RRDBNet-23, random weights times {gain:g}", network, network.scale, images, cut)


if __name__ == "__main__":
    main()
