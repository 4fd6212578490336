"""The random generator and the shard of an image, both derived from its name alone."""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def generator(seed: int, name: str, index: int = 0) -> "np.random.Generator":
    """The generator for the ``index``-th sample of the image ``name``; the same on every machine.

    It depends on nothing else, so that adding or removing other images changes nothing.

    Args:
        seed: 0 or more.
        name: path of the image within the folder that the user gave, with its suffix and ``/`` as separator; for a
            single file its file name; empty for an image in memory.
        index: number of the sample, where several are made of one image, or place in a batch.
    """
    import numpy as np

    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big"), index])


def in_shard(name: str, number: int, count: int) -> bool:
    """Whether the image ``name`` belongs to part ``number`` (from 1) of ``count``; the same on every machine."""
    digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") % count == number - 1
