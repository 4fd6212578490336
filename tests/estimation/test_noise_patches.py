"""Collecting noise patches from readable images, and advice if none is found."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from wildsr.estimation.errors import EstimationError
from wildsr.estimation.noise import NoiseRule, accepted, collect_noise, survey
from wildsr.estimation.sources import Source
from wildsr.image import Canvas, Traits, write

RULE = NoiseRule(patch=16)


def save(folder: Path, name: str, levels: Tensor) -> Source:
    with Canvas(levels.shape[-2], levels.shape[-1], Traits()) as canvas:
        canvas.paste(0, 0, levels / 255)
        write(folder / name, canvas)
    return Source(folder / name, name, name)


def noisy(mean: float, spread: float, height: int = 40, width: int = 56) -> Tensor:
    """Grey noise, the same in all channels, and in every run."""
    drawn = torch.randn(1, height, width, generator=torch.Generator().manual_seed(0))
    return (mean + spread * drawn).clamp(0, 255).round().expand(3, -1, -1)


def test_only_flat_pieces_are_taken(tmp_path: Path) -> None:
    flat, busy = noisy(128, 3), noisy(128, 40)
    mixed = torch.cat([flat[:, :, :16], busy[:, :, 16:]], -1)
    pool, found = collect_noise([save(tmp_path, "mixed.png", mixed), save(tmp_path, "busy.png", busy)], RULE)
    assert pool.origins == ("mixed.png 0,0", "mixed.png 0,16")
    assert torch.equal(pool.patches[1].float(), mixed[:, 16:32, :16])
    assert (found.images, found.giving, found.taken) == (2, 1, 2)
    assert found.candidates == 2 * 2 * 3  # 40x56 holds 2x3 pieces of 16, and a part


def test_a_piece_that_ends_at_the_border_is_left_out() -> None:
    assert len(survey(torch.zeros(3, 48, 49, dtype=torch.uint8), 16).top) == 2 * 3
    assert len(survey(torch.zeros(3, 16, 64, dtype=torch.uint8), 16).top) == 0


def test_what_has_no_noise_can_be_left_out() -> None:
    pieces = survey(torch.full((3, 33, 33), 255, dtype=torch.uint8), 16)
    assert accepted(pieces, RULE).all()
    assert not accepted(pieces, NoiseRule(patch=16, min_variance=0.5)).any()


def test_limit_draws_among_all_and_workers_change_nothing(tmp_path: Path) -> None:
    sources = [save(tmp_path, f"{index:02}.png", noisy(100, 2)) for index in range(12)]
    first, found = collect_noise(sources, RULE, limit=5, seed=3)
    again, _ = collect_noise(sources, RULE, limit=5, seed=3, workers=3)
    other, _ = collect_noise(sources, RULE, limit=5, seed=4)
    assert found.taken == 12 * 6
    assert len(first) == len(set(first.origins)) == 5
    assert (first.origins, first.digest) == (again.origins, again.digest)
    assert first.origins != other.origins
    assert any(origin > "06" for origin in first.origins)


def test_bad_images_are_left_out_and_told(tmp_path: Path) -> None:
    good = save(tmp_path, "good.png", noisy(100, 2))
    small = save(tmp_path, "small.png", noisy(100, 2, 12, 12))
    (tmp_path / "bad.jpg").write_bytes(b"no")
    pool, found = collect_noise([Source(tmp_path / "bad.jpg", "bad.jpg", "bad.jpg"), small, good], RULE)
    assert len(pool) == 6
    assert [name for name, _ in found.failures] == ["bad.jpg"]
    assert found.small == ["small.png"]


@pytest.mark.parametrize(
    ("rule", "levels", "advice"),
    [
        (
            RULE,
            noisy(128, 8),
            r"flattest has a variance of 5\d\.\d \(it\.png\).*--max-variance [67]\d, .*--patch 8",
        ),
        (NoiseRule(patch=16, min_mean=50), noisy(30, 2), r"too dark.*mean of 30\.\d.*--min-mean"),
        (NoiseRule(patch=64), noisy(128, 2), r"none of the 1 images is larger than 64x64 .*--patch 32"),
        (NoiseRule(patch=16, min_variance=1), torch.full((3, 40, 40), 9.0), r"--min-variance"),
    ],
    ids=["busy", "dark", "small", "empty"],
)
def test_advice(rule: NoiseRule, levels: Tensor, advice: str, tmp_path: Path) -> None:
    with pytest.raises(EstimationError, match=advice):
        collect_noise([save(tmp_path, "it.png", levels)], rule)


def test_advice_helps(tmp_path: Path) -> None:
    source = save(tmp_path, "it.png", noisy(128, 8))
    with pytest.raises(EstimationError) as caught:
        collect_noise([source], RULE)
    wanted = float(str(caught.value).partition("--max-variance ")[2].split(",")[0])
    assert len(collect_noise([source], NoiseRule(patch=16, max_variance=wanted))[0]) >= 1
