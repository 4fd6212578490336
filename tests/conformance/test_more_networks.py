"""EDL, DSGAN, KernelGAN and the discriminators against the outputs of the originals, on the originals' weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from golden_files import Golden
from safetensors.torch import save_file
from torch import Tensor, nn

from wildsr.networks.dsgan import DSGANDiscriminator, DSGANGenerator
from wildsr.networks.edl import EDLNet
from wildsr.ops.frequency import LowPass
from wildsr.ops.kernels import gaussian_kernel

Read = Callable[[str], Golden]


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    with torch.no_grad():
        yield


def assert_close(result: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(result, expected, rtol=0, atol=tolerance)


def assert_modes(
    item: Golden,
    network: Callable[[], nn.Module],
    key: str,
    tolerance: float,
    *inputs: Tensor,
    mode_last: bool = False,
) -> None:
    """Compare the outputs, in evaluation and in training, and the buffers after one pass in training."""
    for mode in ("eval", "train"):
        name = f"output.{key}.{mode}" if mode_last else f"output.{mode}.{key}"
        fresh = network().train(mode == "train")
        assert_close(fresh(*inputs), item[name], tolerance)
        assert_state(fresh, item.under(f"{name}.state."), tolerance)


def assert_state(network: nn.Module, expected: dict[str, Tensor], tolerance: float) -> None:
    state = network.state_dict()
    for name, value in expected.items():
        assert_close(state[name], value, tolerance)


def stored_file(item: Golden, tmp_path: Path, prefix: str = "weight.") -> Path:
    path = tmp_path / "net.safetensors"
    save_file({key: item[f"{prefix}{key}"] for key in item.under(prefix)}, path)
    return path


def edl(item: Golden) -> EDLNet:
    made = item.json("constructor")
    network = EDLNet(made["in_nc"], made["out_nc"], made["nf"], made["nb"], made["gc"])
    network.load_state_dict(item.under("weight."))
    return network.eval()


def test_edl(golden: Read) -> None:
    item = golden("net_rwsredl_rrdbnet")
    network = edl(item)
    for index, x in item.under("input.").items():
        branches = network.branches(x)
        expected = item.under(f"output.{index}.")
        assert len(expected) == 4
        for name, value in expected.items():
            assert_close(getattr(branches, name), value, item.tolerance("abs"))
        assert torch.equal(network(x), branches.out)
        assert_close(branches.mask.sum(1), torch.ones_like(branches.mask[:, 0]), 1e-5)


def low_pass(settings: dict[str, Any], size: int, gaussian_sigma: Callable[[int], float]) -> LowPass:
    """The originals' flags as a LowPass; ``size`` and ``gaussian_sigma`` are their defaults."""
    size = settings.get("kernel_size", size)
    gaussian = settings.get("gaussian", False)
    inside = "zeros" if settings.get("include_pad", True) or gaussian else "ignored"
    return LowPass(
        size,
        gaussian_sigma(size) if gaussian else None,
        inside if settings.get("padding", True) else "cut",
        settings.get("recursions", 1),
        settings.get("stride", 1),
    )


def dsgan_sigma(size: int) -> float:
    return size / 6


def srrescgan_sigma(size: int) -> float:
    return (size - 1) / 6


@pytest.mark.parametrize(
    ("name", "size", "sigma"), [("filter_dsgan", 5, dsgan_sigma), ("filter_srrescgan", 9, srrescgan_sigma)]
)
def test_frequency_filters(golden: Read, name: str, size: int, sigma: Callable[[int], float]) -> None:
    item = golden(name)
    x, tolerance = item["input.x"], item.tolerance("abs")
    kernels = item.under("output.gauss_kernel.")
    assert kernels
    for side, kernel in kernels.items():
        assert_close(gaussian_kernel(int(side), *(sigma(int(side)),) * 2), kernel, tolerance)
    for index, settings in enumerate(item.json("low")):
        assert_close(low_pass(settings, size, sigma)(x), item[f"output.low.{index}"], tolerance)
    for index, settings in enumerate(item.json("high")):
        rest = low_pass(settings, size, sigma).rest(x, settings.get("normalize", True))
        assert_close(rest, item[f"output.high.{index}"], tolerance)
        if f"output.high255.{index}" in item:
            rest = low_pass(settings, size, sigma).rest(item["input.x255"], settings.get("normalize", True))
            assert_close(rest, item[f"output.high255.{index}"], 255 * tolerance)


def test_dsgan_generator(golden: Read) -> None:
    item = golden("net_dsgan_generator")
    network = DSGANGenerator(blocks=item.json("constructor")["n_res_blocks"])
    network.load_state_dict(item.under("weight."))
    inputs = item.under("input.")
    assert inputs
    for index, x in inputs.items():
        assert_close(network(x), item[f"output.{index}"], item.tolerance("abs"))


def dsgan_discriminator(item: Golden, settings: dict[str, Any]) -> DSGANDiscriminator:
    filtered = low_pass({**settings, "include_pad": False}, 5, dsgan_sigma)
    network = DSGANDiscriminator(
        filtered if settings.get("highpass", True) else None, not settings.get("wgan", False)
    )
    network.load_state_dict(item.under("weight."))
    return network


def test_dsgan_discriminator(golden: Read) -> None:
    item = golden("net_dsgan_discriminator")
    x, y, tolerance = item["input.x"], item["input.y"], item.tolerance("abs")
    configurations = item.json("configs")
    assert configurations
    for name, settings in configurations.items():
        for mode in ("eval", "train"):
            for inputs in ((x,), (x, y)):
                key = f"output.{name}.{mode}.{'xy'[: len(inputs)]}"
                if key not in item:  # the original fails on two inputs without a filter
                    assert len(inputs) == 2
                    assert settings.get("highpass") is False
                    continue
                network = dsgan_discriminator(item, settings).train(mode == "train")
                assert_close(network(*inputs), item[key], tolerance)
                assert_state(network, item.under(f"{key}.state."), tolerance)
