"""Properties of training networks, and of DSGAN's generator, that the golden files do not cover."""

import copy

import pytest
import torch
from torch import nn

from wildsr.networks.ddnsr import DDNSRPatchDiscriminator, DDNSRVGGDiscriminator, DegradationNetwork
from wildsr.networks.discriminators import PatchGAN, UNetDiscriminator
from wildsr.networks.dsgan import DSGANGenerator
from wildsr.networks.kernelgan import KernelGANGenerator
from wildsr.networks.spectral_norm import SpectralNormConv2d


@pytest.mark.parametrize("blocks", [1, 3])
def test_dsgan_receptive_field_is_exact(blocks: int) -> None:
    network = DSGANGenerator(features=3, blocks=blocks).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_().add_(0.01).mul_(0.2)  # positive, and so small that the sigmoid stays open
    radius = network.receptive_field
    side = 2 * radius + 7
    middle = side // 2
    x = torch.rand(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    network(x)[..., middle, middle].sum().backward()
    assert x.grad is not None
    rows, columns = x.grad.abs().sum((0, 1)).nonzero(as_tuple=True)
    assert (rows.min(), rows.max()) == (middle - radius, middle + radius)
    assert (columns.min(), columns.max()) == (middle - radius, middle + radius)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_spectral_norm_is_pytorchs_through_two_passes_and_back() -> None:
    torch.manual_seed(0)
    ours = SpectralNormConv2d(3, 5, 3, 2, 1)
    theirs = nn.utils.spectral_norm(nn.Conv2d(3, 5, 3, 2, 1))
    theirs.load_state_dict(ours.state_dict())
    first, second = torch.rand(2, 2, 3, 9, 8)
    gradients = []
    for layer in (ours, theirs):
        (layer.train()(first).square().sum() + layer(second).sum()).backward()
        gradients.append([parameter.grad for _, parameter in sorted(layer.named_parameters())])
    for own, other in zip(*gradients, strict=True):
        torch.testing.assert_close(own, other)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)
    torch.testing.assert_close(ours.eval()(first), theirs.eval()(first))


def test_spectral_norm_brings_the_largest_singular_value_to_one() -> None:
    torch.manual_seed(0)
    layer = SpectralNormConv2d(2, 4, 1)
    for _ in range(100):
        layer(torch.zeros(1, 2, 1, 1))
    layer.eval()
    response = torch.stack([layer(unit.view(1, 2, 1, 1)).flatten() for unit in torch.eye(2)]) - layer.bias
    assert torch.linalg.matrix_norm(response, 2).item() == pytest.approx(1, abs=1e-4)


def test_spectral_norm_can_be_copied_and_built_without_memory() -> None:
    network = UNetDiscriminator(features=2)
    twin = copy.deepcopy(network).eval()
    x = torch.rand(1, 3, 16, 8)
    assert torch.equal(twin(x), network.eval()(x))
    with torch.device("meta"):
        hollow = UNetDiscriminator(features=2)
    hollow.load_state_dict(network.state_dict(), assign=True)
    assert torch.equal(hollow.eval()(x), network(x))


def test_evaluation_leaves_the_estimate_alone() -> None:
    layer = SpectralNormConv2d(3, 4, 3)
    before = layer.weight_u.clone()
    layer.eval()(torch.rand(1, 3, 5, 5))
    assert torch.equal(layer.weight_u, before)
    layer.train()(torch.rand(1, 3, 5, 5))
    assert not torch.equal(layer.weight_u, before)


def test_a_patch_discriminator_of_realsr_has_no_spectral_norm() -> None:
    with pytest.raises(ValueError, match="no spectral norm"):
        PatchGAN(spectral=True)


def test_kernel_learns() -> None:
    generator = KernelGANGenerator(features=3)
    kernel = generator.kernel()
    assert kernel.shape == (generator.reach, generator.reach)
    (kernel.sum() - 1).square().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in generator.parameters())


@pytest.mark.parametrize("dual", [True, False])
def test_only_a_dual_network_listens_to_the_noise(dual: bool) -> None:
    torch.manual_seed(0)
    network = DegradationNetwork(features=3, blocks=1, dual=dual)
    hr, lr = torch.rand(2, 3, 13, 18), torch.rand(2, 3, 4, 5)
    same = torch.equal(network(hr, lr), network(hr, 1 - lr))
    assert same == (not dual)
    assert network(hr, lr).shape == lr.shape


def test_degradation_refuses_images_that_do_not_fit() -> None:
    network = DegradationNetwork(features=2, blocks=1)
    with pytest.raises(ValueError, match=r"\(16, 16\) becomes \(4, 4\).*\(4, 5\)"):
        network(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 4, 5))


@pytest.mark.parametrize(("height", "width"), [(32, 32), (13, 18), (1, 3)])
def test_sizes_of_ddnsr_discriminators(height: int, width: int) -> None:
    x = torch.rand(2, 3, height, width)
    assert DDNSRVGGDiscriminator(2, 3, (height, width)).eval()(x).shape == (2, 1)
    expected = (2, 1, -(-height // 8), -(-width // 8))
    assert DDNSRPatchDiscriminator(2).eval()(x).shape == expected
