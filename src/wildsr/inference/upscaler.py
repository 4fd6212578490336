"""The Upscaler, which runs a Model on images of any size, tile by tile. Imports torch for tensors only.

What is rare is computed with tensors: the ensemble, back-projection, a strength below 1, networks that need the whole
image. A file that needs none of it goes from NumPy through the engine to NumPy.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from wildsr.image.loaded import planes
from wildsr.inference.engine import Array, Engine, NotFinite, OutOfMemory, Precision, Wait
from wildsr.inference.engines import engine_maker
from wildsr.inference.errors import UpscaleError
from wildsr.inference.fidelity import is_faithful
from wildsr.inference.tiling import TilePlan, Window, plan
from wildsr.zoo.model import Model

if TYPE_CHECKING:
    from torch import Tensor

    from wildsr.networks.protocols import WholeImagePass

SMALLEST_TILE = 32
"""Side of the smallest tile in LR pixels; if memory cannot hold it, the image fails."""
_BACK_PROJECTION_RADIUS = 5
"""``wildsr.ops.back_projection.RADIUS``, which would import torch; a test compares them."""

OnTile = Callable[[int, int], None]
"""Called after each tile with (tiles done, tiles in all); an exception that it raises cancels the image."""


class Piece(NamedTuple):
    """A finished part of the output: (1, 3, h, w) float32 in [0, 1], not clamped, at (top, left) in HR pixels."""

    top: int
    left: int
    pixels: "Tensor"


class UpscaledPart(NamedTuple):
    """A :class:`Piece` as an array that is valid until the next one: (1, 3, h, w) float32, or (h, w, 3) uint8."""

    top: int
    left: int
    pixels: Array


class Upscaler:
    """Upscales images of any size with one model.

    Tiles overlap and are cropped to their cores. ``overlap`` in LR pixels is the model's own by default, with which
    the result is within one 8-bit level of the untiled result; with the model's receptive field they are equal.
    ``tile`` is the side of the largest tile in LR pixels, the model's own by
    default. ``ensemble`` averages over the eight flips and rotations.
    ``back_projection`` is the weight of one back-projection step (RealSR uses 0.2). ``strength`` below 1 blends toward
    a bicubic resize, or toward the model ``toward``, which must have the same architecture and sizes.

    Raises ``ValueError`` for a device that is not available or an option out of range, and ``ModelError`` for models
    that cannot be blended.
    """

    def __init__(
        self,
        model: Model,
        *,
        device: str = "auto",
        precision: Precision = "auto",
        tile: int | None = None,
        overlap: int | None = None,
        ensemble: bool = False,
        back_projection: float = 0.0,
        strength: float = 1.0,
        toward: Model | None = None,
    ) -> None:
        if not 0 <= strength <= 1:
            raise ValueError(
                f"strength is {strength}; it goes from 0 (nothing of the model) to 1 (all of it)"
            )
        if (tile or SMALLEST_TILE) < SMALLEST_TILE:
            raise ValueError(f"tile is {tile}; it must be at least {SMALLEST_TILE} pixels")
        if (overlap or 0) < 0:
            raise ValueError(f"overlap is {overlap}; it cannot be negative")
        if toward is not None:
            from wildsr.zoo.blend import blend

            model, strength = blend(toward, model, strength), 1.0
        self.model = model
        self._largest = tile or model.contract.largest_tile
        self._overlap = model.contract.overlap if overlap is None else overlap
        if back_projection:
            self._overlap += _BACK_PROJECTION_RADIUS
        self._precision = precision
        self._modes = range(8 if ensemble else 1)
        self._back_projection = back_projection
        self._strength = strength
        identity = model.identity()
        make, half_helps = engine_maker(model, device)
        half = precision == "half" or (precision == "auto" and half_helps and is_faithful(make, identity))
        self._engine = make(half)
        self._make_exact: Callable[[], Engine] = lambda: make(False)
        self._exact: Engine | None = None if half else self._engine
        self._plain = not (ensemble or back_projection or self._strength < 1 or model.needs_whole_image)
        self._most_at_once = 1 << 30
        self._tried = 1

    @property
    def scale(self) -> int:
        """The model's scale."""
        return self.model.contract.scale

    @property
    def engine(self) -> str:
        """Description of the engine: runtime, device and precision."""
        return self._engine.name

    @property
    def in_order(self) -> bool:
        """Whether parts come row by row, each once; otherwise several passes overwrite them."""
        return not self.model.needs_whole_image

    def __call__(self, images: "Tensor", on_tile: OnTile | None = None, *, deep: bool = False) -> "Tensor":
        """Upscale (B, 3, H, W) RGB in [0, 1] to (B, 3, scale*H, scale*W) float32, clamped to [0, 1].

        ``on_tile`` and ``deep`` as in :meth:`pieces`.
        """
        import torch

        batch, _, height, width = images.shape
        result = torch.empty(batch, 3, height * self.scale, width * self.scale)
        for image, target in zip(images, result, strict=True):
            for top, left, pixels in self.parts(_samples(image[None]), on_tile, deep=deep):
                target[:, top : top + pixels.shape[-2], left : left + pixels.shape[-1]] = torch.from_numpy(
                    pixels[0]
                )
        return result.clamp_(0, 1)

    def pieces(
        self, image: "Tensor", on_tile: OnTile | None = None, *, deep: bool = False
    ) -> Iterator[Piece]:
        """Upscale one image (1, 3, H, W) piece by piece; a later piece may overwrite an earlier one.

        ``deep``: the result is saved with more than 8 bits. Precision ``auto`` then computes in float32, because half
        precision has hardly more levels than 8 bits, which causes banding.

        Raises :class:`UpscaleError` when memory cannot hold the smallest tile, or when the network gives NaN even in
        float32.
        """
        import torch

        for top, left, pixels in self.parts(_samples(image), on_tile, deep=deep):
            yield Piece(top, left, torch.from_numpy(pixels.copy()))

    def parts(
        self, samples: Array, on_tile: OnTile | None = None, *, deep: bool = False, levels: bool = False
    ) -> Iterator[UpscaledPart]:
        """:meth:`pieces` for the samples (H, W, 1 or 3) of a :class:`wildsr.image.LoadedImage`.

        ``levels``: parts that need no further computation come as 8-bit levels, rounded by the engine. While the caller
        works on a part, the next one is computed.
        """
        if samples.dtype.kind == "f" and not np.isfinite(samples).all():
            raise ValueError("the image holds NaN or infinite values")
        height, width = samples.shape[0] * self.scale, samples.shape[1] * self.scale
        padded = _padded(samples, self.model.contract.size_multiple)
        engine = self._engine_for(deep)
        states = self._states(padded)
        while True:
            try:
                for top, left, pixels in self._pass(padded, states, engine, on_tile, levels and self._plain):
                    rows, columns = slice(height - top), slice(width - left)
                    whole = pixels.dtype == np.uint8
                    yield UpscaledPart(
                        top, left, pixels[rows, columns] if whole else pixels[..., rows, columns]
                    )
            except OutOfMemory as error:
                self._shrink(padded, engine, error)
                continue
            settled = [state.settled() for state in states]
            if all(settled):
                return

    def _engine_for(self, deep: bool) -> Engine:
        return self._exactly() if deep and self._precision == "auto" else self._engine

    def _exactly(self) -> Engine:
        if self._exact is None:
            self._exact = self._make_exact()
        return self._exact

    def _pass(
        self,
        samples: Array,
        states: "list[WholeImagePass]",
        engine: Engine,
        on_tile: OnTile | None,
        levels: bool,
    ) -> Iterator[UpscaledPart]:
        for state in states:
            state.begin()
        height, width = samples.shape[:2]
        tiles = self._plan(height, width, engine)
        at_once = self._tried = self._at_once(engine, tiles.height, tiles.width)
        groups = [tiles.windows[at : at + at_once] for at in range(0, len(tiles.windows), at_once)]
        ahead: Wait | None = None
        done = 0
        for index, group in enumerate(groups):
            if self._plain:
                current = ahead or self._started(engine, _tiles(samples, group), levels)
                following = groups[index + 1] if index + 1 < len(groups) else ()
                ahead = self._started(engine, _tiles(samples, following), levels) if following else None
                results = current()
            else:
                results = self._adjusted(engine, _tiles(samples, group), group[0], states)
            for window, result in zip(group, results, strict=True):
                core = self._core(result if levels else result[None], window)
                yield UpscaledPart(
                    window.rows.core_start * self.scale, window.columns.core_start * self.scale, core
                )
                done += 1
                if on_tile is not None:
                    on_tile(done, len(tiles.windows))

    def _started(self, engine: Engine, tiles: Array, levels: bool) -> Wait:
        """Tiles whose computation has begun; what overflows in half precision is computed again in float32."""
        wait = engine.start(tiles, levels)

        def result() -> Array:
            try:
                return wait()
            except NotFinite as error:
                if engine is not self._exact:
                    return self._started(self._exactly(), tiles, levels)()
                raise UpscaleError(
                    f"the model '{self.model.contract.name}' gives NaN or infinite values on this image, even in "
                    "float32; its weights are probably damaged: use another model"
                ) from error

        return result

    def _adjusted(self, engine: Engine, tile: Array, window: Window, states: "list[WholeImagePass]") -> Array:
        """One tile (1, 3, h, w), or the mean of its eight transforms, with all that is computed with tensors."""
        import torch

        from wildsr.ops.back_projection import back_project
        from wildsr.ops.dihedral import dihedral, undo_dihedral
        from wildsr.ops.resize import resize

        lr = torch.from_numpy(tile)
        total: Tensor | None = None
        for mode in self._modes:
            given = dihedral(lr, mode).contiguous()
            out = torch.from_numpy(self._started(engine, given.numpy(), False)())
            if states:
                states[mode].add(self._core(undo_dihedral(out, mode), window))
                out = states[mode].finish(given, out)
            out = undo_dihedral(out, mode)
            total = out.clone() if total is None else total + out
        assert total is not None
        sr = total / len(self._modes)
        if self._back_projection:
            sr = back_project(sr, lr, self._back_projection)
        if self._strength < 1:
            plain = resize(lr, (sr.shape[-2], sr.shape[-1]), "bicubic")
            sr = plain + self._strength * (sr - plain)
        result: Array = sr.numpy()
        return result

    def _core(self, sr: Any, window: Window) -> Any:
        """The core of a tile: of (h, w, 3) levels, or of (..., h, w) floats."""
        rows, columns = (
            slice((span.core_start - span.start) * self.scale, (span.core_end - span.start) * self.scale)
            for span in window
        )
        return sr[rows, columns] if sr.ndim == 3 else sr[..., rows, columns]

    def _states(self, samples: Array) -> "list[WholeImagePass]":
        """One for each transform of the ensemble; none for networks whose tiles are independent."""
        if not self.model.needs_whole_image:
            return []
        import torch

        from wildsr.ops.dihedral import dihedral

        image = torch.from_numpy(planes(samples))
        states = (self.model.unit_range.whole_image(dihedral(image, mode)) for mode in self._modes)
        return [state for state in states if state is not None]

    def plan(self, height: int, width: int) -> TilePlan:
        """The tiles of an image of this size with 8 bits, as long as memory holds them."""
        multiple = self.model.contract.size_multiple
        return self._plan(height + -height % multiple, width + -width % multiple, self._engine)

    def _plan(self, height: int, width: int, engine: Engine) -> TilePlan:
        multiple = self.model.contract.size_multiple
        return plan(height, width, self._overlap, self._largest, multiple, engine.costs)

    def _at_once(self, engine: Engine, height: int, width: int) -> int:
        return min(self._most_at_once, engine.batch(height, width)) if self._plain else 1

    def _shrink(self, samples: Array, engine: Engine, error: OutOfMemory) -> None:
        """Halve the number of tiles at once, then the area of the tile, or give up where that is not possible."""
        height, width = samples.shape[:2]
        before = self._plan(height, width, engine)
        # Not what the engine says now: memory is short, so that would be 1.
        at_once = min(self._tried, len(before.windows))
        if at_once > 1:
            self._most_at_once = at_once // 2
            return
        self._largest = int((before.height * before.width / 2) ** 0.5)
        after = self._plan(height, width, engine)
        too_small = self._largest < SMALLEST_TILE
        if too_small or after.height * after.width >= before.height * before.width:
            raise UpscaleError(
                f"not enough memory for a tile of {before.width}x{before.height} pixels, and a smaller one is not "
                "possible; close other programs, or use --device cpu, a smaller model or a smaller overlap"
            ) from error


def _samples(image: "Tensor") -> Array:
    """One image (1, 3, H, W) as (H, W, 3) float32; a view where it is float32 on the CPU."""
    if image.ndim != 4 or image.shape[:2] != (1, 3) or not image.numel():
        raise ValueError(f"expected one RGB image of shape (1, 3, H, W), got {tuple(image.shape)}")
    samples: Array = image[0].detach().float().cpu().permute(1, 2, 0).numpy()
    return samples


def _padded(samples: Array, multiple: int) -> Array:
    """Pad at the bottom and right as :func:`wildsr.zoo.unit_range.pad_to_multiple`."""
    height, width = samples.shape[:2]
    below, right = -height % multiple, -width % multiple
    if not below and not right:
        return samples
    mode = "reflect" if below < height and right < width else "edge"
    return np.pad(samples, ((0, below), (0, right), (0, 0)), mode=mode)  # type: ignore[call-overload, no-any-return]


def _tiles(samples: Array, windows: Sequence[Window]) -> Array:
    """The tiles of windows, (n, 3, h, w) float32."""
    return np.concatenate(
        [
            planes(
                samples[rows.start : rows.start + rows.length, columns.start : columns.start + columns.length]
            )
            for rows, columns in windows
        ]
    )
