"""Measures images on disk; the next images are read in the background."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from wildsr.evaluation.metrics import Meter
from wildsr.evaluation.results import Row
from wildsr.image import ImageError, probe, read_levels

READ_AHEAD_UP_TO = 32_000_000
"""Largest size in pixels of images that are read ahead; of larger ones only one pair is in memory."""

OnRow = Callable[[int, int], None]
"""Called with (rows done, rows in all)."""


def score(
    rows: Sequence[Row], meters: Sequence[Meter], *, crop: bool = False, on_row: OnRow | None = None
) -> list[Row]:
    """Fill in the values of all metrics; the order of rows is kept.

    A metric that refuses an image leaves a note instead of a value; an image that cannot be read leaves one for
    every metric. Result and reference of different sizes are refused, or with ``crop`` cropped at the right and the
    bottom to their common size. A reference is read once for adjacent rows.
    """
    done: list[Row] = []
    with ThreadPoolExecutor(1, "wildsr-read") as reader:
        for row, pair in _read_ahead(rows, reader):
            done.append(_scored(row, pair, meters, crop))
            del pair  # frees the memory before the next pair is read
            if on_row is not None:
                on_row(len(done), len(rows))
    return done


Pair = tuple[Tensor, "Tensor | None"]


def _scored(row: Row, pair: Pair | ImageError, meters: Sequence[Meter], crop: bool) -> Row:
    values, notes = dict(row.values), dict(row.notes)
    if isinstance(pair, ImageError):
        return replace(row, notes=notes | {meter.metric.name: str(pair) for meter in meters})
    result, truth = pair
    mismatch = ""
    if truth is not None and truth.shape != result.shape:
        mismatch = f"the result has {_size(result)} pixels and the truth {_size(truth)}"
        if crop:
            height, width = (min(a, b) for a, b in zip(result.shape[2:], truth.shape[2:], strict=True))
            notes["picture"] = f"{mismatch}: both were cropped to {width}x{height}"
            result, truth = (x[..., :height, :width] for x in (result, truth))
            mismatch = ""
    for meter in meters:
        name = meter.metric.name
        if not meter.metric.reference:
            truth_or_none = None
        elif truth is None:
            continue
        elif mismatch:
            notes[name] = f"{mismatch}; use --crop if they differ only at the right and the bottom"
            continue
        else:
            truth_or_none = truth
        try:
            values[name] = meter(result, truth_or_none)[0]
        except ValueError as error:
            notes[name] = str(error)
    return replace(row, values=values, notes=notes)


def _read_ahead(rows: Sequence[Row], reader: ThreadPoolExecutor) -> Iterator[tuple[Row, Pair | ImageError]]:
    """Each row with its images; a reference is kept while following rows use it."""
    last: tuple[str, Tensor] | None = None

    def read_pair(row: Row) -> Pair | ImageError:
        nonlocal last
        if row.sr is None:
            return ImageError(f"there is no result for {row.image}")
        try:
            if last is not None and last[0] != row.hr:
                last = None
            result = read_levels(row.sr)
            if row.hr is None:
                return result, None
            if last is None:
                last = (row.hr, read_levels(row.hr))
            return result, last[1]
        except ImageError as error:
            return error

    ahead: Future[Pair | ImageError] | None = None
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        pair = (ahead if ahead is not None else reader.submit(read_pair, row)).result()
        ahead = reader.submit(read_pair, following) if following is not None and _small(following) else None
        yield row, pair
        del pair


def _small(row: Row) -> bool:
    try:
        sizes = [probe(Path(path)) for path in (row.sr, row.hr) if path is not None]
    except ImageError:
        return True  # reading it reports the error
    return all(size.width * size.height <= READ_AHEAD_UP_TO for size in sizes)


def _size(image: Tensor) -> str:
    return f"{image.shape[3]}x{image.shape[2]}"
