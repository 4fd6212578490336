"""EDL, DSGAN, KernelGAN and the discriminators against the outputs of the originals, on the originals' weights."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from golden_files import Golden
from safetensors.torch import save_file
from torch import Tensor, nn

from wildsr.networks.discriminators import PatchGAN, UNetDiscriminator, VGG128Discriminator
from wildsr.networks.dsgan import DSGANDiscriminator, DSGANGenerator
from wildsr.networks.edl import EDLNet
from wildsr.networks.kernelgan import KernelGANDiscriminator, KernelGANGenerator
from wildsr.ops.frequency import LowPass
from wildsr.ops.kernels import gaussian_kernel
from wildsr.zoo.architectures.discriminators import from_kair_children
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load, load_network

Read = Callable[[str], Golden]


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    with torch.no_grad():
        yield


def assert_close(result: Tensor, expected: Tensor, tolerance: float) -> None:
    torch.testing.assert_close(result, expected, rtol=0, atol=tolerance)


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


def kernelgan(item: Golden) -> tuple[KernelGANGenerator, KernelGANDiscriminator]:
    conf = item.json("conf")
    stride = round(1 / conf["scale_factor"])
    generator = KernelGANGenerator(conf["G_chan"], tuple(conf["G_structure"]), stride)
    generator.load_state_dict(item.under("weight.G."))
    discriminator = KernelGANDiscriminator(conf["D_chan"], conf["D_n_layers"], conf["D_kernel_size"])
    discriminator.load_state_dict(item.under("weight.D."))
    return generator, discriminator


def test_kernelgan_generator(golden: Read) -> None:
    item = golden("net_kernelgan")
    generator, _ = kernelgan(item)
    tolerance = item.tolerance("curr_k abs")
    inputs = [name for name in item.under("input.") if name.startswith("g")]
    assert inputs
    for name in inputs:
        small = generator(item[f"input.{name}"])
        assert_close(small, item[f"output.{name}"], tolerance)
        height, width = item[f"input.{name}"].shape[-2:]
        assert small.shape[-2:] == (generator.output_size(height), generator.output_size(width))
    conf = item.json("conf")
    assert generator.reach == conf["G_kernel_size"]
    assert generator.output_size(conf["input_crop_size"]) == item["output.sizes"][0]
    assert_close(generator.kernel(), item["output.curr_k"], tolerance)


def test_kernelgan_kernel_is_the_generator(golden: Read) -> None:
    item = golden("net_kernelgan")
    generator, _ = kernelgan(item)
    x = item["input.g"]
    blurred = nn.functional.conv2d(x.transpose(0, 1), generator.kernel()[None, None], stride=generator.stride)
    assert_close(generator(x), blurred.transpose(0, 1), item.tolerance("curr_k abs"))


def test_kernelgan_discriminator(golden: Read) -> None:
    item = golden("net_kernelgan")
    for mode in ("eval", "train"):
        _, discriminator = kernelgan(item)
        out = discriminator.train(mode == "train")(item["input.d"])
        assert_close(out, item[f"output.d.{mode}"], item.tolerance("D abs"))
        assert_state(discriminator, item.under(f"output.d.{mode}.state."), item.tolerance("D abs"))


def realsr_patchgan(item: Golden) -> nn.Module:
    made = item.json("constructor")
    network = PatchGAN(made["input_nc"], made["ndf"], made["n_layers"])
    network.load_state_dict(item.under("weight."))
    return network


def kair_patchgan(item: Golden) -> nn.Module:
    made = item.json("constructor")
    assert made["norm_type"] in ("batch", "spectral")
    network = PatchGAN(
        made["input_nc"], made["ndf"], made["n_layers"], "kair", made["norm_type"] == "spectral"
    )
    network.load_state_dict(from_kair_children(item.under("weight.")))
    return network


def vgg128(item: Golden) -> nn.Module:
    made = item.json("constructor")
    network = VGG128Discriminator(made["in_nc"], made["nf"])
    network.load_state_dict(item.under("weight."))
    return network


def unet(item: Golden) -> nn.Module:
    made = item.json("constructor")
    network = UNetDiscriminator(made["input_nc"], made["ndf"])
    network.load_state_dict(item.under("weight."))
    return network


DISCRIMINATORS = pytest.mark.parametrize(
    ("name", "make"),
    [
        ("net_realsr_nlayer_d", realsr_patchgan),
        ("net_kair_patchgan_d_batch", kair_patchgan),
        ("net_kair_patchgan_d_spectral", kair_patchgan),
        ("net_realsr_vgg128_d", vgg128),
        ("net_kair_unet_d", unet),
    ],
)


@DISCRIMINATORS
def test_discriminator(golden: Read, name: str, make: Callable[[Golden], nn.Module]) -> None:
    item = golden(name)
    inputs = item.under("input.")
    assert inputs
    tolerance = item.tolerance("abs")
    for mode in item.json("modes"):
        for index, x in inputs.items():
            network = make(item).train(mode == "train")
            assert_close(network(x), item[f"output.{mode}.{index}"], tolerance)
            state = item.under(f"output.{mode}.{index}.state.")
            assert bool(state) == (mode == "train")
            assert_state(network, from_kair_children(state), tolerance)


def test_edl_through_the_zoo(golden: Read, tmp_path: Path) -> None:
    item = golden("net_rwsredl_rrdbnet")
    model = load(stored_file(item, tmp_path))
    assert (model.contract.architecture, model.contract.value_range) == ("EDLNet", 1.0)
    for index, x in item.under("input.").items():
        assert_close(model(x), item[f"output.{index}.out"], item.tolerance("abs"))


def test_published_dsgan_generator(golden: Read, golden_folder: Path) -> None:
    item = golden("real_dsgan_generator")
    model = load(golden_folder / item.text("weights"))
    assert (model.contract.architecture, model.contract.scale) == ("DSGAN", 1)
    tolerance = item.tolerance("abs")
    for name in ("sdsr_lr", "tdsr_lr"):
        clean = item[f"output.{name}_clean"].unsqueeze(0)
        assert_close(model(clean)[0], item[f"output.{name}"], tolerance)
    whole = model(item["input.img"].permute(2, 0, 1).unsqueeze(0) / 255)[0]
    levels = item["output.sdsr_hr_target.uint8"].permute(2, 0, 1)
    difference = ((whole * 255).to(torch.uint8).int() - levels.int()).abs()  # the original truncates
    assert difference.max() <= 1
    assert (difference > 0).float().mean() < 1e-3
    crop = item["output.sdsr_hr_target.crop"]
    height, width = crop.shape[-2:]
    windows = whole.unfold(1, height, 1).unfold(2, width, 1)  # the file does not say where the crop lies
    starts = (windows[..., 0, 0] - crop[:, None, None, 0, 0]).abs().amax(0) <= tolerance
    assert any(
        torch.allclose(windows[:, top, left], crop, rtol=0, atol=tolerance) for top, left in starts.nonzero()
    )


@DISCRIMINATORS
def test_discriminator_through_the_zoo(
    golden: Read, tmp_path: Path, name: str, make: Callable[[Golden], nn.Module]
) -> None:
    item = golden(name)
    floats = {key: item[f"weight.{key}"] for key in item.under("weight.") if not key.endswith("tracked")}
    path = tmp_path / "net_D.pth"
    torch.save(floats, path)
    network = load_network(path)
    expected = make(item).eval()
    assert type(network) is type(expected)
    for index, x in item.under("input.").items():
        assert torch.equal(network(x), expected(x))
        assert_close(network(x), item[f"output.eval.{index}"], item.tolerance("abs"))
    with pytest.raises(ModelError, match=r"a discriminator .*load_network"):
        load(path)
