"""`wildsr adapt --method dsgan` and `ddnsr`, which first train the network that degrades on the photos."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
import yaml
from camera_photos import scene, small_adaptations, write_photos, write_start
from lightning.fabric import Fabric

from wildsr.adapt import AdaptOptions, AdaptProgress, AdaptStage, adapt, degrader, degrader_recipes
from wildsr.adapt.degrader_recipes import degrader_recipe, plain_ddnsr, plain_dsgan
from wildsr.adapt.request import Method
from wildsr.adapt.sources import Chosen
from wildsr.adapt.stages import Stages
from wildsr.adapt.training import HR_PATCH, Pace, hardware_of, measure_pace, train_by_clock
from wildsr.adapt.work import Clock, WorkFolder
from wildsr.errors import UsageError
from wildsr.estimation.inventory import LEAST_SIDE
from wildsr.image import write_rgb
from wildsr.recipes.run import build
from wildsr.training import threads
from wildsr.training.errors import Interrupted
from wildsr.training.processes import Hardware, start
from wildsr.zoo.header import read_metadata

METHODS: tuple[Method, ...] = ("dsgan", "ddnsr")


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small_adaptations(monkeypatch, tmp_path / "no-features")
    monkeypatch.setattr(degrader_recipes, "LR_PATCH", 12)
    monkeypatch.setattr(degrader_recipes, "_DSGAN_SIZES", {"features": 24, "blocks": 1})
    monkeypatch.setattr(degrader_recipes, "_DDNSR_SIZES", {"features": 4, "blocks": 1})


@pytest.fixture
def options(tmp_path: Path) -> AdaptOptions:
    start = write_start(tmp_path / "start.safetensors")
    return AdaptOptions(minutes=10, steps=3, model=str(start), device="cpu", force=True)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("method", METHODS)
def test_the_network_is_trained_on_the_photos_and_an_interrupted_training_goes_on(
    method: Method, tmp_path: Path, options: AdaptOptions
) -> None:
    photos, output, asked = (
        write_photos(tmp_path / "photos"),
        tmp_path / "mine.safetensors",
        replace(options, method=method),
    )
    steps: list[int] = []

    def interrupt(event: object) -> None:
        if isinstance(event, AdaptProgress) and event.stage == "degrader":
            steps.append(event.done)
            if event.done == 1:
                os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(Interrupted):
        adapt(photos, output, asked, on_event=interrupt)
    events: list[object] = []
    result = adapt(photos, output, asked, on_event=events.append)
    steps += [e.done for e in events if isinstance(e, AdaptProgress) and e.stage == "degrader"]
    assert steps == [1, 2, 3]
    stages = [event.stage for event in events if isinstance(event, AdaptStage)]
    assert stages[stages.index("degrader") :] == ["degrader", "training", "proof", "report"]

    recipe = yaml.safe_load((result.work / "run" / "recipe.yaml").read_text())
    model = Path(recipe["data"]["degradation"]["model"])
    assert model.parent == result.work / "degrader"
    assert read_metadata(model)["architecture"] == ("DSGAN" if method == "dsgan" else "DegradationNetwork")
    assert result.model is not None
    made = f"{method}, by a network trained on 9 of these photos (3 steps in "
    assert read_metadata(result.model)["degradation"].startswith(made)
    page = result.report.read_text(encoding="utf-8")
    assert made in page
    section = page.partition('id="degrader"')[2].partition("</section>")[0]
    assert "data:image" in section
    assert "Loss: texture" in section if method == "dsgan" else "Loss: cycle" in section

    # The finished network is kept, also if the model is trained for longer.
    again: list[AdaptStage] = []

    def stop(event: object) -> None:
        if isinstance(event, AdaptStage):
            again.append(event)
            if event.stage == "training":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(photos, output, replace(asked, steps=4), on_event=stop)
    assert again[-2].stage == "degrader"
    assert again[-2].done
    assert not again[-1].done


@pytest.mark.parametrize("method", METHODS)
def test_photos_that_are_too_small_are_named(method: Method, tmp_path: Path, options: AdaptOptions) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(12):
        write_rgb(folder / f"{number}.png", scene(number, LEAST_SIDE - 1, 200))
    with pytest.raises(UsageError, match=r"0 usable photos of 12.*too small: 200x63 pixels, and at least 64"):
        adapt(folder, tmp_path / "mine.safetensors", replace(options, method=method))


@pytest.mark.parametrize("method", METHODS)
def test_the_smallest_usable_photos_are_large_enough(method: Method, tmp_path: Path) -> None:
    for folder, side in (("hr", HR_PATCH), ("photos", LEAST_SIDE)):
        (tmp_path / folder).mkdir()
        write_rgb(tmp_path / folder / "0.png", scene(0, side, side))
    recipe = degrader_recipe(method, tmp_path / "hr", tmp_path / "photos", tmp_path / "run", tmp_path, 0)
    sample = build(recipe, tmp_path).data.dataset.sample(0)
    assert sample["hr"].shape[-1] == 128
    assert sample["source" if method == "dsgan" else "lr_real"].shape[-1] == 32


def test_training_computes_with_free_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("hr", "photos"):
        (tmp_path / folder).mkdir()
        write_rgb(tmp_path / folder / "0.png", scene(0, HR_PATCH, HR_PATCH))
    recipe = degrader_recipe("dsgan", tmp_path / "hr", tmp_path / "photos", tmp_path / "run", tmp_path, 0)
    built = build(recipe, tmp_path)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    numbers: list[int] = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    monkeypatch.setattr(torch, "set_num_threads", numbers.append)
    monkeypatch.setattr(threads, "free_cores", lambda: 2)
    pace = measure_pace(built, "cpu")
    assert numbers == [2, 3]
    train_by_clock(built, tmp_path / "run", pace, 60.0, 0.0, "cpu", steps=1)
    assert numbers == [2, 3, 2, 3]


def test_training_is_on_the_device_that_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(Fabric, "launch", lambda _: None)
    for device in ("cuda:0", "cuda:1"):
        assert str(start(hardware_of(device, "fp32")).device) == device
    assert hardware_of("cuda", "fp32") == Hardware("gpu", precision="fp32")
    assert hardware_of("cpu", "bf16") == Hardware("cpu", precision="bf16")


def test_the_networks_begin_with_clean_lr_images() -> None:
    hr = scene(0, 64, 64)
    lr = F.avg_pool2d(hr, 4)
    with torch.no_grad():
        assert torch.allclose(plain_dsgan()(lr), lr, atol=3 / 255)
        assert torch.allclose(plain_ddnsr()(hr, torch.rand(1, 3, 16, 16)), lr, atol=1e-5)


@pytest.mark.parametrize(("thorough", "share", "budget"), [(False, 0.4 * 540, 600), (True, 600, 900)])
def test_the_network_gets_a_share_of_the_minutes_or_all_of_them_besides(
    thorough: bool, share: float, budget: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[float] = []

    def train(
        _built: object, folder: Path, _pace: Pace, seconds: float, *_args: object, on_time, **_: object
    ) -> None:
        given.append(seconds)
        folder.mkdir()
        (folder / "dsgan.safetensors").touch()
        on_time(300.0)

    monkeypatch.setattr(degrader, "degrader_recipe", lambda *_: None)
    monkeypatch.setattr(degrader, "build", lambda *_: None)
    monkeypatch.setattr(degrader, "measure_pace", lambda *_: Pace(1.0))
    monkeypatch.setattr(degrader, "train_by_clock", train)
    monkeypatch.setattr(Stages, "references", lambda *_: tmp_path)
    work = WorkFolder(tmp_path)
    for run in range(2):
        stages = Stages(
            (), AdaptOptions(method="dsgan", minutes=10, thorough=thorough), work, None, Clock(work, 10)
        )
        degrader.train_degrader(stages, Chosen((), (), ""), 60.0)
        assert len(given) == 1, f"trained again in run {run}"
        assert stages.time.budget == budget
    assert given[0] == pytest.approx(share, abs=2)
