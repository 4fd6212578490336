"""The names that other code bases give to the weights of our networks.

RRDBNet has the names of RealSR and BSRGAN, every other network those of the code that published it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from torch import Tensor

# Old ESRGAN numbers the layers of one long chain, so its tail depends on the number of upsamplings; by last
# layer.
_ESRGAN_TAILS = {
    "model.4": {"model.2": "HRconv", "model.4": "conv_last"},
    "model.7": {"model.3": "upconv1", "model.5": "HRconv", "model.7": "conv_last"},
    "model.10": {"model.3": "upconv1", "model.6": "upconv2", "model.8": "HRconv", "model.10": "conv_last"},
    "model.13": {
        "model.3": "upconv1",
        "model.6": "upconv2",
        "model.9": "upconv3",
        "model.11": "HRconv",
        "model.13": "conv_last",
    },
}
_ESRGAN_BLOCK = re.compile(r"model\.1\.sub\.(\d+)\.(RDB[123]\.conv[1-5])\.0")
_ESRGAN_TRUNK_CONV = re.compile(r"model\.1\.sub\.\d+")

_NEW_BASICSR = {
    "conv_body": "trunk_conv",
    "conv_up1": "upconv1",
    "conv_up2": "upconv2",
    "conv_up3": "upconv3",
    "conv_hr": "HRconv",
}
_NEW_BASICSR_BLOCK = re.compile(r"body\.(\d+)\.rdb([123])\.(conv[1-5])")

_KAIR_CHILD = re.compile(r"model\.child(\d+)\.(\d+)")


def from_esrgan(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """RRDBNet weights of old ESRGAN (``model.1.sub.0.RDB1.conv1.0``) under our names; unknown names stay."""
    layers = {_layer(key) for key in weights}
    fixed = {"model.0": "conv_first"}
    for last, tail in _ESRGAN_TAILS.items():
        if last in layers:
            fixed |= tail

    def ours(layer: str) -> str:
        if match := _ESRGAN_BLOCK.fullmatch(layer):
            return f"RRDB_trunk.{match[1]}.{match[2]}"
        if _ESRGAN_TRUNK_CONV.fullmatch(layer):
            return "trunk_conv"
        return fixed.get(layer, layer)

    return _renamed(weights, ours)


def from_new_basicsr(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """RRDBNet weights of Real-ESRGAN (``body.0.rdb1.conv1``) under our names; unknown names stay."""

    def ours(layer: str) -> str:
        if match := _NEW_BASICSR_BLOCK.fullmatch(layer):
            return f"RRDB_trunk.{match[1]}.RDB{match[2]}.{match[3]}"
        return _NEW_BASICSR.get(layer, layer)

    return _renamed(weights, ours)


def from_kair_patchgan(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """PatchGAN weights of KAIR (``model.child1.0``) under our names; unknown names stay."""

    def ours(layer: str) -> str:
        if match := _KAIR_CHILD.fullmatch(layer):
            # Children are convolution, norm, activation; the first lacks the norm.
            first = max(3 * int(match[1]) - 1, 0)
            return f"model.{first + int(match[2])}"
        return layer

    return _renamed(weights, ours)


def rrdbnet_layers(blocks: int, upsamplings: int) -> Iterator[str]:
    """The convolutions of an RRDBNet under our names, in the order of computation."""
    yield "conv_first"
    for block in range(blocks):
        for dense in (1, 2, 3):
            yield from (f"RRDB_trunk.{block}.RDB{dense}.conv{index}" for index in range(1, 6))
    yield "trunk_conv"
    yield from (f"upconv{index}" for index in range(1, upsamplings + 1))
    yield from ("HRconv", "conv_last")


def count(keys: Iterable[str], prefix: str) -> int:
    """How many different numbers follow ``prefix`` in the keys."""
    return len({key[len(prefix) :].split(".")[0] for key in keys if key.startswith(prefix)})


def _renamed(weights: Mapping[str, Tensor], ours: Callable[[str], str]) -> dict[str, Tensor]:
    renamed = {}
    for key, value in weights.items():
        layer, dot, kind = key.rpartition(".")
        renamed[ours(layer) + dot + kind] = value
    return renamed


def _layer(key: str) -> str:
    return key.rpartition(".")[0]
