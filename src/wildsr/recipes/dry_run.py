"""Describes a run before it starts: networks, memory, data, and the first batch as an image."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wildsr.data.loader import Batches
from wildsr.image import write_rgb
from wildsr.recipes.config.recipe import Recipe
from wildsr.recipes.run import Built

SHEET = "first-batch.png"
_SHOWN = 8
_ROLES = ("lr", "lr_real", "source", "hr", "hr_reference")


def dry_run(built: Built, folder: Path) -> list[str]:
    """Facts about a run, in lines; its first batch is written into ``folder``.

    Raises:
        DataError: the first batch cannot be made.
        ImageError: the image of it cannot be written.
    """
    recipe = built.recipe
    batch = next(Batches(built.data.dataset, recipe.train.batch_size)(0))
    lines = [f"{recipe.name}: {recipe.about}"] if recipe.about else [recipe.name]
    for name, network in built.objective.networks.items():
        role = ", which becomes the model" if name == built.objective.result else ""
        count = sum(weight.numel() for weight in network.parameters())
        lines.append(f"network {name}: {recipe.networks[name].architecture}, {count:,} parameters{role}")
    lines += built.notes
    shapes = ", ".join(f"{role} {tuple(tensor.shape)}" for role, tensor in batch.items())
    lines.append(f"batch: {shapes}")
    fixed, computed = memory(built, batch)
    gigabytes = f"{(fixed + computed) / 2**30:.1f} GiB: {fixed / 2**30:.1f} for weights and optimizers"
    lines.append(
        f"memory, about {gigabytes}, {computed / 2**30:.1f} for a batch (one process, without the system's)"
    )
    folder.mkdir(parents=True, exist_ok=True)
    lines.append(f"first batch: {write_sheet(folder / SHEET, batch)}")
    return lines


def memory(built: Built, batch: Mapping[str, Tensor]) -> tuple[int, int]:
    """Bytes for weights with gradients and optimizers, and for computing a batch.

    The second is measured on one sample: everything that a turn keeps for its backward pass, times the samples.
    """
    recipe = built.recipe
    trained = sum(_bytes(network) for network in built.objective.networks.values())
    average = _bytes(built.objective.networks[built.objective.result]) if recipe.train.ema else 0
    samples = -(-recipe.train.batch_size // recipe.train.accumulate)
    one = {role: tensor[:1] for role, tensor in batch.items()}
    return 4 * trained + average, samples * _kept_by_a_turn(built, one, recipe)


def _kept_by_a_turn(built: Built, batch: dict[str, Tensor], recipe: Recipe) -> int:
    half = recipe.train.precision != "fp32"
    autocast = torch.autocast("cpu", torch.bfloat16) if half else nullcontext()
    owned = {
        weight.data_ptr() for network in built.objective.networks.values() for weight in network.parameters()
    }
    most = 0
    with autocast:
        for turn in built.objective.turns(0):
            with _counted(owned) as seen:
                turn.losses(batch)
            most = max(most, sum(seen.values()))
    return most


@contextmanager
def _counted(but: set[int]) -> Iterator[dict[int, int]]:
    """Bytes of the tensors that autograd saves, by address, except the weights ``but``."""
    seen: dict[int, int] = {}

    def keep(tensor: Tensor) -> Any:
        if tensor.data_ptr() not in but:
            seen[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept):
        yield seen


def _bytes(network: nn.Module) -> int:
    return sum(weight.numel() * weight.element_size() for weight in network.parameters())


def write_sheet(path: Path, batch: Mapping[str, Tensor]) -> Path:
    """Write the first samples of a batch as one image: a row for each, smaller images enlarged by whole pixels."""
    roles = [role for role in _ROLES if role in batch]
    side = max(batch[role].shape[-1] for role in roles)
    rows = []
    for index in range(min(_SHOWN, len(batch[roles[0]]))):
        row = [
            F.interpolate(batch[role][index : index + 1], size=(side, side), mode="nearest")[0]
            for role in roles
        ]
        rows.append(torch.cat(row, dim=-1))
    sheet = torch.cat(rows, dim=-2)
    write_rgb(path, sheet)
    return path
