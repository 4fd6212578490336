"""Benchmarks of the challenges: their images, alignment and published numbers."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from image_folders import photograph, save
from wildsr.cli.main import app
from wildsr.data.catalogue.published import PUBLISHED_SETS
from wildsr.evaluation.aligned import aligned
from wildsr.evaluation.benchmark import PROTOCOLS, datasets_of, select
from wildsr.evaluation.benchmark_page import published_table
from wildsr.evaluation.challenges import CHALLENGES
from wildsr.evaluation.metrics import METRICS
from wildsr.evaluation.pairing import PairingError
from wildsr.image import read_levels
from wildsr.ops.resize import imresize

NOT_OURS = {"PIQE"}


def test_catalogue_and_benchmarks_name_each_other() -> None:
    for name, published in PUBLISHED_SETS.items():
        assert set(published.protocols) <= set(PROTOCOLS), name
    for name, protocol in CHALLENGES.items():
        assert set(protocol.data_sets) <= set(PUBLISHED_SETS)
        assert any(name in PUBLISHED_SETS[one].protocols for one in protocol.data_sets), name


def test_published_rows_say_where_they_stand_and_of_what_they_are() -> None:
    labels = {kind.label for kind in METRICS.values()} | NOT_OURS
    for protocol in CHALLENGES.values():
        for row in protocol.published:
            assert set(row.values) <= labels
            assert "github.com/" in row.source
            assert row.images


def test_only_the_standard_ones_run_by_default() -> None:
    assert list(select([])) == ["classic", "wild", "real"]
    assert select(["City100-nikon"]) == {"camerasr": ("City100-nikon",)}
    assert select(["Set14", "real", "Set5"]) == {"classic": ("Set14", "Set5"), "real": ()}


def test_aligned_images_are_downscaled_onto_the_grid_of_hr(tmp_path: Path) -> None:
    lr, hr = photograph(0, 34, 43), photograph(1, 34, 43)
    save(tmp_path / "LR" / "001.png", lr)
    save(tmp_path / "HR" / "001.png", hr)
    (sample,) = aligned("set", tmp_path / "LR", tmp_path / "HR", 4, tmp_path / "cache").samples
    assert sample.hr is not None
    torch.testing.assert_close(read_levels(sample.hr)[0], (hr[:, :32, :40] * 255).round().byte())
    expected = imresize(lr[None, :, :32, :40].double(), 0.25).clamp(0, 1).mul(255).round().byte()
    torch.testing.assert_close(read_levels(sample.lr), expected)


def test_pairs_of_other_sizes_are_not_on_one_grid(tmp_path: Path) -> None:
    save(tmp_path / "LR" / "001.png", photograph(0, 8, 12))
    save(tmp_path / "HR" / "001.png", photograph(1, 32, 48))
    with pytest.raises(PairingError, match=r"12x8 and .* is 48x32"):
        aligned("set", tmp_path / "LR", tmp_path / "HR", 4, tmp_path / "cache")


def pairs(folder: Path, count: int = 1) -> None:
    for number in range(count):
        save(folder / "LR" / f"{number}.png", photograph(number, 8, 12))
        save(folder / "HR" / f"{number}.png", photograph(number, 32, 48))


def test_challenges_read_what_layout_arranges(tmp_path: Path) -> None:
    pairs(tmp_path / "sets/aim2019/valid", 2)
    (dataset,) = datasets_of("aim2019", tmp_path, tmp_path / "cache")
    assert [sample.image for sample in dataset.samples] == ["0", "1"]
    save(tmp_path / "sets/ntire2020-track2/valid/LR/1.png", photograph(0, 8, 12))
    (dataset,) = datasets_of("ntire2020-track2", tmp_path, tmp_path / "cache")
    assert (dataset.name, dataset.samples[0].hr) == ("NTIRE2020-track2-valid", None)


def test_track1_takes_its_ground_truth_from_div2k(tmp_path: Path) -> None:
    save(tmp_path / "sets/ntire2020-track1/valid/LR/0801.png", photograph(0, 8, 12))
    save(tmp_path / "sets/div2k/valid/HR/0801.png", photograph(0, 32, 48))
    (dataset,) = datasets_of("ntire2020-track1", tmp_path, tmp_path / "cache")
    assert dataset.samples[0].hr == tmp_path / "sets/div2k/valid/HR/0801.png"


def test_a_part_of_the_images_is_refused(tmp_path: Path) -> None:
    pairs(tmp_path / "sets/realsr/test-x4", 2)
    with pytest.raises(PairingError, match="has 2 images, RealSR-V3-x4 has 100"):
        datasets_of("realsr", tmp_path, tmp_path / "cache")


@pytest.mark.parametrize("name", CHALLENGES)
def test_missing_images_say_how_to_get_them(tmp_path: Path, name: str) -> None:
    with pytest.raises(PairingError, match=f"wildsr data pull {CHALLENGES[name].data_sets[0]}"):
        datasets_of(name, tmp_path, tmp_path / "cache")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Allow a benchmark to have fewer images than were published."""

    def change(name: str, images: int) -> None:
        parts = tuple(replace(part, images=images) for part in PROTOCOLS[name].parts)
        monkeypatch.setitem(PROTOCOLS, name, replace(PROTOCOLS[name], parts=parts))

    return change


def test_noise_is_of_eight_levels_and_jpeg_is_no_noise(tmp_path: Path, few: Callable[..., None]) -> None:
    hr = torch.full((3, 256, 256), 0.5)
    save(tmp_path / "DIV2K_valid_HR" / "0801.png", hr)
    few("div2k-noise8", 1)
    few("div2k-jpeg30", 1)
    noisy, jpeg = (
        read_levels(datasets_of(name, tmp_path, tmp_path / "cache")[0].samples[0].lr).float()
        for name in ("div2k-noise8", "div2k-jpeg30")
    )
    assert noisy.shape == (1, 3, 64, 64)
    assert noisy.std().item() == pytest.approx(8, rel=0.05)
    assert jpeg.std() < 0.5


def test_command_prints_numbers_of_others_apart(tmp_path: Path, few: Callable[..., None]) -> None:
    pairs(tmp_path / "sets/realsr/test-x4", 2)
    few("realsr", 2)
    protocol = PROTOCOLS["realsr"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PROTOCOLS, "realsr", replace(protocol, metrics=("psnr-y",)))
        arguments = ["benchmark", "realsr", "--data", tmp_path, "-m", "bicubic", "-o", tmp_path / "out"]
        output = CliRunner().invoke(app, [*map(str, arguments), "--write", str(tmp_path / "page.md")])
    assert output.exit_code == 0, output.output
    assert "published by others" in output.stdout
    assert "28.6508" in output.stdout
    page = (tmp_path / "page.md").read_text()
    assert "| authors' baseline | 28.6508 | 0.8206 |" in page
    assert "0 pixels cropped" in page, "RealSR compares whole images"
    assert "28.6508" not in (tmp_path / "out" / "realsr" / "results.json").read_text()


def test_no_table_without_published_numbers() -> None:
    assert published_table(()) == []
