"""ICC profiles of cameras, displays and working spaces (three curves and a matrix), with exact inverses.

Implemented here because lcms evaluates them with too few bits: a round trip through float XYZ changes saturated
colours by 4 levels of 8 bits. Profiles made of lookup tables have no exact inverse; they are recognised and
left to the caller.
"""

import functools
import struct
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from wildsr.image.formats import Depth

Array = np.ndarray[Any, Any]
Verdict = Literal["same", "convert", "table", "broken"]

# Profiles called sRGB differ from each other by up to 3 levels of 8 bits; beyond that it is another space.
_SAME_LEVELS = 3.0
_STEPS = 65536
# Linear sRGB -> XYZ relative to D50, the colorants of every sRGB profile.
_SRGB_COLORANTS = np.array(
    [[0.436066, 0.385147, 0.143066], [0.222488, 0.716873, 0.060608], [0.013916, 0.097076, 0.714096]]
)
_SLAB = 1 << 22


def encode(linear: Array) -> Array:
    """Apply the sRGB curve to linear light, odd about 0 and continued above 1; float32 of any shape."""
    size = np.abs(linear)
    curve = np.float32(1.055) * size ** np.float32(1 / 2.4) - np.float32(0.055)
    result: Array = np.copysign(np.where(size <= 0.0031308, size * np.float32(12.92), curve), linear)
    return result


def decode(encoded: Array) -> Array:
    """The inverse of :func:`encode`."""
    size = np.abs(encoded)
    curve = ((size + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    result: Array = np.copysign(np.where(size <= 0.04045, size / np.float32(12.92), curve), encoded)
    return result


@dataclass(frozen=True, eq=False)
class Space:
    """The colour space of a profile.

    Attributes:
        curves: (channels, 65536) float64, rising from 0 to 1: sample to linear light.
        matrix: (3, 3), linear light of the space to that of sRGB; None for grey.
    """

    curves: "np.ndarray[Any, Any]"
    matrix: "np.ndarray[Any, Any] | None"

    def to_model(self, samples: Array) -> Array:
        """(H, W, channels) uint8 or uint16 to (H, W, channels) float32, sRGB-encoded, unclipped."""
        step = 257 if samples.dtype == np.uint8 else 1
        tables = [curve[::step].astype(np.float32) for curve in self.curves]
        out = np.stack([table[samples[..., c]] for c, table in enumerate(tables)], -1)
        rows = out.reshape(-1, out.shape[-1])
        for start in range(0, len(rows), _SLAB):
            slab = rows[start : start + _SLAB]
            rows[start : start + _SLAB] = encode(slab if self.matrix is None else _times(slab, self.matrix))
        return out

    def from_model(self, pixels: Array, depth: Depth) -> Array:
        """The inverse: (H, W, channels) float32 to uint8 or uint16, clipped to the gamut."""
        linear = decode(pixels)
        if self.matrix is not None:
            linear = _times(linear, np.linalg.inv(self.matrix))
        kind, top = (np.uint8, 255) if depth == "uint8" else (np.uint16, 65535)
        ramp = np.linspace(0, top, _STEPS)
        out = np.empty(linear.shape, kind)
        for channel, curve in enumerate(self.curves):
            out[..., channel] = np.interp(linear[..., channel], curve, ramp).round()
        return out


def _times(rows: Array, matrix: Array) -> Array:
    return np.asarray(rows.astype(np.float64) @ matrix.T, np.float32)


@functools.lru_cache(maxsize=4)
def space_of(profile: bytes, *, grey: bool) -> Space | None:
    """The space of a profile for images of one or three channels; None for one made of lookup tables.

    Raises:
        ValueError: the profile is broken, or for another kind of image.
    """
    try:
        tags = _tags(profile, b"GRAY" if grey else b"RGB ")
        if any(name.startswith(b"A2B") for name in tags) or profile[20:24] != b"XYZ ":
            return None
        names = [b"kTRC"] if grey else [b"rTRC", b"gTRC", b"bTRC"]
        curves = np.stack([_curve(tags[name]) for name in names])
        if grey:
            return Space(curves, None)
        colorants = [struct.unpack(">3i", tags[name][8:20]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        matrix = np.linalg.inv(_SRGB_COLORANTS) @ (np.array(colorants).T / 65536)
        np.linalg.inv(matrix)
    except (KeyError, struct.error, IndexError, np.linalg.LinAlgError) as error:
        raise ValueError(f"broken ICC profile: {error}") from error
    return Space(curves, matrix)


def judge(profile: bytes, *, grey: bool) -> Verdict:
    """Kind of a profile: the ``same`` as sRGB, to ``convert``, a ``table`` without inverse, or ``broken``."""
    try:
        space = space_of(profile, grey=grey)
    except ValueError:
        return "broken"
    if space is None:
        return "table"
    ramp = np.linspace(0, 255, 18).round().astype(np.uint8)
    cube = ramp[:, None, None] if grey else np.stack(np.meshgrid(ramp, ramp, ramp), -1).reshape(18, -1, 3)
    distance = np.abs(space.to_model(cube) * 255.0 - cube).max()
    if not np.isfinite(distance):
        return "broken"
    return "same" if distance <= _SAME_LEVELS else "convert"


def _tags(profile: bytes, space: bytes) -> dict[bytes, bytes]:
    if len(profile) < 132 or profile[36:40] != b"acsp" or profile[16:20] != space:
        raise ValueError("not an ICC profile for this kind of image")
    tags = {}
    for index in range(min(struct.unpack(">I", profile[128:132])[0], 200)):
        name, offset, size = struct.unpack(">4sII", profile[132 + 12 * index : 144 + 12 * index])
        if offset + size > len(profile):
            raise ValueError("an ICC profile that is cut off")
        tags[name] = profile[offset : offset + size]
    return tags


def _curve(tag: bytes) -> "np.ndarray[Any, Any]":
    """A ``curv`` or ``para`` tag (ICC.1, 10.6 and 10.18), sampled at every value of 16 bits."""
    x = np.linspace(0, 1, _STEPS)
    if tag[:4] == b"curv":
        (count,) = struct.unpack(">I", tag[8:12])
        if count > 1:
            table = np.array(struct.unpack(f">{count}H", tag[12 : 12 + 2 * count])) / 65535
            y = np.interp(x, np.linspace(0, 1, count), table)
        else:
            y = x ** (struct.unpack(">H", tag[12:14])[0] / 256) if count else x
    elif tag[:4] == b"para":
        y = _parametric(x, tag)
    else:
        raise ValueError("an unknown curve")
    if not np.isfinite(y).all() or y[-1] <= y[0]:
        raise ValueError("a curve that does not rise")
    # The inverse is found by interpolation, which needs order.
    rising: np.ndarray[Any, Any] = np.maximum.accumulate(y.clip(0, 1))
    return rising


def _parametric(x: "np.ndarray[Any, Any]", tag: bytes) -> "np.ndarray[Any, Any]":
    (kind,) = struct.unpack(">H", tag[8:10])
    if kind > 4:
        raise ValueError("an unknown curve")
    count = (1, 3, 4, 5, 7)[kind]
    g, *rest = (value / 65536 for value in struct.unpack(f">{count}i", tag[12 : 12 + 4 * count]))
    a, b, c, d, e, f = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    if kind in (1, 2):
        a, b = rest[:2]
        # Types 1 and 2 are flat below -b / a, at 0 and at c.
        d, f, e = (-b / a if a else 0.0), *(rest[2:] * 2 or [0.0, 0.0])
    elif kind in (3, 4):
        a, b, c, d = rest[:4]
        e, f = rest[4:] or (0.0, 0.0)
    power: np.ndarray[Any, Any] = np.maximum(a * x + b, 0.0) ** g
    return np.where(x >= d, power + e, c * x + f)
