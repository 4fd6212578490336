"""`wildsr adapt` from end to end, on small photos with a small network."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from camera_photos import small_adaptations, write_photos, write_start

import wildsr.adapt.run as run_module
from wildsr.adapt import (
    AdaptNote,
    AdaptOptions,
    AdaptPreview,
    AdaptProgress,
    AdaptStage,
    AdaptValidated,
    Gain,
    Verdict,
    adapt,
    training,
)
from wildsr.adapt.errors import AdaptError
from wildsr.errors import UsageError
from wildsr.zoo.header import read_metadata
from wildsr.zoo.load import load


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    small_adaptations(monkeypatch, tmp_path_factory.mktemp("none"))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture
def options(tmp_path: Path) -> AdaptOptions:
    return AdaptOptions(
        minutes=10, steps=4, model=str(write_start(tmp_path / "start.safetensors")), device="cpu"
    )


def test_a_folder_of_photos_becomes_a_model_with_a_report(
    photos: Path, tmp_path: Path, options: AdaptOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[object] = []
    gain = Gain("psnr", 0.5, 0.3, 0.7, 20.0, 20.5, 3, higher_is_better=True)
    monkeypatch.setattr(
        run_module, "compared", lambda *_, **__: Verdict(True, "<b>better</b> & proven", (gain,))
    )
    result = adapt(photos, tmp_path / "mine.safetensors", options, on_event=events.append)

    assert result.model == tmp_path / "mine.safetensors"
    model = load(result.model)
    assert model(torch.rand(1, 3, 9, 11)).shape == (1, 3, 36, 44)
    assert model.contract.trained_on == ("psnr",)
    header = read_metadata(result.model)
    assert header["profile_sha256"] == result.profile.digest
    assert header["gain_psnr"] == "0.5 (0.3 to 0.7)"
    assert (header["photos"], header["photos_set_aside"], header["licence"]) == ("9", "3", "CC0-1.0")
    page = result.report.read_text(encoding="utf-8")
    assert "&lt;b&gt;better&lt;/b&gt; &amp; proven" in page
    assert "<b>better</b>" not in page
    assert 'id="camera"' in page
    assert "Loss: psnr" in page
    assert "blur: 1.0 became 2.0" in page
    assert "//" not in page.partition("<main>")[2].partition("<script")[0]
    stages = [event.stage for event in events if isinstance(event, AdaptStage)]
    assert stages == ["photos", "profile", "profile", "images", "before", "training", "proof", "report"]
    assert any(isinstance(event, AdaptPreview) and event.path.is_file() for event in events)
    assert any(isinstance(event, AdaptProgress) and "generator/psnr" in event.losses for event in events)
    validated = [event for event in events if isinstance(event, AdaptValidated)]
    assert validated[0].step == 0
    assert validated[0].psnr == validated[0].start == validated[-1].start
    aside = json.loads((result.work / "photos.json").read_text())["aside"]
    assert len(aside) == 3

    # The same command again does nothing anew, and leaves the model as it is.
    before = load(result.model).network.state_dict()
    again: list[object] = []
    adapt(photos, tmp_path / "mine.safetensors", options, on_event=again.append)
    done = {event.stage for event in again if isinstance(event, AdaptStage) and event.done}
    assert done == {"profile", "images", "before", "training"}
    after = load(result.model).network.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in after.items())


def test_a_gain_that_is_not_certain_writes_no_model_unless_forced(
    photos: Path, tmp_path: Path, options: AdaptOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "_CAREFUL", ("adam", 1e-9))
    result = adapt(photos, tmp_path / "mine.safetensors", options)
    assert result.model is None
    assert not (tmp_path / "mine.safetensors").exists()
    assert not result.verdict.better
    assert "No model was written" in result.report.read_text(encoding="utf-8")

    forced = adapt(photos, tmp_path / "mine.safetensors", replace(options, force=True))
    assert forced.model is not None
    assert forced.model.is_file()


def test_an_interrupted_training_is_continued(photos: Path, tmp_path: Path, options: AdaptOptions) -> None:
    class Stopped(Exception):
        pass

    steps: list[int] = []

    def stop(event: object) -> None:
        if isinstance(event, AdaptProgress) and event.stage == "training":
            steps.append(event.done)
            if len(steps) == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(photos, tmp_path / "mine.safetensors", options, on_event=stop)
    work = tmp_path / "mine-work"
    assert (work / "before.json").is_file()
    assert not (work / "trained.json").exists()
    assert json.loads((work / "training.json").read_text())["seconds"] > 0
    events: list[object] = []
    result = adapt(photos, tmp_path / "mine.safetensors", options, on_event=events.append)
    assert {e.stage for e in events if isinstance(e, AdaptStage) and e.done} == {
        "profile",
        "images",
        "before",
    }
    assert result.report.is_file()


def test_another_request_does_not_continue_a_run(photos: Path, tmp_path: Path, options: AdaptOptions) -> None:
    def stop(event: object) -> None:
        if isinstance(event, AdaptStage) and event.stage == "images":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(photos, tmp_path / "mine.safetensors", options, on_event=stop)
    with pytest.raises(AdaptError, match="--seed was 0, is 1"):
        adapt(photos, tmp_path / "mine.safetensors", replace(options, seed=1))


def test_changed_photos_do_not_continue_a_run(tmp_path: Path, options: AdaptOptions) -> None:
    folder = write_photos(tmp_path / "photos")

    def stop(event: object) -> None:
        if isinstance(event, AdaptStage) and event.stage == "profile":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(folder, tmp_path / "mine.safetensors", options, on_event=stop)
    (folder / "photo-03.jpg").unlink()
    with pytest.raises(AdaptError, match="the photos have changed"):
        adapt(folder, tmp_path / "mine.safetensors", options)


def test_few_photos_are_refused_with_what_to_do(tmp_path: Path, options: AdaptOptions) -> None:
    folder = write_photos(tmp_path / "photos", count=4)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    (folder / "clip.mp4").write_bytes(b"video")
    with pytest.raises(
        UsageError, match=r"4 usable photos of 5; at least 10 are needed.*broken\.jpg"
    ) as caught:
        adapt(folder, tmp_path / "mine.safetensors", options)
    assert "clip.mp4" in str(caught.value)
    assert not (tmp_path / "mine-work").exists()


def test_photos_that_cannot_be_used_are_named(tmp_path: Path, options: AdaptOptions) -> None:
    folder = write_photos(tmp_path / "photos", count=11)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    notes: list[str] = []

    def listen(event: object) -> None:
        if isinstance(event, AdaptNote):
            notes.append(event.text)
        if isinstance(event, AdaptStage) and event.stage == "profile":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt(folder, tmp_path / "mine.safetensors", options, on_event=listen)
    assert any("broken.jpg" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "message"),
    [("mine.pth", "must be a .safetensors file"), ("nowhere/mine.safetensors", "there is no folder")],
)
def test_outputs_that_cannot_be_written_are_refused_first(
    name: str, message: str, photos: Path, tmp_path: Path, options: AdaptOptions
) -> None:
    with pytest.raises(UsageError, match=message):
        adapt(photos, tmp_path / name, options)


def test_an_existing_model_is_not_replaced(photos: Path, tmp_path: Path, options: AdaptOptions) -> None:
    (tmp_path / "mine.safetensors").write_bytes(b"precious")
    with pytest.raises(UsageError, match="exists already"):
        adapt(photos, tmp_path / "mine.safetensors", options)
    assert (tmp_path / "mine.safetensors").read_bytes() == b"precious"


def test_a_full_disk_is_reported_before_the_work(
    photos: Path, tmp_path: Path, options: AdaptOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wildsr.adapt.work._NEEDED", 1 << 60)
    with pytest.raises(AdaptError, match="Make room"):
        adapt(photos, tmp_path / "mine.safetensors", options)
