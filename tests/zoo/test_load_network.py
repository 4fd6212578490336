"""Networks that only training needs, and feature extractors, from their files."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from keras_files import save_keras_vgg
from wildsr.networks.ddnsr import DDNSRPatchDiscriminator, DDNSRVGGDiscriminator, DegradationNetwork
from wildsr.networks.discriminators import PatchGAN, UNetDiscriminator, VGG128Discriminator
from wildsr.networks.dsgan import DSGANGenerator
from wildsr.networks.edl import EDLNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.vgg import vgg_layers
from wildsr.zoo.architectures import build, recognise
from wildsr.zoo.errors import ModelError
from wildsr.zoo.features.vgg import load_keras_vgg, load_vgg
from wildsr.zoo.load import load, load_network


@pytest.mark.parametrize("dual", [True, False])
def test_degradation_network(tmp_path: Path, dual: bool) -> None:
    network = DegradationNetwork(features=3, halvings=1, blocks=2, dual=dual).eval()
    path = tmp_path / "down.safetensors"
    save_file(network.state_dict(), path)
    found = load_network(path)
    hr, lr = torch.rand(1, 3, 9, 8), torch.rand(1, 3, 5, 4)
    assert isinstance(found, DegradationNetwork)
    assert torch.equal(found(hr, lr), network(hr, lr))
    assert not any(parameter.requires_grad for parameter in found.parameters())
    with pytest.raises(ModelError, match=r"down\.safetensors .*DDNSR's degradation network.*load_network"):
        load(path)


def test_load_network_reads_models_too(tmp_path: Path) -> None:
    torch.save(DSGANGenerator(features=3, blocks=2).state_dict(), tmp_path / "net.pth")
    assert isinstance(load_network(tmp_path / "net.pth"), DSGANGenerator)


def test_load_network_says_what_it_cannot_read(tmp_path: Path) -> None:
    torch.save({"encoder.weight": torch.zeros(2)}, tmp_path / "odd.pth")
    with pytest.raises(ModelError, match=r"odd\.pth cannot be used: its architecture is unknown"):
        load_network(tmp_path / "odd.pth")


def test_impossible_claims(tmp_path: Path) -> None:
    """Each halving doubles the features; this many have no end."""
    weights = DegradationNetwork(features=2, blocks=1).state_dict()
    weights |= {f"halvings.{index}.conv1.weight": torch.zeros(1) for index in range(2, 500)}
    torch.save(weights, tmp_path / "odd.pth")
    with pytest.raises(ModelError, match=r"odd\.pth cannot be used: .*halvings=500.* impossible"):
        load_network(tmp_path / "odd.pth")


@pytest.mark.parametrize(
    ("network", "size"),
    [
        (DDNSRVGGDiscriminator(2, 2, (12, 8), hidden=5), (12, 8)),
        (DDNSRPatchDiscriminator(2, 2), (9, 13)),
        (PatchGAN(features=2, layers=4), (64, 70)),
        (PatchGAN(features=2, layers=2, variant="kair"), (20, 21)),
        (PatchGAN(features=2, variant="kair", spectral=True), (20, 21)),
        (VGG128Discriminator(features=2), (128, 128)),
        (UNetDiscriminator(features=2), (8, 16)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_discriminators(tmp_path: Path, network: nn.Module, size: tuple[int, int]) -> None:
    weights = {name: value for name, value in network.state_dict().items() if not name.endswith("tracked")}
    save_file(weights, tmp_path / "net.safetensors")
    found = load_network(tmp_path / "net.safetensors")
    x = torch.rand(2, 3, *size)
    assert type(found) is type(network)
    assert torch.equal(found(x), network.eval()(x))
    torch.save(network.state_dict(), tmp_path / "with counters.pth")
    assert torch.equal(load_network(tmp_path / "with counters.pth").eval()(x), found.eval()(x))
    found.train()(x)  # the counters that the file lacks count
    with pytest.raises(ModelError, match=r"a discriminator .*load_network"):
        load(tmp_path / "net.safetensors")


@pytest.mark.parametrize("scale", [2, 4])
def test_edl(tmp_path: Path, scale: int) -> None:
    network = EDLNet(features=4, blocks=2, growth=3, scale=scale).eval()
    torch.save({"params": network.state_dict()}, tmp_path / "net.pth")
    contract = load(tmp_path / "net.pth").contract
    assert (contract.architecture, contract.scale) == ("EDLNet", scale)
    assert contract.sizes == {"features": 4, "blocks": 2, "growth": 3, "scale": scale}
    assert contract.receptive_field == network.receptive_field


def test_dsgan(tmp_path: Path) -> None:
    network = DSGANGenerator(features=5, blocks=3).eval()
    torch.save(network.state_dict(), tmp_path / "net.pth")
    model = load(tmp_path / "net.pth")
    assert (model.contract.scale, model.contract.value_range) == (1, 1.0)
    assert model.contract.overlap == model.contract.receptive_field == 8
    x = torch.rand(1, 3, 7, 9)
    assert torch.equal(model(x), network(x))


def test_vgg(tmp_path: Path) -> None:
    layers = vgg_layers(19, [2] * 16)
    path = tmp_path / "vgg19.pth"
    torch.save({f"features.{name}": value for name, value in layers.state_dict().items()}, path)
    x = torch.rand(1, 3, 16, 16)
    features = load_vgg(path, ["conv3_4"], normalise=False)(x)["conv3_4"]
    assert torch.equal(features, layers[:17](x))
    with pytest.raises(ModelError, match=r"vgg19\.pth cannot be used: .*not the weights of VGG-16"):
        load_vgg(path, ["conv5_3"], depth=16)
    with pytest.raises(ModelError, match="no layer conv9_1"):
        load_vgg(path, ["conv9_1"])


def test_keras_vgg(tmp_path: Path) -> None:
    layers = vgg_layers(19, [2] * 16)
    weights = {f"features.{name}": value for name, value in layers.state_dict().items()}
    path = save_keras_vgg(tmp_path / "vgg19-keras.h5", weights)
    rgb = torch.rand(1, 3, 16, 16)
    plain = load_keras_vgg(path, ["conv3_4", "relu1_1"], normalise=False)(rgb)
    assert torch.equal(plain["conv3_4"], layers[:17](rgb))
    means = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)
    expected = layers[:17](rgb.flip(1) * 255 - means)
    torch.testing.assert_close(load_keras_vgg(path, ["conv3_4"])(rgb)["conv3_4"], expected)


def test_keras_files_that_are_no_vgg(tmp_path: Path) -> None:
    layers = vgg_layers(19, [2] * 16)
    weights = {f"features.{name}": value for name, value in layers.state_dict().items()}
    short = save_keras_vgg(tmp_path / "short.h5", dict(list(weights.items())[:4]))
    with pytest.raises(
        ModelError, match=r"short\.h5 cannot be used: the weight features\.5\.weight is missing"
    ):
        load_keras_vgg(short, ["conv5_4"])
    none = save_keras_vgg(tmp_path / "none.h5", {})
    with pytest.raises(ModelError, match="does not hold Keras's VGG-19"):
        load_keras_vgg(none, ["conv5_4"])
    short.write_bytes(short.read_bytes()[:3000])
    with pytest.raises(ModelError, match="cannot be read as a Keras file"):
        load_keras_vgg(short, ["conv1_1"])


def test_thousands_of_blocks_are_not_built() -> None:
    """Twenty thousand empty weights, one for each block, took a minute."""
    weights = {f"RRDB_trunk.{index}.RDB1.conv1.weight": torch.zeros(1, 1, 3, 3) for index in range(20_000)}
    weights |= {"conv_first.weight": torch.zeros(1, 3, 3, 3), "conv_last.weight": torch.zeros(3, 1, 3, 3)}
    with pytest.raises(ModelError, match="it has 20000 blocks"):
        build(recognise(weights))


def test_relu_of_an_rrdbnet_stays(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = RRDBNet(features=4, blocks=1, growth=3, relu=True).eval()
    x = torch.rand(1, 3, 8, 8)
    for path in (tmp_path / "net.safetensors", tmp_path / "net.pth"):
        if path.suffix == ".pth":
            torch.save(network.state_dict(), path)
        else:
            save_file(network.state_dict(), path)
        assert torch.equal(load(path).network(x), network(x))
    weights = {name: value for name, value in network.state_dict().items() if name != "relu"}
    leaky = RRDBNet(features=4, blocks=1, growth=3).eval()
    leaky.load_state_dict(weights)
    assert not torch.allclose(leaky(x), network(x), atol=1e-4)
