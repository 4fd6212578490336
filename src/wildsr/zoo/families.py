"""Recognising a network from its weights alone: key names say which, shapes say how large."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor

from wildsr.networks.span import merged
from wildsr.zoo.errors import ModelError
from wildsr.zoo.key_tables import count, from_esrgan, from_kair_patchgan, from_new_basicsr


class Recognised(NamedTuple):
    """An architecture, the numbers to build it with, and the weights under its own names."""

    architecture: str
    sizes: dict[str, int]
    weights: dict[str, Tensor]


def _rrdbnet(weights: Mapping[str, Tensor]) -> Recognised:
    features, width_in = _shape(weights, "conv_first.weight", 4)[:2]
    unshuffle = {3: 1, 12: 2, 48: 4}.get(width_in)
    if unshuffle is None:
        raise ModelError(
            f"it takes {width_in} input channels; wildsr works on RGB (3, or 12 or 48 when unshuffled)"
        )
    _rgb_out(_shape(weights, "conv_last.weight", 4)[0])
    magnified = 2 ** sum(f"upconv{index}.weight" in weights for index in (1, 2, 3))
    if magnified < unshuffle:
        raise ModelError(
            f"it would make images smaller (unshuffled by {unshuffle}, magnified by {magnified})"
        )
    sizes = {
        "features": features,
        "blocks": count(weights, "RRDB_trunk."),
        "growth": _shape(weights, "RRDB_trunk.0.RDB1.conv1.weight", 4)[0],
        "scale": magnified // unshuffle,
        "unshuffle": unshuffle,
    }
    return Recognised("RRDBNet", sizes, dict(weights))


def _msrresnet(weights: Mapping[str, Tensor]) -> Recognised:
    features, width_in = _shape(weights, "conv_first.weight", 4)[:2]
    _rgb_in(width_in)
    _rgb_out(_shape(weights, "conv_last.weight", 4)[0])
    scale = math.isqrt(_shape(weights, "upconv1.weight", 4)[0] // max(features, 1))
    if "upconv2.weight" in weights:
        scale *= 2
    if scale not in (2, 3, 4):
        raise ModelError(f"it is an MSRResNet of scale {scale}; wildsr knows 2, 3 and 4")
    sizes = {"features": features, "blocks": count(weights, "recon_trunk."), "scale": scale}
    return Recognised("MSRResNet", sizes, dict(weights))


def _compact(weights: Mapping[str, Tensor]) -> Recognised:
    features, width_in = _shape(weights, "body.0.weight", 4)[:2]
    _rgb_in(width_in)
    # A convolution and a PReLU by turns, beginning and ending with a convolution.
    layers = count(weights, "body.")
    width_out = _shape(weights, f"body.{layers - 1}.weight", 4)[0]
    if layers < 3:
        raise ModelError(f"it is a compact network of only {layers} layers")
    sizes = {"features": features, "convs": (layers - 3) // 2, "scale": _shuffled_scale(width_out)}
    return Recognised("SRVGGNetCompact", sizes, dict(weights))


def _resunet(weights: Mapping[str, Tensor]) -> Recognised:
    features, width_in = _shape(weights, "head.weight", 4)[:2]
    _rgb_in(width_in)
    sizes = {
        "features": features,
        "width": _shape(weights, "to_half.weight", 4)[0],
        "blocks": count(weights, "quarter."),
        "scale": _shuffled_scale(_shape(weights, "tail.weight", 4)[0]),
    }
    return Recognised("ResUNet", sizes, dict(weights))


def _srrescgan(weights: Mapping[str, Tensor]) -> Recognised:
    features, width_in = _shape(weights, "model.conv1.weight_v", 4)[:2]
    _rgb_in(width_in)
    # The upsampling has no weights; all published files are x4.
    sizes = {"features": features, "blocks": count(weights, "model.layer1."), "scale": 4}
    return Recognised("SRResCGAN", sizes, dict(weights))


def _span(weights: Mapping[str, Tensor]) -> Recognised:
    try:
        weights = merged(weights)
    except ValueError as error:
        raise ModelError(str(error)) from error
    features, width_in = _shape(weights, "conv_1.weight", 4)[:2]
    _rgb_in(width_in)
    scale = _shuffled_scale(_shape(weights, "upsampler.0.weight", 4)[0])
    sizes = {"features": features, "scale": scale, "normalised": int("no_norm" not in weights)}
    return Recognised("SPAN", sizes, dict(weights))


def _edl(weights: Mapping[str, Tensor]) -> Recognised:
    trunk = _rrdbnet(weights)
    if trunk.sizes.pop("unshuffle") != 1:
        raise ModelError("it is an EDLNet that takes more than RGB")
    return trunk._replace(architecture="EDLNet")


def _dsgan(weights: Mapping[str, Tensor]) -> Recognised:
    features, width_in = _shape(weights, "block_input.0.weight", 4)[:2]
    _rgb_in(width_in)
    sizes = {"features": features, "blocks": count(weights, "res_blocks.")}
    return Recognised("DSGAN", sizes, dict(weights))


def _degradation(weights: Mapping[str, Tensor]) -> Recognised:
    sizes = {
        "features": _shape(weights, "conv_first.weight", 4)[0],
        "halvings": count(weights, "halvings."),
        "blocks": count(weights, "trunk."),
    }
    return Recognised("DegradationNetwork", sizes, dict(weights))


def _patchgan(weights: Mapping[str, Tensor]) -> Recognised:
    spectral = "model.0.weight_orig" in weights
    features, width_in = _shape(weights, f"model.0.weight{'_orig' if spectral else ''}", 4)[:2]
    convolutions = sum(value.ndim == 4 for value in weights.values())
    sizes = {"in_channels": width_in, "features": features, "layers": convolutions - 2}
    if "model.2.bias" not in weights:
        return Recognised("PatchGAN", sizes, dict(weights))
    return Recognised("PatchGAN (KAIR)", {**sizes, "spectral": int(spectral)}, dict(weights))


def _vgg128(weights: Mapping[str, Tensor]) -> Recognised:
    features, width_in = _shape(weights, "conv0_0.weight", 4)[:2]
    return Recognised("VGG128Discriminator", {"in_channels": width_in, "features": features}, dict(weights))


def _unet(weights: Mapping[str, Tensor]) -> Recognised:
    features, width_in = _shape(weights, "conv0.weight", 4)[:2]
    return Recognised("UNetDiscriminator", {"in_channels": width_in, "features": features}, dict(weights))


def _ddnsr_patchgan(weights: Mapping[str, Tensor]) -> Recognised:
    convolutions = sum(value.ndim == 4 for value in weights.values())
    features = _shape(weights, "body.0.weight", 4)[0]
    return Recognised(
        "DDNSRPatchDiscriminator", {"features": features, "halvings": convolutions - 2}, dict(weights)
    )


def _ddnsr_vgg(weights: Mapping[str, Tensor]) -> Recognised:
    convolutions = [value for value in weights.values() if value.ndim == 4]
    hidden, flat = _shape(weights, "linear1.weight", 2)
    # Only the area of what is flattened is known; any size of that area has the same weights.
    halvings = len(convolutions) // 2
    area = flat // max(int(convolutions[-1].shape[0]), 1)
    height = next(side for side in range(math.isqrt(area), -1, -1) if not side or area % side == 0)
    sizes = {
        "features": _shape(weights, "body.0.weight", 4)[0],
        "halvings": halvings,
        "height": height << halvings,
        "width": area // max(height, 1) << halvings,
        "hidden": hidden,
    }
    return Recognised("DDNSRVGGDiscriminator", sizes, dict(weights))


def _shape(weights: Mapping[str, Tensor], key: str, axes: int) -> tuple[int, ...]:
    if key not in weights:
        raise ModelError(
            f"the weight {key} is missing; the file is incomplete, or no model that wildsr knows"
        )
    shape = tuple(weights[key].shape)
    if len(shape) != axes or not all(shape):
        raise ModelError(f"the weight {key} has the impossible shape {shape}")
    return shape


def _rgb_in(channels: int) -> None:
    if channels != 3:
        raise ModelError(f"it takes {channels} input channels; wildsr works on RGB")


def _rgb_out(channels: int) -> None:
    if channels != 3:
        raise ModelError(f"it gives {channels} output channels; wildsr works on RGB")


def _shuffled_scale(channels: int) -> int:
    """The scale of a network that ends with a pixel shuffle of so many channels."""
    scale = math.isqrt(channels // 3)
    if scale < 1 or channels != 3 * scale**2:
        raise ModelError(
            f"its last convolution has {channels} channels, which no scale gives for RGB (3, 12, 27, 48)"
        )
    return scale


def _has(*starts: str) -> Callable[[Mapping[str, Tensor]], bool]:
    return lambda weights: all(any(key.startswith(start) for key in weights) for start in starts)


FAMILIES: tuple[
    tuple[Callable[[Mapping[str, Tensor]], bool], Callable[[Mapping[str, Tensor]], Recognised]], ...
] = (
    (_has("RRDB_trunk.0.RDB1.", "conv_first.", "sm.0.block.", "branch1.0.block."), _edl),
    (_has("RRDB_trunk.0.RDB1.", "conv_first."), _rrdbnet),
    (_has("model.1.sub.0.RDB1.", "model.0."), lambda weights: _rrdbnet(from_esrgan(weights))),
    (_has("body.0.rdb1.", "conv_first."), lambda weights: _rrdbnet(from_new_basicsr(weights))),
    (_has("recon_trunk.0.", "conv_first."), _msrresnet),
    (_has("body.0.weight", "body.1.weight"), _compact),
    (_has("head.", "to_half.", "quarter.0.", "tail."), _resunet),
    (_has("model.conv1.weight_v", "model.layer1.0.", "alpha"), _srrescgan),
    (_has("block_1.c1_r.", "conv_cat.", "upsampler.0."), _span),
    (_has("body.0.weight", "body.2.weight", "body.3.running_mean", "linear1."), _ddnsr_vgg),
    (_has("body.0.weight", "body.2.weight", "body.3.running_mean"), _ddnsr_patchgan),
    (_has("block_input.0.", "res_blocks.0.", "block_output."), _dsgan),
    (_has("halvings.0.", "noise.0.", "conv_mix."), _degradation),
    (_has("model.0.weight", "model.2.weight", "model.5.weight"), _patchgan),
    (_has("model.child0.0.", "model.child1.0."), lambda weights: _patchgan(from_kair_patchgan(weights))),
    (_has("conv0_0.", "conv4_1.", "linear2."), _vgg128),
    (_has("conv0.weight", "conv1.weight_orig", "conv9."), _unet),
)
