"""The pairs of a blind comparison with their sides and order, and the key that is kept from judges. Loads no torch."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = 1
"""Version of the key; raised when its meaning changes."""


@dataclass(frozen=True)
class Trial:
    """Two contenders side by side; both and the image are positions in the lists of the :class:`Key`."""

    image: int
    left: int
    right: int


@dataclass(frozen=True)
class Key:
    """The names of contenders and images, and the sides of each pair; kept from the judges.

    Attributes:
        contenders, images: their names.
        pairs: in the order in which they are shown.
        seed: of sides and order.
    """

    contenders: tuple[str, ...]
    images: tuple[str, ...]
    pairs: tuple[Trial, ...]
    seed: int

    @property
    def identity(self) -> str:
        """Digest of the key."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def as_json(self) -> dict[str, Any]:
        """The content of a key file."""
        return {
            "wildsr_comparison": FORMAT,
            "id": self.identity,
            "seed": self.seed,
            "contenders": list(self.contenders),
            "images": list(self.images),
            "pairs": [[pair.image, pair.left, pair.right] for pair in self.pairs],
        }


def load_key(path: Path) -> Key:
    """The key in a JSON file.

    Raises:
        ValueError: the file holds no key of this format.
        OSError: the file cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["wildsr_comparison"] != FORMAT:
            raise ValueError(f"its format is {content['wildsr_comparison']}, this wildsr reads {FORMAT}")
        pairs = tuple(Trial(*pair) for pair in content["pairs"])
        return Key(tuple(content["contenders"]), tuple(content["images"]), pairs, content["seed"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not the key of a comparison: {error}") from error


def plan(
    contenders: Sequence[str], available: Mapping[str, Sequence[bool]], seed: int, most: int | None = None
) -> Key:
    """Pair every two contenders on every image that both have, in random order and on random sides.

    Each contender is on either side equally often (but for one), in every pairing.

    Args:
        contenders: their names.
        available: by image, which contenders have a result to show.
        seed: of sides and order.
        most: maximum number of pairs, spread evenly over the pairings of contenders.

    Raises:
        ValueError: no image has results of two contenders.
    """
    rng = np.random.default_rng(seed)
    images = tuple(available)
    queues: list[list[Trial]] = []
    for first, second in combinations(range(len(contenders)), 2):
        both = [
            index for index, name in enumerate(images) if available[name][first] and available[name][second]
        ]
        swaps = rng.permutation(np.arange(len(both)) % 2 == rng.integers(2))
        queues.append(
            [
                Trial(image, second, first) if swapped else Trial(image, first, second)
                for image, swapped in zip(
                    rng.permutation(np.array(both, dtype=np.int64)).tolist(), swaps, strict=True
                )
            ]
        )
    # Turn by turn, so that a limit takes as many of every pairing.
    longest = max((len(queue) for queue in queues), default=0)
    pairs = [queue[turn] for turn in range(longest) for queue in queues if turn < len(queue)][:most]
    if not pairs:
        raise ValueError("no image has results of two contenders to compare")
    return Key(tuple(contenders), images, tuple(pairs[place] for place in rng.permutation(len(pairs))), seed)


def encoded(content: dict[str, Any], seed: int) -> str:
    """Obfuscate JSON so that it cannot be read at a glance: UTF-8, XOR with pseudo-random bytes of ``seed``, base64.

    This is no encryption: it keeps honest judges from seeing names in the source of the page. compare.js decodes it.
    """
    text = json.dumps(content, ensure_ascii=False).encode()
    state, mask = seed & 0xFFFFFFFF, bytearray()
    for _ in text:
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        mask.append(state >> 24)
    return base64.b64encode(bytes(a ^ b for a, b in zip(text, mask, strict=True))).decode("ascii")
