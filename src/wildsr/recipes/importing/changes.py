"""Helpers for both kinds of option files: their values as changes of a built-in recipe."""

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from wildsr.recipes.importing.settings import OptionFile
from wildsr.zoo.catalogue import PUBLISHED

PIXEL_LOSSES = {
    "l1": "l1",
    "l2": "l2",
    "mse": "l2",
    "cb": "charbonnier",
    "charbonnier": "charbonnier",
    "ssim": "ssim",
}
GAN_LOSSES: dict[str, tuple[str, str | None]] = {
    "gan": ("vanilla", None),
    "vanilla": ("vanilla", None),
    "ragan": ("vanilla", "all"),
    "lsgan": ("lsgan", None),
    "wgan": ("wgan", None),
}
"""The names of the originals -> our loss, and what it is relative to."""
NEVER = 10**7


class Changes:
    """Changes of a recipe, as ``--set`` takes them, in order."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def put(self, place: str, value: Any) -> None:
        """Set the value of ``place``."""
        self.all.append(f"{place}={json.dumps(value)}")


def start_of(given: str) -> str:
    """A pretrained network: the name of the published model that has this file, or else the path as it is."""
    name = PurePosixPath(given.replace("\\", "/")).name
    for model in PUBLISHED.values():
        if model.file == name:
            return model.name
    return given


def put_start(options: OptionFile, place: str, changes: Changes, network: str) -> None:
    """The starting weights of a network; null for random ones."""
    given = options.take(place)
    changes.put(f"networks.{network}.start", start_of(given) if given else None)


def put_loss(options: OptionFile, kind: str, weight: str, changes: Changes, place: str) -> None:
    """A pixel loss and its weight."""
    name = str(options.take(kind, "l1"))
    if name not in PIXEL_LOSSES:
        options.leave(kind, f"wildsr has {', '.join(sorted(set(PIXEL_LOSSES.values())))}")
        return
    changes.put(f"{place}.kind", PIXEL_LOSSES[name])
    changes.put(f"{place}.weight", float(options.take(weight, 1.0)))


def put_gan(options: OptionFile, kind: str, weight: str, changes: Changes) -> None:
    """The adversarial loss and its weight."""
    name = str(options.take(kind, "gan"))
    if name in GAN_LOSSES:
        loss, relative_to = GAN_LOSSES[name]
        changes.put("objective.adversarial.loss", loss)
        changes.put("objective.adversarial.relative_to", relative_to)
    else:
        options.leave(kind, f"wildsr has {', '.join(GAN_LOSSES)}")
    changes.put("objective.adversarial.weight", float(options.take(weight, 1.0)))


def put_validation(options: OptionFile, place: str, changes: Changes) -> None:
    """After how many steps to validate. The originals switch it off by a number that no run reaches."""
    every = int(options.take(place) or NEVER)
    if every < NEVER:
        changes.put("validation.every", every)


def put_steps_of_rates(changes: Changes, network: str, at: Sequence[int] | None, factor: Any) -> None:
    """At which steps the learning rate is multiplied by ``factor``."""
    place = f"optimizers.{network}.schedule"
    if at is not None:
        changes.put(f"{place}.kind", "milestones")
        changes.put(f"{place}.at", [int(step) for step in at])
        changes.put(f"{place}.factor", 0.5 if factor is None else float(factor))
