"""States of the networks of several KernelGANs as those of one batch."""

import torch
from torch import Tensor

INNER = (0, 3, 6, 9, 12)
"""Where the convolutions are in the discriminator's middle; a batch norm follows each."""


def stacked(
    generators: list[dict[str, Tensor]], discriminators: list[dict[str, Tensor]]
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """States of the networks in ``wildsr.networks.kernelgan`` for those in ``wildsr.networks.kernelgan_batch``."""
    g_state = {
        f"weights.{index}": torch.stack([state[name] for state in generators])
        for index, name in enumerate(name for name in generators[0] if name.endswith("weight"))
    }

    def every(key: str) -> Tensor:
        return torch.stack([state[key] for state in discriminators])

    d_state = {
        "norm_scale": torch.stack([every(f"feature_block.{i + 1}.weight") for i in INNER], 1),
        "norm_shift": torch.stack([every(f"feature_block.{i + 1}.bias") for i in INNER], 1),
    }
    for ours, theirs in (("", "weight_orig"), ("_bias", "bias"), ("_u", "weight_u"), ("_v", "weight_v")):
        first, last = (every(f"{name}.{theirs}") for name in ("first_layer", "final_layer.0"))
        middle = torch.stack([every(f"feature_block.{i}.{theirs}") for i in INNER], 1)
        for name, value in (("first", first), ("middle", middle), ("last", last)):
            inputs_from = 3 if name == "middle" else 2
            d_state[name + ours] = value if ours else value.flatten(inputs_from)
    return g_state, d_state
