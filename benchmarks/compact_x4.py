"""How good the embedded model is: PSNR and LPIPS on photographs degraded with fixed seeds.

    python benchmarks/compact_x4.py PHOTOS FEATURES [MODEL ...] [--degradation wild]

PHOTOS is a folder of lossless HR photographs that no model was trained on; FEATURES holds ``alexnet.safetensors`` and
``lpips_linear_v0.1.safetensors``. Photograph number n is degraded with seed n, by a name of
``wildsr.degradations.presets``, so name and seeds are the test set. Bicubic comes first; MODEL is a name or a file.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import wildsr
from wildsr.degradations.presets import preset
from wildsr.evaluation.distortion import psnr
from wildsr.evaluation.perceptual import load_lpips
from wildsr.image import read
from wildsr.ops.resize import resize


def pairs(folder: Path, name: str) -> list[tuple[Tensor, Tensor]]:
    """LR and HR of every photograph, in the order of their names."""
    degradation = preset(name, 4)
    found = []
    for seed, path in enumerate(sorted(folder.glob("*.png"))):
        hr = read(path).rgb
        height, width = hr.shape[-2] // 4 * 4, hr.shape[-1] // 4 * 4
        hr = hr[..., :height, :width]
        parameters = degradation.sample(np.random.default_rng(seed), (height, width))
        found.append((degradation.apply(hr, [parameters]), hr))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("photos", type=Path)
    parser.add_argument("features", type=Path)
    parser.add_argument("models", nargs="*", default=["default"])
    parser.add_argument("--degradation", default="wild")
    options = parser.parse_args()
    lpips = load_lpips(options.features)
    tests = pairs(options.photos, options.degradation)
    print(f"{len(tests)} photographs, degradation {options.degradation}")
    scores = {}
    for name in ["bicubic", *options.models]:
        upscaler = None if name == "bicubic" else wildsr.Upscaler(wildsr.load(name), precision="exact")
        rows = []
        for lr, hr in tests:
            size = (hr.shape[-2], hr.shape[-1])
            sr = resize(lr, size).clamp(0, 1) if upscaler is None else upscaler(lr)
            with torch.inference_mode():
                rows.append([psnr(sr, hr, border=4).item(), lpips(sr, hr).item()])
        scores[name] = torch.tensor(rows)
        mean, gain = scores[name].mean(0), scores[name] - scores["bicubic"]
        print(
            f"{Path(name).stem:28} PSNR {mean[0]:6.2f} dB ({gain[:, 0].mean():+.2f}, better on "
            f"{int((gain[:, 0] > 0).sum())})   LPIPS {mean[1]:.3f} ({gain[:, 1].mean():+.3f}, better on "
            f"{int((gain[:, 1] < 0).sum())})"
        )


if __name__ == "__main__":
    main()
