"""Many KernelGANs in one batch: results equal those of single ones, and differ between blurs."""

import pytest
import torch
from torch import Tensor

from kernelgan_states import stacked
from wildsr.estimation.crops import crop_maps, trimmed
from wildsr.estimation.errors import EstimationError
from wildsr.estimation.kernelgan import (
    CropSource,
    KernelGANSchedule,
    KernelGANSettings,
    estimate_kernels,
    finished,
)
from wildsr.losses.kernelgan import sparsity_loss
from wildsr.networks.kernelgan import KernelGANDiscriminator, KernelGANGenerator
from wildsr.networks.kernelgan_batch import KernelGANDiscriminators, KernelGANGenerators, shrink

SHORT = KernelGANSettings(iterations=4, border=0, features=8)


def images(count: int, height: int = 90, width: int = 100) -> list[Tensor]:
    return [torch.randint(256, (3, height, width + 4 * index), dtype=torch.uint8) for index in range(count)]


def test_a_batch_is_the_networks_side_by_side() -> None:
    alone = [(KernelGANGenerator(8).double(), KernelGANDiscriminator(8).double()) for _ in range(3)]
    g_state, d_state = stacked([g.state_dict() for g, _ in alone], [d.state_dict() for _, d in alone])
    generators, discriminators = KernelGANGenerators(3, 8).double(), KernelGANDiscriminators(3, 8).double()
    generators.load_state_dict(g_state)
    discriminators.load_state_dict(d_state)
    x = torch.rand(3, 3, 40, 33, dtype=torch.float64)
    small = generators(x)
    for _ in range(2):  # the second time after a power iteration
        maps = discriminators(small)
        for index, (generator, discriminator) in enumerate(alone):
            torch.testing.assert_close(generators.kernels()[index], generator.kernel())
            torch.testing.assert_close(small[index : index + 1], generator(x[index : index + 1]))
            torch.testing.assert_close(maps[index], discriminator(small[index : index + 1])[0, 0])


def test_gradients_reach_every_layer() -> None:
    generator = KernelGANGenerator(4).double()
    g_state, _ = stacked([generator.state_dict()], [KernelGANDiscriminator(4).state_dict()])
    generators = KernelGANGenerators(1, 4).double()
    generators.load_state_dict(g_state)
    x = torch.rand(1, 3, 20, 20, dtype=torch.float64)
    generator(x).square().sum().backward()
    shrink(x, generators.kernels(), 2).square().sum().backward()
    for ours, theirs in zip(generators.parameters(), generator.parameters(), strict=True):
        torch.testing.assert_close(ours.grad[0], theirs.grad)


def test_a_kernel_does_not_depend_on_its_neighbours() -> None:
    three = images(3)
    sources = [CropSource(image, SHORT, 5) for image in three]
    together = estimate_kernels(sources, SHORT, dtype=torch.float64)
    for expected, image in zip(together, three, strict=True):
        (alone,) = estimate_kernels([CropSource(image, SHORT, 5)], SHORT, dtype=torch.float64)
        assert difference(alone, expected) < 1e-9
    assert difference(together[0], together[1]) > 0.05
    (other,) = estimate_kernels([CropSource(three[0], SHORT, 6)], SHORT, dtype=torch.float64)
    assert difference(other, together[0]) > 0.05


def difference(kernel: Tensor, expected: Tensor) -> float:
    """Relative to the largest value: kernels are tiny at the beginning."""
    return float((kernel - expected).abs().max() / expected.abs().max())


def test_progress_is_told() -> None:
    told: list[int] = []
    estimate_kernels([CropSource(images(1)[0], SHORT)], SHORT, on_iteration=told.append)
    assert told == [1, 2, 3, 4]


def test_crops_are_where_the_structure_is() -> None:
    image = torch.zeros(3, 200, 300, dtype=torch.float64)
    image[:, 60:140, 180:260] = torch.rand(3, 80, 80)
    for one in crop_maps(image, 64, 26):
        assert one.sum() == pytest.approx(1)
        rows, columns = one.nonzero().T
        assert rows.min() >= 20
        assert columns.min() >= 130


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        (torch.zeros(3, 65, 300, dtype=torch.uint8), "300x65 pixels, and a kernel needs at least 66"),
        (torch.full((3, 200, 200), 7, dtype=torch.uint8), "structure"),
    ],
)
def test_unfit_images(levels: Tensor, message: str) -> None:
    with pytest.raises(EstimationError, match=message):
        CropSource(levels, SHORT)


def test_the_smallest_image_will_do() -> None:
    (kernel,) = estimate_kernels([CropSource(images(1, 66, 66)[0], SHORT)], SHORT)
    assert kernel.isfinite().all()


def test_trimmed_is_even() -> None:
    assert trimmed(torch.zeros(3, 121, 112), 10).shape == (3, 100, 92)


def test_schedule_of_each_image() -> None:
    """The first comes near to bicubic at once, the second after 300 iterations."""
    schedule = KernelGANSchedule(2)
    for iteration in range(800):
        schedule.update(iteration, torch.tensor([0.1, 0.1 if iteration > 300 else 1.0]))
        if iteration == 200:
            assert schedule.bicubic.tolist() == [0.05, 5.0]
    assert schedule.bicubic.tolist() == pytest.approx([5e-6, 5e-4])
    assert schedule.centre.tolist() == [1, 1]
    assert schedule.learning_rate == pytest.approx(2e-5)


def test_a_value_of_zero_does_no_harm() -> None:
    kernels = torch.zeros(1, 3, 3, requires_grad=True)
    sparsity_loss(kernels).sum().backward()
    assert kernels.grad is not None
    assert kernels.grad.isfinite().all()


def test_finished_kernels() -> None:
    raw = torch.rand(13, 13) ** 4
    raw = raw / raw.sum()
    double, quadruple = finished(raw, 2), finished(raw, 4)
    assert quadruple.shape[-1] == 2 * double.shape[-1] - 1
    assert float(quadruple.sum()) == pytest.approx(1)
    with pytest.raises(ValueError, match="2 and 4, not 3"):
        finished(raw, 3)
    with pytest.raises(EstimationError, match="diverged"):
        finished(torch.full((13, 13), torch.nan))
    for early in (torch.zeros(13, 13), -raw):
        with pytest.raises(
            EstimationError, match=r"not found a kernel yet.*more iterations \(3,000 by default\)"
        ):
            finished(early)
