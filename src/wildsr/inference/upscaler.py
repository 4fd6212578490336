"""The Upscaler, which runs a Model on images of any size, tile by tile."""

import hashlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from wildsr.inference.engine import Engine, OutOfMemory, Precision
from wildsr.inference.engines import engine_maker
from wildsr.inference.errors import UpscaleError
from wildsr.inference.fidelity import is_faithful
from wildsr.inference.tiling import Window, plan
from wildsr.networks.protocols import WholeImagePass
from wildsr.ops.back_projection import RADIUS, back_project
from wildsr.ops.dihedral import dihedral, undo_dihedral
from wildsr.ops.resize import resize
from wildsr.storage.devices import pick_device
from wildsr.zoo.blend import blend
from wildsr.zoo.model import Model, pad_to_multiple

LARGEST_TILE = 384
"""Side of the largest square tile by default, in LR pixels."""
SMALLEST_TILE = 32
"""Side of the smallest tile in LR pixels; if memory cannot hold it, the image fails."""

OnTile = Callable[[int, int], None]
"""Called after each tile with (tiles done, tiles in all); an exception that it raises cancels the image."""


class Piece(NamedTuple):
    """A finished part of the output: (1, 3, h, w) float32 in [0, 1], not clamped, at (top, left) in HR pixels."""

    top: int
    left: int
    pixels: Tensor


class Upscaler:
    """Upscales images of any size with one model.

    Tiles overlap and are cropped to their cores. ``overlap`` in LR pixels is the model's own by default, with which
    the result is within one 8-bit level of the untiled result; with the model's receptive field they are equal.
    ``tile`` is the side of the largest tile in LR pixels. ``ensemble`` averages over the eight flips and rotations.
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
            model, strength = blend(toward, model, strength), 1.0
        self.model = model
        self._largest = tile or LARGEST_TILE
        self._overlap = model.contract.overlap if overlap is None else overlap
        if back_projection:
            self._overlap += RADIUS
        self._precision = precision
        self._modes = range(8 if ensemble else 1)
        self._back_projection = back_projection
        self._strength = strength
        identity = _identity(model)
        make, half_helps = engine_maker(_Local(model), identity, pick_device(device))
        half = precision == "half" or (precision == "auto" and half_helps and is_faithful(make, identity))
        self._engine = make(half)
        self._make_exact: Callable[[], Engine] = lambda: make(False)
        self._exact: Engine | None = None if half else self._engine

    @property
    def scale(self) -> int:
        """The model's scale."""
        return self.model.contract.scale

    @property
    def engine(self) -> str:
        """Description of the engine: runtime, device and precision."""
        return self._engine.name

    def __call__(self, images: Tensor, on_tile: OnTile | None = None, *, deep: bool = False) -> Tensor:
        """Upscale (B, 3, H, W) RGB in [0, 1] to (B, 3, scale*H, scale*W) float32, clamped to [0, 1].

        ``on_tile`` and ``deep`` as in :meth:`pieces`.
        """
        batch, _, height, width = images.shape
        result = torch.empty(batch, 3, height * self.scale, width * self.scale)
        for image, target in zip(images, result, strict=True):
            for top, left, pixels in self.pieces(image.unsqueeze(0), on_tile, deep=deep):
                target[:, top : top + pixels.shape[-2], left : left + pixels.shape[-1]] = pixels[0]
        return result.clamp_(0, 1)

    def pieces(self, image: Tensor, on_tile: OnTile | None = None, *, deep: bool = False) -> Iterator[Piece]:
        """Upscale one image (1, 3, H, W) piece by piece; a later piece may overwrite an earlier one.

        ``deep``: the result is saved with more than 8 bits. Precision ``auto`` then computes in float32, because half
        precision has hardly more levels than 8 bits, which causes banding.

        Raises :class:`UpscaleError` when memory cannot hold the smallest tile, or when the network gives NaN even in
        float32.
        """
        if image.ndim != 4 or image.shape[:2] != (1, 3) or not image.numel():
            raise ValueError(f"expected one RGB image of shape (1, 3, H, W), got {tuple(image.shape)}")
        if not bool(torch.isfinite(image).all()):
            raise ValueError("the image holds NaN or infinite values")
        height, width = image.shape[-2:]
        run = self._run_exactly if deep and self._precision == "auto" else self._run
        padded = pad_to_multiple(image.detach().float().cpu(), self.model.contract.size_multiple)
        states = self._states(padded)
        while True:
            try:
                for top, left, pixels in self._pass(padded, states, run, on_tile):
                    yield Piece(
                        top, left, pixels[..., : height * self.scale - top, : width * self.scale - left]
                    )
            except OutOfMemory as error:
                self._shrink_tile(padded, error)
                continue
            settled = [state.settled() for state in states]
            if all(settled):
                return

    def _pass(
        self,
        image: Tensor,
        states: list[WholeImagePass],
        run: Callable[[Tensor], Tensor],
        on_tile: OnTile | None,
    ) -> Iterator[Piece]:
        for state in states:
            state.begin()
        height, width = image.shape[-2:]
        tiles = plan(height, width, self._overlap, self._largest, self.model.contract.size_multiple)
        for done, window in enumerate(tiles.windows, 1):
            rows, columns = window.rows, window.columns
            lr = image[
                ..., rows.start : rows.start + rows.length, columns.start : columns.start + columns.length
            ]
            sr = self._finish(self._tile(lr, window, states, run), lr)
            yield Piece(rows.core_start * self.scale, columns.core_start * self.scale, self._core(sr, window))
            if on_tile is not None:
                on_tile(done, len(tiles.windows))

    def _tile(
        self,
        lr: Tensor,
        window: Window,
        states: list[WholeImagePass],
        run: Callable[[Tensor], Tensor],
    ) -> Tensor:
        """The super-resolved tile: one transform, or the mean of eight."""
        total: Tensor | None = None
        for mode in self._modes:
            given = dihedral(lr, mode).contiguous()
            out = run(given)
            if states:
                states[mode].add(self._core(undo_dihedral(out, mode), window))
                out = states[mode].finish(given, out)
            out = undo_dihedral(out, mode)
            total = out if total is None else total + out
        assert total is not None
        return total / len(self._modes)

    def _run(self, tile: Tensor) -> Tensor:
        out = self._engine.run(tile)
        return out if bool(torch.isfinite(out).all()) else self._run_exactly(tile)

    def _run_exactly(self, tile: Tensor) -> Tensor:
        if self._exact is None:
            self._exact = self._make_exact()
        out = self._exact.run(tile)
        if not bool(torch.isfinite(out).all()):
            raise UpscaleError(
                f"the model '{self.model.contract.name}' gives NaN or infinite values on this image, even in "
                "float32; its weights are probably damaged: use another model"
            )
        return out

    def _finish(self, sr: Tensor, lr: Tensor) -> Tensor:
        if self._back_projection:
            sr = back_project(sr, lr, self._back_projection)
        if self._strength < 1:
            plain = resize(lr, (sr.shape[-2], sr.shape[-1]), "bicubic")
            sr = plain + self._strength * (sr - plain)
        return sr

    def _core(self, sr: Tensor, window: Window) -> Tensor:
        rows, columns = window.rows, window.columns
        return sr[
            ...,
            (rows.core_start - rows.start) * self.scale : (rows.core_end - rows.start) * self.scale,
            (columns.core_start - columns.start) * self.scale : (columns.core_end - columns.start)
            * self.scale,
        ]

    def _states(self, image: Tensor) -> list[WholeImagePass]:
        """One for each transform of the ensemble; none for networks whose tiles are independent."""
        states = (self.model.unit_range.whole_image(dihedral(image, mode)) for mode in self._modes)
        return [state for state in states if state is not None]

    def _shrink_tile(self, image: Tensor, error: OutOfMemory) -> None:
        """Halve the area of the tile, or give up where that is not possible."""
        height, width = image.shape[-2:]
        multiple = self.model.contract.size_multiple
        before = plan(height, width, self._overlap, self._largest, multiple)
        self._largest = int((before.height * before.width / 2) ** 0.5)
        after = plan(height, width, self._overlap, self._largest, multiple)
        too_small = self._largest < SMALLEST_TILE
        if too_small or after.height * after.width >= before.height * before.width:
            raise UpscaleError(
                f"not enough memory for a tile of {before.width}x{before.height} pixels, and a smaller one is not "
                "possible; close other programs, or use --device cpu, a smaller model or a smaller overlap"
            ) from error


class _Local(nn.Module):
    """The part of a model that an engine runs on tiles, from and to [0, 1]."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.network = model.unit_range

    def forward(self, x: Tensor) -> Tensor:
        return self.network.local(x)


def _identity(model: Model) -> str:
    """A digest of the network and its weights, the key of compiled models and measurements in the cache."""
    digest = hashlib.sha256(f"{model.contract.architecture} {model.contract.sizes}".encode())
    for name, tensor in model.network.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
