"""Built-in recipes reduced to seconds on a CPU, with matching images and feature networks."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from image_folders import photograph, save
from keras_files import save_keras_vgg
from wildsr.degradations.pools import NoisePool, save_noise_pool
from wildsr.networks.lpips import Lpips
from wildsr.networks.vgg import VGGFeatures, layer_names
from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.config import (
    CompactConfig,
    DegradationNetworkConfig,
    DegradedDataConfig,
    DSGANObjectiveConfig,
    DualDataConfig,
    EDLNetConfig,
    PairedDataConfig,
    Recipe,
    ResUNetConfig,
    RRDBNetConfig,
    SRResCGANConfig,
    UnpairedDataConfig,
)
from wildsr.recipes.yaml import changed

_SMALL_NETWORKS = {
    RRDBNetConfig: {"features": 8, "blocks": 1, "growth": 4},
    EDLNetConfig: {"features": 8, "blocks": 1, "growth": 4},
    CompactConfig: {"features": 8, "convs": 2},
    ResUNetConfig: {"features": 8, "width": 8, "blocks": 1},
    SRResCGANConfig: {"features": 8, "blocks": 1},
    DegradationNetworkConfig: {"features": 4, "blocks": 1},
}
_SMALL_DATA = {
    DegradedDataConfig: {"hr_patch": 64, "lr_patch": 16},
    PairedDataConfig: {},  # the VGG-128 discriminators want 128 pixels
    UnpairedDataConfig: {"hr_patch": 64, "source_patch": 16},
    DualDataConfig: {},
}


def tiny(name: str, folder: Path, changes: tuple[str, ...] = ()) -> Recipe:
    """The small version of a built-in recipe, on the images of :func:`make_images`."""
    recipe = RECIPES[name]
    small = [f"data.folder={folder}", "data.workers=0", "train.batch_size=2", "train.precision=fp32"]
    small += ["files.log_every=1", "files.save_every=2", "files.tensorboard=false"]
    for role, network in recipe.networks.items():
        sizes = _SMALL_NETWORKS.get(
            type(network), {"features": 4} if "features" in type(network).model_fields else {}
        )
        small += [f"networks.{role}.{field}={value}" for field, value in sizes.items()]
        small.append(f"networks.{role}.start=null")
    small += [f"data.{field}={value}" for field, value in _SMALL_DATA[type(recipe.data)].items()]
    if isinstance(recipe.objective, DSGANObjectiveConfig):
        # LPIPS wants 64 pixels, and at that size its discriminator, which has one width, takes long.
        small.append("objective.terms.perceptual.weight=0")
    if getattr(recipe.objective, "teacher", None) is not None:
        small.append("objective.teacher.model=wildsr-photo-x4")
    if getattr(getattr(recipe.objective, "adversarial", None), "jitter", 0):
        small += ["objective.adversarial.jitter=3", "objective.adversarial.generator_after=0"]
    if isinstance(recipe.data, DegradedDataConfig | UnpairedDataConfig):
        small.append(f"data.folder={folder / 'HR'}")
    return changed(recipe, [*small, *changes], name)


def make_images(folder: Path) -> Path:
    """Write pairs and a noise pool; other kinds of data use the same images."""
    for number in range(2):
        hr = photograph(number, 272, 272)
        save(folder / "HR" / f"{number}.png", hr)
        save(folder / "LR" / f"{number}.png", torch.nn.functional.avg_pool2d(hr[None], 4)[0])
    patches = torch.randint(
        256, (3, 3, 48, 48), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    save_noise_pool(folder / "noise.safetensors", NoisePool(patches, ("a", "b", "c")))
    return folder


def make_features(folder: Path) -> Path:
    """Feature networks with random weights: a narrow VGG-19, and LPIPS."""
    folder.mkdir(parents=True)
    torch.manual_seed(0)
    narrow = VGGFeatures(layer_names(19)[-2:-1], 19, widths=[4] * 16)
    save_file(narrow.state_dict(), folder / "vgg19.safetensors")
    save_keras_vgg(folder / "vgg19-keras.h5", narrow.state_dict())
    linear = {}
    for backbone, file in (("alex", "alexnet"), ("squeeze", "squeezenet1_1")):
        weights = Lpips(backbone).state_dict()
        features = {key: value for key, value in weights.items() if key.startswith("features.")}
        save_file(features, folder / f"{file}.safetensors")
        linear |= {
            f"{backbone}.{key}": torch.rand_like(value) for key, value in weights.items() if "lin" in key
        }
    save_file(linear, folder / "lpips_linear_v0.1.safetensors")
    return folder
