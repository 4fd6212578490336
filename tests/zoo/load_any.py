"""Loaders for files of every kind, for tests with damaged and hostile files."""

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


def load_profiles(path: Path) -> object:
    """The profile, written again, and an image degraded with it."""
    import numpy as np
    import torch

    from wildsr.degradations.methods.profiled import Profiled
    from wildsr.degradations.profile import read_profile, write_profile

    profile = read_profile(path)
    write_profile(profile, path.parent / "again")
    degradation = Profiled(profile)
    parameters = degradation.sample(np.random.default_rng(0), (32, 32))
    return degradation.apply(torch.rand(1, 3, 32, 32), [parameters])


def load_manifests(path: Path) -> object:
    """The manifest checked, summed up, and merged; of pairs, merged and its names joined with the folder."""
    from wildsr.data.manifest import is_manifest_of_pairs, merge_manifests_of_pairs
    from wildsr.inference.manifest_checks import check, merge, merge_files, missing_shards, summary

    target = path.with_name("all.jsonl")
    if is_manifest_of_pairs(path):
        return merge_manifests_of_pairs([path], target)
    head, entries = merge([path])
    local = [entry for entry in entries if "://" not in entry.output]
    missing_shards(head)
    return check(local), json.dumps(summary(head, entries)), merge_files([path], target)


def load_options(path: Path) -> object:
    """The recipe of an option file, as YAML that is read again."""
    from wildsr.recipes.importing.importer import import_recipe
    from wildsr.recipes.yaml import load_recipe

    text = import_recipe(path).to_yaml(path.name)
    path.with_name("recipe.yaml").write_text(text, encoding="utf-8")
    return load_recipe(path.with_name("recipe.yaml"))


def load_votes(path: Path) -> object:
    """The votes, counted."""
    from wildsr.errors import UsageError
    from wildsr.evaluation.compare.votes import load_votes

    try:
        return load_votes([path])
    except ValueError as error:
        raise UsageError(str(error)) from error


def load_matlab(path: Path) -> object:
    """A kernel pool, or NRQM's forests with one evaluated."""
    import numpy as np

    from wildsr.degradations.mat_kernels import import_mat_kernels
    from wildsr.degradations.pools import PoolError
    from wildsr.errors import UsageError
    from wildsr.evaluation.forest import read_forests

    try:
        return import_mat_kernels(path)
    except PoolError:
        try:
            forests, _ = read_forests(path, (18, 45, 75))
        except ValueError as error:
            raise UsageError(str(error)) from error
        return [forest(np.zeros(count)) for forest, count in zip(forests, (18, 45, 75), strict=True)]
