"""LR and HR pictures that belong together, by name."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from wildsr.data.errors import DataError, listed
from wildsr.data.pictures import Pictures, find_pictures


def find_pairs(lr: Path, hr: Path, scale: int, lr_patch: int) -> tuple[Pictures, Pictures]:
    """The LR and the HR pictures of two folders or stores, in the same order.

    Names decide, without the suffix of the format; an ``x4`` or ``_x4`` at the end of LR names, as DIV2K has it, may
    be missing from those of the HR pictures. LR pictures below ``lr_patch`` pixels are left out with their partners.

    Raises:
        DataError: when a picture has no partner or several, or a pair has not exactly the scale; lists them.
    """
    lrs, hrs = find_pictures(lr, 1), find_pictures(hr, 1)
    lr_of, hr_of = _by_key(lrs.names, scale), _by_key(hrs.names, None)
    if not any(key in hr_of for key in lr_of):
        lr_of = _by_key(lrs.names, None)
    # A partner that cannot be read is listed already; it is no mismatch.
    unread_lr, unread_hr = _by_key(_unread(lrs), scale), _by_key(_unread(hrs), None)
    alone = [
        f"{lr}/{name} has no HR picture" for key, name in lr_of.items() if key not in {**hr_of, **unread_hr}
    ]
    alone += [
        f"{hr}/{name} has no LR picture" for key, name in hr_of.items() if key not in {**lr_of, **unread_lr}
    ]
    if alone:
        raise DataError(
            f"pairs are matched by name, and {len(alone)} pictures have no partner; remove them or name them "
            f"alike:\n{listed(alone)}"
        )
    keys = [key for key in lr_of if key in hr_of]
    lrs, hrs = lrs.only([lr_of[key] for key in keys]), hrs.only([hr_of[key] for key in keys])
    wrong = [
        f"{lr}/{lr_name} is {lr_size}, {hr}/{hr_name} is {hr_size}"
        for lr_name, lr_size, hr_name, hr_size in zip(lrs.names, lrs.sizes, hrs.names, hrs.sizes, strict=True)
        if (lr_size.width * scale, lr_size.height * scale) != tuple(hr_size)
    ]
    if wrong:
        raise DataError(
            f"{len(wrong)} of {len(keys)} pairs have not the scale {scale}; HR pictures must be exactly {scale} times "
            f"as wide and high:\n{listed(wrong)}"
        )
    large = [index for index, size in enumerate(lrs.sizes) if min(size) >= lr_patch]
    if not large:
        raise DataError(
            f"{lr}: no picture of at least {lr_patch}x{lr_patch} pixels was found here; give larger pictures, or "
            "make the patches of the recipe smaller"
        )
    lrs.small += [name for name, size in zip(lrs.names, lrs.sizes, strict=True) if min(size) < lr_patch]
    return lrs.only([lrs.names[i] for i in large]), hrs.only([hrs.names[i] for i in large])


def _by_key(names: Sequence[str], scale: int | None) -> dict[str, str]:
    """Names by what must be equal in a pair; without ``x<scale>`` at the end where a scale is given."""
    ending = re.compile(f"[_-]?x{scale}$", re.IGNORECASE)
    found: dict[str, str] = {}
    for name in names:
        key = PurePosixPath(name).with_suffix("").as_posix()
        if scale is not None:
            key = ending.sub("", key)
        if key in found:
            raise DataError(
                f"{found[key]} and {name} have the same name; which one belongs to a pair is unclear"
            )
        found[key] = name
    return found


def _unread(pictures: Pictures) -> list[str]:
    used = {*pictures.names, *pictures.small}
    return [name for name in pictures.source.names if name not in used]
