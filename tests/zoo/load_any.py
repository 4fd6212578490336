"""Loads files of any kind, for tests with damaged and hostile files."""

import json
import shutil
from pathlib import Path

# Loaded before the memory that a file takes is measured.
import wildsr.zoo.architectures
import wildsr.zoo.read  # noqa: F401
from wildsr.zoo.load import load, load_network


def load_any(path: Path) -> object:
    """A Model; or a network, since a Keras file may also hold one that only training needs."""
    return load_network(path) if path.suffix == ".h5" else load(path)


def load_images(path: Path) -> object:
    """The image, and a copy of it with all its metadata."""
    from wildsr.image import Canvas, read, write

    image = read(path)
    canvas = Canvas(image.size.height, image.size.width, image.traits)
    canvas.paste(0, 0, image.rgb)
    write(path.with_name("copy.tif"), canvas)
    return image


def load_recipes(path: Path) -> object:
    from wildsr.recipes.yaml import dump_recipe, load_recipe

    return dump_recipe(load_recipe(path))


def load_pools(path: Path) -> object:
    """The pool, and an image degraded with it."""
    import numpy as np
    import torch

    from wildsr.degradations.methods.realsr import RealSr
    from wildsr.degradations.pools import PoolError, load_kernel_pool, load_noise_pool

    try:
        degradation = RealSr(4, kernels=load_kernel_pool(path))
    except PoolError:
        degradation = RealSr(4, noise=load_noise_pool(path))
    return degradation.apply(
        torch.rand(1, 3, 64, 64), [degradation.sample(np.random.default_rng(0), (64, 64))]
    )


def load_stores(path: Path) -> object:
    """All images of the store that can be read."""
    from wildsr.data.store import Store
    from wildsr.image import ImageError

    store, found = Store(path), []
    for name in store.names:
        try:
            found.append(store.read(name))
        except ImageError:
            continue
    return found


def load_states(path: Path) -> object:
    from wildsr.training.settings import Run
    from wildsr.training.state_files import load_state

    run = Run(path.parent, "net", "", {"scale": "4"})
    place = path.parent / "state" / "step-00000002.pt"
    place.parent.mkdir(exist_ok=True)
    shutil.move(path, place)
    return load_state(run)


def load_records(path: Path) -> object:
    """The record, and an image degraded by it."""
    import torch

    from wildsr.degradations.degradation import load_record
    from wildsr.degradations.program import run_steps

    record = load_record(path)
    return [run_steps(torch.rand(1, 3, 32, 32), [sample.parameters]) for sample in record.samples]


def load_names(path: Path) -> object:
    """Names as arguments, as outputs, as names within a folder, and as files of one."""
    from wildsr.errors import UsageError
    from wildsr.inference.jobs import Naming, existing_outputs, find_jobs
    from wildsr.storage.paths import join_untrusted

    folder = path.parent / "photos"
    folder.mkdir()
    for name in json.loads(path.read_bytes()):
        try:
            place = join_untrusted(folder, name)
            assert place.resolve().is_relative_to(folder.resolve())
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        except (OSError, ValueError):
            pass
        for inputs, naming in (
            ([str(folder)], Naming()),
            ([str(folder)], Naming(output=name)),
            ([f"{folder}/{name}"], Naming()),
        ):
            try:
                jobs, _ = find_jobs(inputs, naming)
                existing_outputs(jobs, "fail")
            except UsageError:
                continue
    return path
