"""The images of a comparison: cropped to the window that is shown, and encoded without loss."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from wildsr.evaluation.compare.contenders import Subject
from wildsr.evaluation.compare.trials import Key, plan
from wildsr.evaluation.report.crops import Crop, cut, most_different
from wildsr.image import ImageError, probe, read_levels

OnImage = Callable[[int, int], None]
"""Called with (images done, images in all)."""


@dataclass(frozen=True)
class Comparison:
    """The content of a page or a sheet.

    Attributes:
        key: the names, and which contender is on which side of each pair.
        windows: WebP without loss by (image, contender).
        inputs: WebP without loss of the same part of the input, by image; those that are known.
        sizes: (width, height) of the windows by image.
        notes: a sentence about everything that was left out.
    """

    key: Key
    windows: dict[tuple[int, int], bytes]
    inputs: dict[int, bytes]
    sizes: dict[int, tuple[int, int]]
    notes: tuple[str, ...]

    @property
    def identity(self) -> str:
        """Digest of the key and of all pixels: votes that a browser keeps belong to one comparison only."""
        digest = hashlib.sha256(self.key.identity.encode())
        for place in sorted(self.windows):
            digest.update(self.windows[place])
        return digest.hexdigest()[:16]


class _Shown(NamedTuple):
    windows: dict[int, Tensor]
    source: Tensor | None


def prepare(
    contenders: Sequence[str],
    subjects: Sequence[Subject],
    *,
    side: int = 768,
    seed: int = 0,
    most: int | None = None,
    on_image: OnImage | None = None,
) -> Comparison:
    """Plan the pairs and read what they show.

    Of images larger than ``side`` a window of that side is shown, the same of all contenders: where their luminance
    differs most, on average over the window. Results of another size than most are left out, and so are pairs of
    equal pixels.

    Args:
        contenders: their names.
        subjects: the images.
        side: largest side of what is shown, in pixels; 0 shows everything.
        seed: of sides and order.
        most: maximum number of pairs.
        on_image: progress.

    Raises:
        ValueError: no image has results of two contenders, of the same size, which differ.
    """
    notes: list[str] = []
    available = {subject.name: _of_one_size(subject, contenders, notes) for subject in subjects}
    key = plan(contenders, available, seed, most)
    needed = sorted({pair.image for pair in key.pairs})
    windows: dict[tuple[int, int], bytes] = {}
    inputs: dict[int, bytes] = {}
    sizes: dict[int, tuple[int, int]] = {}
    equal: set[tuple[int, int, int]] = set()
    for done, image in enumerate(needed, start=1):
        wanted = {one for pair in key.pairs if pair.image == image for one in (pair.left, pair.right)}
        try:
            shown = _shown(subjects[image], sorted(wanted), side)
        except ImageError as error:
            notes.append(f"{subjects[image].name} is left out: {error}")
            equal |= {(image, one, other) for one in wanted for other in wanted}
            continue
        for one, levels in shown.windows.items():
            windows[image, one] = coded(levels)
            sizes[image] = (levels.shape[3], levels.shape[2])
            for other, others in shown.windows.items():
                if one != other and torch.equal(levels, others):
                    equal.add((image, one, other))
                    if one < other:
                        names = f"{contenders[one]} and {contenders[other]}"
                        notes.append(f"{names} have the same pixels for {subjects[image].name}: no pair")
        if shown.source is not None:
            inputs[image] = coded(shown.source)
        if on_image is not None:
            on_image(done, len(needed))
    pairs = tuple(pair for pair in key.pairs if (pair.image, pair.left, pair.right) not in equal)
    if not pairs:
        raise ValueError(
            "there is nothing to compare: the contenders' results are the same, or cannot be read"
        )
    return Comparison(replace(key, pairs=pairs), windows, inputs, sizes, tuple(notes))


def coded(levels: Tensor, form: str = "WEBP") -> bytes:
    """Levels (1, 3, H, W) uint8 as a lossless image file without metadata."""
    content = BytesIO()
    image = Image.fromarray(levels[0].permute(1, 2, 0).contiguous().numpy())
    if form == "WEBP":
        image.save(content, form, lossless=True, method=2, quality=40)
    else:
        image.save(content, form, optimize=False)
    return content.getvalue()


def _of_one_size(subject: Subject, contenders: Sequence[str], notes: list[str]) -> list[bool]:
    """For each contender, whether its result has the most frequent size; of equally frequent ones the first."""
    sizes: list[tuple[int, int] | None] = []
    for name, path in zip(contenders, subject.results, strict=True):
        try:
            found = None if path is None else probe(path)
        except ImageError as error:
            notes.append(f"{name} is left out for {subject.name}: {error}")
            found = None
        sizes.append(None if found is None else (found.width, found.height))
    known = Counter(size for size in sizes if size is not None)
    usual = known.most_common(1)[0][0] if known else None
    for name, size in zip(contenders, sizes, strict=True):
        if size is not None and size != usual:
            notes.append(
                f"{name} is left out for {subject.name}: it has {size[0]}x{size[1]} pixels, others "
                f"{usual[0] if usual else 0}x{usual[1] if usual else 0}"
            )
    return [size is not None and size == usual for size in sizes]


def _shown(subject: Subject, contenders: Sequence[int], side: int) -> _Shown:
    levels = {}
    for one in contenders:
        path = subject.results[one]
        assert path is not None
        levels[one] = read_levels(path)
    height, width = next(iter(levels.values())).shape[2:]
    crop = most_different(list(levels.values()), side) if side else Crop(0, 0, width, height)
    source = None
    if subject.lr is not None:
        source = cut(read_levels(subject.lr), crop, (height, width))
    return _Shown({one: cut(image, crop, (height, width)) for one, image in levels.items()}, source)
