"""The steps that upscale one file: check, compute, save. Each can run in a thread of its own."""

from dataclasses import dataclass
from typing import NamedTuple

from wildsr.image import Canvas, ImageError, LoadedImage, Traits, check_writable, write
from wildsr.image.formats import Size, output_format
from wildsr.inference.engine import Array
from wildsr.inference.sizing import OutputSize, Target, passes
from wildsr.inference.upscaler import OnTile, Upscaler
from wildsr.storage.locations import Location, make_folder


@dataclass(frozen=True)
class SaveOptions:
    """Encoding of results. ``format`` None: by the suffix of the file; ``quality`` None: the format's default.

    Without ``overwrite``, a file that appears under the name meanwhile stays, and the image fails. ``truncate`` cuts
    off fractions of levels of 8-bit images instead of rounding, as DDNSR's test.py does.
    """

    format: str | None = None
    quality: int | None = None
    overwrite: bool = True
    truncate: bool = False


class UpscaledImage(NamedTuple):
    """An upscaled image before it is written to a file."""

    canvas: Canvas
    alpha: Array | None
    target: Target


def check(
    path: Location, image: LoadedImage, upscaler: Upscaler, wanted: OutputSize, saving: SaveOptions
) -> Target:
    """The size of the result for ``image``; raises ``ImageError`` if it could not be written to ``path``.

    Creates the folder of ``path`` if it does not exist.
    """
    target = wanted.resolve(image.size, upscaler.scale)
    try:
        make_folder(path.parent)
    except OSError as error:
        raise ImageError(f"Cannot write {path}: its folder cannot be created ({error.strerror}).") from error
    transparent = image.opacity is not None and bool((image.opacity < 1).any())
    check_writable(
        path, target.crop or target.size, alpha=transparent, format=saving.format, quality=saving.quality
    )
    return target


def traits_for(path: Location, image: LoadedImage, saving: SaveOptions) -> Traits:
    """The traits of ``image`` that the output file can hold."""
    return image.traits.fitted(output_format(path, saving.format))


def compute(
    image: LoadedImage,
    upscaler: Upscaler,
    target: Target,
    traits: Traits,
    on_tile: OnTile | None = None,
    deep: bool | None = None,
    truncate: bool = False,
) -> UpscaledImage:
    """Upscale an image onto a canvas with ``traits``: its own, or those that the output file can hold.

    ``deep`` as in :meth:`Upscaler.pieces`; None: where ``traits`` have more than 8 bits. ``truncate`` as in
    :class:`SaveOptions`.
    """
    samples, deep = image.samples, traits.depth != "uint8" if deep is None else deep
    further = passes(image.size, target.size, upscaler.scale)[1:]
    if further:
        from wildsr.ops.resize import resize

        rgb = image.rgb
        for size in further:
            rgb = resize(upscaler(rgb, on_tile, deep=deep), (size.height, size.width))
        samples = rgb[0].permute(1, 2, 0).numpy()
    canvas = Canvas(samples.shape[0] * upscaler.scale, samples.shape[1] * upscaler.scale, traits, truncate)
    try:
        for top, left, pixels in upscaler.parts(samples, on_tile, deep=deep, levels=canvas.takes_levels):
            canvas.paste(top, left, pixels)
    except BaseException:
        canvas.close()
        raise
    return UpscaledImage(canvas, image.opacity, target)


class Saved(NamedTuple):
    """The size of a written image, and the SHA-256 of its file if it was asked for."""

    size: Size
    sha256: str | None


def save(path: Location, painted: UpscaledImage, saving: SaveOptions, digest: bool = False) -> Saved:
    """Write an upscaled image, whole or not at all; ``digest``: compute the SHA-256 of the file."""
    target = painted.target
    with painted.canvas as canvas:
        sha256 = write(
            path,
            canvas,
            alpha=painted.alpha,
            size=target.size,
            crop=target.crop,
            format=saving.format,
            quality=saving.quality,
            overwrite=saving.overwrite,
            digest=digest,
        )
    return Saved(target.crop or target.size, sha256)
