"""Generated images and ICC profiles."""

import struct
from collections.abc import Callable

import numpy as np

from wildsr import image

P3 = (
    (0.51512146, 0.24119568, -0.00105286),
    (0.29197693, 0.69224548, 0.04188538),
    (0.15710449, 0.06657410, 0.78407288),
)
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
PROPHOTO = ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def icc_profile(
    colorants: tuple[tuple[float, float, float], ...] | None, curve: tuple[float, ...], version: int = 4
) -> bytes:
    """A matrix/TRC profile of three colorants (relative to D50), or a grey one; the curve: a gamma or type 3."""
    xyz = [b"XYZ \0\0\0\0" + b"".join(map(_fixed, c)) for c in colorants or ()]
    kind = {1: 0, 5: 3}[len(curve)]
    para = b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + b"".join(map(_fixed, curve))
    text = "made here".encode("utf-16-be")
    mluc = b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    white = b"XYZ \0\0\0\0" + b"".join(map(_fixed, (0.9642, 1.0, 0.8249)))
    tags = {b"desc": mluc, b"cprt": mluc, b"wtpt": white}
    if colorants is None:
        tags[b"kTRC"] = para
    else:
        tags |= dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), xyz, strict=True))
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), para)
    offset, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    space = b"GRAY" if colorants is None else b"RGB "
    header = struct.pack(">I4sI4s4s4s", offset + len(body), b"\0" * 4, version << 24, b"mntr", space, b"XYZ ")
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    header += b"".join(map(_fixed, (0.9642, 1.0, 0.8249)))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def saturated(dtype: type, channels: int = 3) -> "np.ndarray":
    """40 x 48 samples: noise, with rows of the extremes and of pure primaries."""
    top = np.iinfo(dtype).max
    pixels = np.random.default_rng(7).integers(0, top, (40, 48, channels), endpoint=True).astype(dtype)
    pixels[0], pixels[1] = 0, top
    for channel in range(channels):
        pixels[2 + channel] = 0
        pixels[2 + channel, :, channel] = top
    return pixels


Copy = Callable[..., image.LoadedImage]
