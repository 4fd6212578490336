"""Pairs of LR and HR images, matched by name."""

from pathlib import Path, PurePosixPath

from wildsr.data.errors import DataError, listed
from wildsr.data.image_sets import ImageSet, find_images
from wildsr.data.names import partners, without_suffix


def find_pairs(lr: Path, hr: Path, scale: int, lr_patch: int) -> tuple[ImageSet, ImageSet]:
    """The LR and the HR images of two folders or stores, in the same order.

    They are matched by :func:`wildsr.data.names.partners`; in addition ``babyx4``, as in some data sets, matches
    ``baby``. LR images below ``lr_patch`` pixels are skipped with their partners.

    Raises:
        DataError: images have no partner or several, or sizes do not have exactly the scale; the message lists them.
    """
    lrs, hrs = find_images(lr, 1), find_images(hr, 1)
    # All names: an unreadable image is reported elsewhere, and its partner is no mismatch.
    lr_names, hr_names = _named(lrs), _named(hrs)
    known = {*hr_names.values()}
    for item, name in lr_names.items():
        # Only for this scale: otherwise box1 and box2 would be the same image.
        bare = name.removesuffix(f"x{scale}")
        lr_names[item] = bare if bare in known and name not in known else name
    found = partners(lr_names, hr_names)
    if found.ambiguous:
        several = [
            f"{lr}: {', '.join(ours)} might belong to {hr}: {', '.join(theirs)}"
            for ours, theirs in found.ambiguous
        ]
        raise DataError(
            f"the pairing of these images is ambiguous; give the images of a pair the same name:\n{listed(several)}"
        )
    alone = [f"{lr}/{name} has no HR image" for name in found.only_first]
    alone += [f"{hr}/{name} has no LR image" for name in found.only_second]
    if alone:
        raise DataError(
            f"pairs are matched by name, and {len(alone)} images have no partner; remove them or give "
            f"them matching names:\n{listed(alone)}"
        )
    hr_of, readable = dict(found.pairs), {*hrs.names}
    keys = [name for name in lrs.names if hr_of[name] in readable]
    lrs, hrs = lrs.only(keys), hrs.only([hr_of[name] for name in keys])
    wrong = [
        f"{lr}/{lr_name} is {lr_size}, {hr}/{hr_name} is {hr_size}"
        for lr_name, lr_size, hr_name, hr_size in zip(lrs.names, lrs.sizes, hrs.names, hrs.sizes, strict=True)
        if (lr_size.width * scale, lr_size.height * scale) != tuple(hr_size)
    ]
    if wrong:
        raise DataError(
            f"{len(wrong)} of {len(keys)} pairs do not have the scale {scale}; HR images must be exactly {scale} times "
            f"as wide and high:\n{listed(wrong)}"
        )
    large = [index for index, size in enumerate(lrs.sizes) if min(size) >= lr_patch]
    if not large:
        raise DataError(
            f"{lr}: no image of at least {lr_patch}x{lr_patch} pixels was found here; use larger images, or "
            "make the patches of the recipe smaller"
        )
    lrs.small += [name for name, size in zip(lrs.names, lrs.sizes, strict=True) if min(size) < lr_patch]
    return lrs.only([lrs.names[i] for i in large]), hrs.only([hrs.names[i] for i in large])


def _named(images: ImageSet) -> dict[str, str]:
    return {name: without_suffix(PurePosixPath(name)) for name in images.source.names}
