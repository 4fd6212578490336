"""SPAN, the swift parameter-free attention network (Wan et al., 2023; NTIRE 2024, efficient track)."""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCKS = 6
MEAN = (0.4488, 0.4371, 0.4040)
"""The mean colour of DIV2K, which the network subtracts before it multiplies by :data:`RANGE`."""
RANGE = 255.0
_WIDEST = 64  # the parts are twice as wide as the merged convolution; larger claims are refused


class SPAN(nn.Module):
    """Six blocks of three 3x3 convolutions in LR with parameter-free attention, then a pixel shuffle.

    Input (B, 3, H, W) RGB in [0, 1]; output (B, 3, scale*H, scale*W), not clamped. This is the deployed form with
    plain convolutions; :func:`merged` turns the weights of the training form into it. Networks that were trained
    without normalising their input have the tensor ``no_norm`` in their state dict.
    """

    size_multiple = 1

    def __init__(self, features: int = 48, scale: int = 4, normalised: bool = True) -> None:
        super().__init__()
        self.scale = scale
        self.normalised = bool(normalised)
        if not normalised:
            self.register_buffer("no_norm", torch.zeros(1))
        self.conv_1 = nn.Conv2d(3, features, 3, padding=1)
        for index in range(1, BLOCKS + 1):
            self.add_module(f"block_{index}", _SpanBlock(features))
        self.conv_cat = nn.Conv2d(4 * features, features, 1)
        self.conv_2 = nn.Conv2d(features, features, 3, padding=1)
        self.upsampler = nn.Sequential(
            nn.Conv2d(features, 3 * scale**2, 3, padding=1), nn.PixelShuffle(scale)
        )

    @property
    def receptive_field(self) -> int:
        """Radius in LR pixels beyond which nothing influences an output pixel."""
        return 3 * BLOCKS + 3

    def forward(self, x: Tensor) -> Tensor:
        """Upscale (B, 3, H, W) to (B, 3, scale*H, scale*W)."""
        if self.normalised:
            x = (x - x.new_tensor(MEAN).view(1, 3, 1, 1)) * RANGE
        shallow = self.conv_1(x)
        first, _ = self.get_submodule("block_1")(shallow)
        deep, inside = first, first
        for index in range(2, BLOCKS + 1):
            deep, inside = self.get_submodule(f"block_{index}")(deep)
        gathered = self.conv_cat(torch.cat((shallow, self.conv_2(deep), first, inside), 1))
        out: Tensor = self.upsampler(gathered)
        return out


class _SpanBlock(nn.Module):
    """Three convolutions; their output plus the input, weighted by an odd function of the output."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.c1_r = nn.Conv2d(features, features, 3, padding=1)
        self.c2_r = nn.Conv2d(features, features, 3, padding=1)
        self.c3_r = nn.Conv2d(features, features, 3, padding=1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The block's output, and its first activation, which the network gathers from the last block.

        The original returns the first convolution's output, but its activation works in place, so that the activated
        tensor is gathered.
        """
        inside = F.silu(self.c1_r(x))
        out = self.c3_r(F.silu(self.c2_r(inside)))
        return (out + x) * (torch.sigmoid(out) - 0.5), inside


def merged(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """SPAN's weights in the deployed form, from the training form or from either of the two deployed ones.

    In training every 3x3 convolution ``c`` is ``c.conv.0`` (1x1), ``c.conv.1`` (3x3), ``c.conv.2`` (1x1) in a row, plus
    the 1x1 ``c.sk``. They are linear and the zeros are padded before the first, so that their sum is one
    zero-padded 3x3 convolution, at the borders too: W3 W2 W1 with ``sk`` added to the central tap. ``c.eval_conv`` is
    a copy of that sum that training does not update; it is used only where the parts are missing.

    Raises:
        ValueError: when the parts of a convolution do not fit together; says which.
    """
    layers = {key.rpartition(".")[0] for key in weights}
    result = {}
    for key, value in weights.items():
        layer = key.partition(".sk.")[0].partition(".conv.")[0].partition(".eval_conv.")[0]
        if layer == key:
            result[key] = value
        elif f"{layer}.sk" in layers:
            if f"{layer}.weight" not in result:
                result[f"{layer}.weight"], result[f"{layer}.bias"] = _merged(weights, layer)
        else:
            result[layer + key.removeprefix(f"{layer}.eval_conv")] = value
    return result


def _merged(weights: Mapping[str, Tensor], layer: str) -> tuple[Tensor, Tensor]:
    """One convolution (out, in, 3, 3) and its bias (out); computed in float64, since many products are summed."""
    try:
        skip, *chain = (
            (weights[f"{layer}.{part}.weight"].double(), weights[f"{layer}.{part}.bias"].double())
            for part in ("sk", "conv.0", "conv.1", "conv.2")
        )
        (first, first_bias), (middle, middle_bias), (last, last_bias) = chain
        first, last = first.flatten(1), last.flatten(1)
        wide, narrow = max(middle.shape[:2]), min(skip[0].shape[:2])
        if skip[0].shape != (last.shape[0], first.shape[1], 1, 1) or wide > _WIDEST * narrow:
            raise ValueError(f"{layer}.sk.weight has shape {tuple(skip[0].shape)}")
        weight = torch.einsum("om,mnhw,ni->oihw", last, middle, first)
        weight[..., 1:2, 1:2] += skip[0]
        bias = last @ (middle_bias + middle.sum((2, 3)) @ first_bias) + last_bias + skip[1]
    except (KeyError, RuntimeError, ValueError, IndexError) as error:
        raise ValueError(
            f"the parts of the convolution {layer} are incomplete or do not fit: {error}"
        ) from error
    return weight.float().contiguous(), bias.float()
