"""`wildsr adapt --noise-from`: noise patches of other photos, with every method."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from camera_photos import scene, small_adaptations, write_photos, write_start

from wildsr.adapt import AdaptOptions, AdaptStage, adapt
from wildsr.adapt.other_noise import joined, other_noise
from wildsr.adapt.request import Method
from wildsr.degradations.pools import NoisePool
from wildsr.errors import UsageError
from wildsr.image import write_rgb
from wildsr.networks.ddnsr import DegradationNetwork
from wildsr.networks.dsgan import DSGANGenerator
from wildsr.recipes.config.degradations import LearnedMixtureConfig, ProfileDegradationConfig
from wildsr.training.export import save_model
from wildsr.zoo.header import read_metadata


def write_noisy(folder: Path, sigma: float = 6.0) -> Path:
    """One photo with a grey wall above; returns the folder."""
    folder.mkdir()
    image = scene(1)
    image[..., :110, :] = 0.5
    noise = np.random.default_rng(0).normal(0, sigma / 255, tuple(image.shape)).astype(np.float32)
    write_rgb(folder / "wall.png", (image + torch.from_numpy(noise)).clamp(0, 1))
    return folder


def test_one_photo_with_a_flat_area_is_enough(tmp_path: Path) -> None:
    pool = other_noise(write_noisy(tmp_path / "one"), 20, 0)
    assert pool.patches.shape[-1] >= 32
    assert 3 < float(pool.patches.float().std(dim=(2, 3)).mean()) < 9


def test_photos_without_noise_are_refused_before_anything_is_stored(tmp_path: Path) -> None:
    photos, folder = write_photos(tmp_path / "photos", count=10), tmp_path / "graphics"
    folder.mkdir()
    board = (torch.arange(200)[:, None] // 8 + torch.arange(240) // 8) % 2
    write_rgb(folder / "board.png", board.expand(1, 3, -1, -1).float())
    options = AdaptOptions(noise_from=folder, device="cpu")
    with pytest.raises(
        UsageError, match=r"--noise-from: no flat area with noise .*graphics \(1 photo\)\. Give"
    ):
        adapt(photos, tmp_path / "mine.safetensors", options)
    write_rgb(folder / "board.png", torch.zeros(1, 3, 200, 240))
    with pytest.raises(UsageError, match=r"--noise-from: .*graphics has no usable photo\. board.png: black"):
        adapt(photos, tmp_path / "mine.safetensors", options)
    with pytest.raises(UsageError, match=r"--noise-from: .*missing"):
        adapt(photos, tmp_path / "mine.safetensors", replace(options, noise_from=tmp_path / "missing"))
    assert not (tmp_path / "mine-work").exists()


@pytest.mark.parametrize("method", ["profile", "realsr", "dsgan", "ddnsr"])
def test_every_method_uses_the_noise_and_says_so(
    method: Method, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_adaptations(monkeypatch, tmp_path / "no-features")
    network = DSGANGenerator(4, 1) if method == "dsgan" else DegradationNetwork(4, 2, 1)
    save_model(tmp_path / "degrader.safetensors", network, {"licence": "CC0-1.0"})
    options = AdaptOptions(
        steps=1,
        model=str(write_start(tmp_path / "start.safetensors")),
        device="cpu",
        force=True,
        noise_from=write_noisy(tmp_path / "noisy walls"),
        method=method,
        degrader=str(tmp_path / "degrader.safetensors") if method in ("dsgan", "ddnsr") else None,
    )

    def stop(event: object) -> None:
        if isinstance(event, AdaptStage) and event.stage == "proof":
            raise KeyboardInterrupt

    photos, work = write_photos(tmp_path / "photos", count=10), tmp_path / "mine-work"
    with pytest.raises(KeyboardInterrupt):
        adapt(photos, tmp_path / "mine.safetensors", options, on_event=stop)
    used = yaml.safe_load((work / "run" / "recipe.yaml").read_text())["data"]["degradation"]
    kinds = {"profile": ProfileDegradationConfig, "realsr": ProfileDegradationConfig}
    degradation = kinds.get(method, LearnedMixtureConfig).model_validate(used).build(4)
    rng = np.random.default_rng(0)
    samples = [degradation.sample(rng, (64, 64)) for _ in range(60)]
    noisy = sum("patch" in str(one) for one in samples)
    assert noisy > 45 if method == "realsr" else 15 < noisy < 40
    # The report has the same text.
    said = "of noisy walls, 10% of the patches by the general mixture"
    assert said in read_metadata(work / "candidate.safetensors")["degradation"]


def test_pools_of_two_sizes_are_joined() -> None:
    small, large = (
        NoisePool(torch.full((2, 3, side, side), side, dtype=torch.uint8), ("a", "b")) for side in (32, 64)
    )
    both = joined(small, large)
    assert both.patches.shape == (4, 3, 64, 64)
    assert both.patches[:2].unique().tolist() == [32]
    assert joined(None, small) is small
