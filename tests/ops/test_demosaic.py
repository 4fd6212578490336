import pytest
import torch
from skimage import data
from torch import Tensor

from wildsr.ops.demosaic import PATTERNS, Method, demosaic, mosaic

METHODS: tuple[Method, ...] = ("malvar", "bilinear")
MIDDLE = (..., slice(2, -2), slice(2, -2))


def psnr(result: Tensor, expected: Tensor) -> float:
    return float(-10 * (result.clamp(0, 1) - expected).square().mean().log10())


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_is_named_by_what_it_sees(pattern: str) -> None:
    colours = torch.tensor([1.0, 2.0, 3.0]).reshape(1, 3, 1, 1).expand(1, 3, 5, 7)
    raw = mosaic(colours, [pattern])
    assert raw.shape == (1, 1, 5, 7)
    seen = "".join("rgb"[int(value) - 1] for value in raw[0, 0, :2, :2].flatten())
    assert seen == pattern
    assert torch.equal(raw[..., 2:, :], raw[..., :-2, :])
    assert torch.equal(raw[..., :, 2:], raw[..., :, :-2])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(8, 10), (7, 9), (2, 2), (3, 5)])
def test_constant_colours_are_exact_everywhere(method: Method, size: tuple[int, int]) -> None:
    colours = torch.tensor([[0.2, 0.5, 0.9], [0.7, 0.3, 0.1], [0.1, 0.6, 0.4], [0.9, 0.8, 0.2]])
    images = colours[:, :, None, None].expand(4, 3, *size)
    torch.testing.assert_close(demosaic(mosaic(images, PATTERNS), PATTERNS, method), images)


@pytest.mark.parametrize("method", METHODS)
def test_linear_ramps_are_exact_away_from_borders(method: Method) -> None:
    y, x = torch.meshgrid(torch.linspace(0, 0.4, 13), torch.linspace(0, 0.5, 16), indexing="ij")
    # One slope for all channels: Malvar's filters take the colours' Laplacians, not their levels, to be alike.
    images = torch.stack([x + y, x + y + 0.1, x + y + 0.05]).expand(4, 3, 13, 16)
    back = demosaic(mosaic(images, PATTERNS), PATTERNS, method)
    torch.testing.assert_close(back[MIDDLE], images[MIDDLE])
    other = torch.stack([x, y + 0.1, 0.4 - x]).expand(4, 3, 13, 16)
    torch.testing.assert_close(demosaic(mosaic(other, PATTERNS), PATTERNS, method)[MIDDLE], other[MIDDLE])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_was_seen_is_kept(pattern: str) -> None:
    raw = torch.rand(2, 1, 9, 12)
    back = demosaic(raw, [pattern] * 2)
    torch.testing.assert_close(mosaic(back, [pattern] * 2), raw)


def test_each_image_has_its_own_pattern() -> None:
    raw = torch.rand(4, 1, 12, 11)
    together = demosaic(raw, PATTERNS)
    for index, pattern in enumerate(PATTERNS):
        torch.testing.assert_close(together[index : index + 1], demosaic(raw[index : index + 1], [pattern]))
    assert not torch.allclose(together[:1], demosaic(raw[:1], [PATTERNS[1]]))


@pytest.mark.parametrize("photo", ["astronaut", "coffee"])
def test_malvar_is_better_than_bilinear_on_photographs(photo: str) -> None:
    """By more than 3 dB; Malvar, He and Cutler report about 5.5 dB on Kodak's."""
    image = torch.from_numpy(getattr(data, photo)()).permute(2, 0, 1)[None] / 255
    raw = mosaic(image, ["grbg"])
    malvar, bilinear = (psnr(demosaic(raw, ["grbg"], method), image) for method in METHODS)
    assert bilinear > 27
    assert malvar > bilinear + 3


def test_gradients_pass() -> None:
    images = torch.rand(1, 3, 6, 6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: demosaic(mosaic(x, ["rggb"]), ["rggb"]), images)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="2 images but 1 Bayer patterns"):
        mosaic(torch.rand(2, 3, 4, 4), ["rggb"])
    with pytest.raises(ValueError, match="not 'rgbg'"):
        demosaic(torch.rand(1, 1, 4, 4), ["rgbg"])
    with pytest.raises(ValueError, match="two rows and columns"):
        demosaic(torch.rand(1, 1, 1, 4), ["rggb"])
    with pytest.raises(ValueError, match="malvar or bilinear"):
        demosaic(torch.rand(1, 1, 4, 4), ["rggb"], "best")  # type: ignore[arg-type]
