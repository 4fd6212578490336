"""Damaged and malicious files of all other kinds that wildsr reads, the same ones for the same seed."""

import io
import json
import random
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import yaml
from fuzz_pool import Files, Hostile
from hostile_files import ANY
from hostile_formats import saved
from PIL import Image
from scipy.io import savemat
from skimage import data

from nrqm_model import FEATURES, made_forest, save_model
from wildsr.data import manifest as pairs
from wildsr.data.store import write_store
from wildsr.degradations import profile
from wildsr.degradations.pools import KernelPool, NoisePool, save_kernel_pool, save_noise_pool
from wildsr.degradations.presets import PRESETS, preset
from wildsr.inference import entries, run_manifest
from wildsr.recipes.builtin import RECIPES
from wildsr.recipes.yaml import dump_recipe

KINDS = (
    "images",
    "recipes",
    "pools",
    "stores",
    "states",
    "records",
    "names",
    "profiles",
    "manifests",
    "options",
    "votes",
    "matlab",
)


def healthy_inputs(kind: str) -> list[Files]:
    """Small healthy files of one of :data:`KINDS`, by suffix."""
    return _SAMPLES[kind]()


def hostile_input(seed: int, kind: str, healthy: list[Files], index: int) -> Hostile:
    """Number ``index`` of the hostile files of a kind."""
    rng = random.Random(f"{seed} {kind} {index}")
    files = dict(healthy[index % len(healthy)])
    main = next(iter(files))
    if kind == "names":
        return Hostile("names: odd", {main: json.dumps([_odd_name(rng) for _ in range(12)]).encode()})
    special = _SPECIAL.get(kind, {})
    choice = rng.choice([*ANY, *special, *special])
    files[main] = (special.get(choice) or ANY[choice])(rng, files[main])
    return Hostile(f"{kind}: {choice}", files)


def _images() -> list[Files]:
    pixels = np.ascontiguousarray(data.astronaut()[100:124, 100:132])
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><tiff:Orientation>6</tiff:Orientation></x:xmpmeta>'
    found = []
    for name, suffix, options in [
        ("JPEG", ".jpg", {"xmp": xmp, "exif": _exif()}),
        ("JPEG", ".jpg", {"progressive": True, "subsampling": 0}),
        ("PNG", ".png", {"exif": _exif()}),
        ("WEBP", ".webp", {"xmp": xmp}),
        ("WEBP", ".webp", {"lossless": True}),
        ("TIFF", ".tif", {"compression": "tiff_lzw"}),
        ("TIFF", ".tif", {"compression": "raw"}),
        ("GIF", ".gif", {}),
        ("BMP", ".bmp", {}),
        ("PPM", ".ppm", {}),
        ("AVIF", ".avif", {}),
    ]:
        if name not in Image.registered_extensions().values():
            continue
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, name, **options)
        found.append({suffix: buffer.getvalue()})
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([pixels, pixels[..., :1]]), "RGBA").save(buffer, "PNG")
    return [*found, {".png": buffer.getvalue()}]


def _exif() -> bytes:
    tags = Image.Exif()
    tags[0x0112], tags[0x010F] = 6, "Maker of cameras"
    return tags.tobytes()


def _recipes() -> list[Files]:
    return [{".yaml": dump_recipe(recipe).encode()} for recipe in RECIPES.values()]


def _pools() -> list[Files]:
    generator = torch.Generator().manual_seed(0)
    kernels = torch.softmax(torch.randn(3, 49, generator=generator), 1).view(3, 7, 7)
    patches = torch.randint(256, (3, 3, 16, 16), generator=generator, dtype=torch.uint8)
    with tempfile.TemporaryDirectory() as name:
        paths = Path(name, "kernels.safetensors"), Path(name, "noise.safetensors")
        save_kernel_pool(paths[0], KernelPool(kernels, 4, ("a", "b", "c")))
        save_noise_pool(paths[1], NoisePool(patches, ("a", "b", "c")))
        return [{".safetensors": path.read_bytes()} for path in paths]


def _stores() -> list[Files]:
    png = next(files[".png"] for files in _images() if ".png" in files)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "images.lmdb")
        write_store(path, [(f"a/{index}.png", png) for index in range(6)])
        return [{".lmdb": path.read_bytes()}]


def _states() -> list[Files]:
    network = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    content = {
        "version": 1,
        "identity": {"scale": "4"},
        "step": 2,
        "skipped": 0,
        "best": {"psnr": (30.0, 2)},
        "sums": {"g": 1.0},
        "counts": {"g": 2},
        "average": None,
        "scaler": None,
        "networks": {"g": network.state_dict()},
        "optimizers": {"g": optimizer.state_dict()},
    }
    return [{".pt": saved(content, legacy=False)}]


def _records() -> list[Files]:
    found = []
    for name in PRESETS:
        parameters = preset(name, 4).sample(np.random.default_rng(0), (32, 32))
        samples = [{"picture": "a.png", "size": [32, 32], "parameters": parameters}]
        record = {
            "format": "wildsr.degradations",
            "version": 1,
            "degradation": name,
            "scale": 4,
            "samples": samples,
        }
        found.append({".json": json.dumps(record).encode()})
    return found


def _names() -> list[Files]:
    return [{".json": b"[]"}]


def _profiles() -> list[Files]:
    photos = tuple(profile.PhotoMeasurement(f"{name}.jpg", 640, 480, 900, 1.1, 0.9) for name in "abc")
    whole = profile.Profile(
        profile.Blur(1.2, 0.9, 0.3, 0.1, 0.2, 0.05, 0.05, 0.1),
        profile.Noise(4.0, 9.0, 0.4, error=0.1, spread=0.1, curve=((0.2, 2.0, 90.0), (0.7, 3.0, 80.0))),
        profile.Compression(
            0.9, (profile.JpegSetting(80, luma=(3,) * 64, chroma=(5,) * 64), profile.JpegSetting(95))
        ),
        profile.Sharpening(0.5, 1.2, 0.1),
        "Maker Model",
        photos,
    )
    with tempfile.TemporaryDirectory() as name:
        return [{".json": profile.write_profile(whole, name).read_bytes()}]


def _manifests() -> list[Files]:
    head = run_manifest.Head("upscale", {"model": "default", "scale": 4}, "1/2")
    digest = "0" * 64
    lines_of_images = [
        entries.Entry("a.png", "o/a.png", "done", 9, "1", digest, 90, "2", digest, 0.5),
        entries.Entry("b.png", "", "failed", error="unreadable"),
        entries.Entry("c.png", "o/c.png", "started", 9, "1"),
    ]
    lines = [head.line(), *(one.line() for one in lines_of_images)]
    images = [
        pairs.PreparedImage(name, "source", 9, 1, digest, (8, 8), {}, (pairs.Output(name, digest, digest),))
        for name in "ab"
    ]
    with tempfile.TemporaryDirectory() as name:
        made = pairs.Manifest(Path(name, pairs.MANIFEST), {"scale": 4})
        made.entries = {image.source: image for image in images}
        made.finish("ab")
        return [{".jsonl": "\n".join(lines).encode()}, {".jsonl": made.path.read_bytes()}]


def _options() -> list[Files]:
    realsr = {
        "name": "realsr",
        "scale": 4,
        "datasets": {"train": {"mode": "LQGT", "batch_size": 16, "GT_size": 128, "use_flip": True}},
        "network_G": {"which_model_G": "RRDBNet", "in_nc": 3, "out_nc": 3, "nf": 64, "nb": 23},
        "network_D": {"which_model_D": "NLayerDiscriminator", "in_nc": 3, "nf": 64, "nlayer": 3},
        "train": {
            "lr_G": 1e-4,
            "niter": 60001,
            "lr_steps": [5000, 10000],
            "pixel_weight": 0.01,
            "other": "x",
        },
    }
    kair = {
        "task": "bsrgan",
        "scale": 4,
        "netG": {"net_type": "rrdbnet", "in_nc": 3, "out_nc": 3, "nf": 64, "nb": 23},
        "datasets": {"train": {"dataset_type": "blindsr", "H_size": 256, "dataloader_batch_size": 16}},
        "train": {"G_lossfn_type": "l1", "G_optimizer_lr": 1e-4, "G_scheduler_milestones": [200000, 400000]},
    }
    return [{".yml": yaml.safe_dump(realsr).encode()}, {".json": json.dumps(kair).encode()}]


def _votes() -> list[Files]:
    votes = [
        {"image": f"{n}.png", "left": "ours", "right": "theirs", "choice": n}
        for n in ("left", "right", "tie")
    ]
    saved_votes = {"wildsr_votes": 1, "contenders": ["ours", "theirs"], "votes": votes}
    return [{".json": json.dumps(saved_votes).encode()}]


def _matlab() -> list[Files]:
    rng = np.random.default_rng(0)
    kernel = rng.random((7, 7))
    with tempfile.TemporaryDirectory() as name:
        forests = [made_forest(rng, count, trees=2, depth=2) for count in FEATURES]
        model = save_model(Path(name, "model.mat"), forests).read_bytes()
        savemat(f"{name}/kernel.mat", {"Kernel": kernel / kernel.sum()})
        packed = io.BytesIO()
        savemat(packed, {"Kernel": kernel / kernel.sum()}, do_compression=True)
        return [{".mat": Path(name, "kernel.mat").read_bytes()}, {".mat": packed.getvalue()}, {".mat": model}]


_SAMPLES: dict[str, Callable[[], list[Files]]] = {
    "images": _images,
    "recipes": _recipes,
    "pools": _pools,
    "stores": _stores,
    "states": _states,
    "records": _records,
    "names": _names,
    "profiles": _profiles,
    "manifests": _manifests,
    "options": _options,
    "votes": _votes,
    "matlab": _matlab,
}


def _odd_name(rng: random.Random) -> str:
    """A troublesome file name, argument or name within an archive."""
    pieces = [
        "..",
        ".",
        "/",
        "~",
        "~root",
        "\x1b[31m",
        "\u202e",
        "\udcff",
        "\0",
        "{stem}",
        "{",
        "*",
        "[a",
        "%s",
        "\n",
    ]
    pieces += [
        "C:",
        "\\",
        "a" * 300,
        "é",
        "\u0301",
        " ",
        "-o",
        "--",
        "con",
        ":smile:",
        "[red]",
        "<b>",
        "=1+1",
        ".png",
    ]
    return "".join(rng.choice(pieces) for _ in range(rng.randint(1, 5))) + rng.choice(
        ["", ".png", ".PNG", ".jpg"]
    )


def _other_value(rng: random.Random, content: bytes) -> bytes:
    """Another value behind one of the colons of a YAML or JSON text."""
    text = content.decode()
    places = [index for index, letter in enumerate(text) if letter == ":"]
    place = rng.choice(places) + 1
    end = min(
        [where for mark in ("\n", ",", "}") if (where := text.find(mark, place)) >= 0], default=len(text)
    )
    values = [
        "null",
        "-1",
        "1e999",
        "9" * 400,
        "{}",
        "[]",
        '"x"',
        "true",
        "010",
        "0.5",
        "[[[[[[",
        "NaN",
        "99999999",
    ]
    return (text[:place] + " " + rng.choice(values) + text[end:]).encode()


def _other_text(rng: random.Random, content: bytes) -> bytes:
    """A strange name instead of one of the texts of JSON lines."""
    text = content.decode()
    texts = [found.span() for found in re.finditer(r'"[^"]*"', text)]
    begin, end = rng.choice(texts)
    return (text[:begin] + json.dumps(_odd_name(rng)) + text[end:]).encode()


def _aliases(_: random.Random, content: bytes) -> bytes:
    levels = [f"l{index}: &l{index} [{', '.join([f'*l{index - 1}'] * 9)}]" for index in range(1, 12)]
    return content + "\n".join(["", "l0: &l0 [1, 2]", *levels]).encode()


_SPECIAL: dict[str, dict[str, Callable[[random.Random, bytes], bytes]]] = {
    "recipes": {"another value": _other_value, "aliases": _aliases},
    "records": {"another value": _other_value},
    "profiles": {"another value": _other_value},
    "manifests": {"another value": _other_value, "another name": _other_text},
    "options": {"another value": _other_value, "aliases": _aliases},
    "votes": {"another value": _other_value},
}
