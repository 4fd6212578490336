"""Bad input and bad luck: photos that cannot be used, a full disk and an interruption at each stage."""

import errno
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from camera_photos import small_adaptations, write_photos, write_start
from PIL import Image
from torch import Tensor

from wildsr.adapt import AdaptNote, AdaptOptions, AdaptStage, adapt
from wildsr.errors import UsageError, WildsrError
from wildsr.zoo.load import load


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small_adaptations(monkeypatch, tmp_path / "no-features")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture
def options(tmp_path: Path) -> AdaptOptions:
    return AdaptOptions(
        minutes=10, steps=4, model=str(write_start(tmp_path / "start.safetensors")), device="cpu"
    )


def weights(path: Path) -> list[Tensor]:
    return list(load(path).network.state_dict().values())


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A folder with one file of each kind that cannot be used."""
    folder = tmp_path / "bad"
    folder.mkdir()
    Image.new("RGB", (300, 200)).save(folder / "black.jpg")
    Image.new("RGB", (300, 200), "red").save(folder / "red.jpg")
    Image.effect_noise((300, 200), 60).convert("RGB").save(folder / "Screenshot_20240101.jpg")
    page = Image.new("RGB", (300, 200), "white")
    page.paste(Image.effect_noise((60, 40), 60).convert("RGB"), (20, 20))
    page.save(folder / "page.png")
    Image.new("1", (11000, 11000)).save(folder / "panorama.png")
    Image.effect_noise((40, 40), 60).convert("RGB").save(folder / "tiny.jpg")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no image")
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "clip.mp4").write_bytes(b"video")
    return folder


def test_each_file_that_cannot_be_used_is_named_with_its_reason(
    bad: Path, photos: Path, tmp_path: Path, options: AdaptOptions
) -> None:
    notes: list[str] = []

    def listen(event: object) -> None:
        if isinstance(event, AdaptNote):
            notes.append(event.text)
        if isinstance(event, AdaptStage) and event.stage == "profile":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        adapt((photos, bad), tmp_path / "mine.safetensors", options, on_event=listen)
    for name, reason in (
        ("black.jpg", "black"),
        ("red.jpg", "single colour"),
        ("Screenshot_20240101.jpg", "screenshot"),
        ("page.png", "even"),
        ("panorama.png", "120 million"),
        ("tiny.jpg", "40"),
        ("broken.jpg", ""),
        ("empty.jpg", ""),
        ("clip.mp4", "video"),
    ):
        assert any(name in note and reason in note for note in notes), name
    assert any("9 photos for training, 3 set aside" in note for note in notes)


def test_a_folder_without_a_usable_photo_is_refused_with_the_reasons(
    bad: Path, tmp_path: Path, options: AdaptOptions
) -> None:
    with pytest.raises(UsageError, match=r"0 usable photos of 8; at least 10.*black.*and 4 more"):
        adapt(bad, tmp_path / "mine.safetensors", options)
    assert not (tmp_path / "mine-work").exists()


def test_one_photo_is_not_enough(tmp_path: Path, options: AdaptOptions) -> None:
    with pytest.raises(UsageError, match="1 usable photo of 1; at least 10 are needed"):
        adapt(write_photos(tmp_path / "one", count=1), tmp_path / "mine.safetensors", options)


def test_photos_of_two_cameras_need_a_choice(photos: Path, tmp_path: Path, options: AdaptOptions) -> None:
    folder = tmp_path / "two"
    folder.mkdir()
    for number, path in enumerate(sorted(photos.iterdir())):
        with Image.open(path) as image:
            exif = image.getexif()
            exif[271], exif[272] = ("Canon", "EOS 80D") if number % 3 else ("Apple", "iPhone X")
            image.save(folder / path.name, exif=exif, quality=95)
    with pytest.raises(UsageError, match=r"from 2 cameras.*'Canon EOS 80D' \(8 photos\).*--only"):
        adapt(folder, tmp_path / "mine.safetensors", options)
    with pytest.raises(UsageError, match="8 usable photos"):
        adapt(folder, tmp_path / "mine.safetensors", replace(options, only="Canon EOS 80D"))


STAGES = ("photos", "profile", "images", "before", "training", "proof", "report")


def test_an_interruption_at_any_stage_loses_nothing(
    photos: Path, tmp_path: Path, options: AdaptOptions
) -> None:
    whole = adapt(photos, tmp_path / "whole.safetensors", replace(options, force=True))
    output, options = tmp_path / "mine.safetensors", replace(options, force=True)
    finished: set[str] = set()
    for stop_at in STAGES:
        seen: list[AdaptStage] = []

        def stop(event: object, stop_at: str = stop_at, seen: list[AdaptStage] = seen) -> None:
            if isinstance(event, AdaptStage):
                seen.append(event)
                if event.stage == stop_at:
                    raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            adapt(photos, output, options, on_event=stop)
        assert {event.stage for event in seen if event.done} >= finished - {stop_at}
        # Choosing photos, proof and report are done anew; the proof reuses its results.
        if stop_at in ("profile", "images", "before", "training"):
            finished |= set(STAGES[1 : STAGES.index(stop_at)])
    assert not output.exists()
    result = adapt(photos, output, options)
    assert result.model == output
    assert whole.model is not None
    assert all(
        torch.equal(one, other) for one, other in zip(weights(output), weights(whole.model), strict=True)
    )


@pytest.fixture
def full_at(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The disk is full for files whose path contains the text in this list."""
    named: list[str] = []
    move = Path.replace

    def checked(path: Path, target: Path) -> Path:
        if any(part in Path(target).as_posix() for part in named):
            raise OSError(errno.ENOSPC, "No space left on device", str(target))
        return move(path, target)

    monkeypatch.setattr(Path, "replace", checked)
    yield named
    named.clear()


FILES = (
    "mine-work/profile/profile.json",
    "mine-work/aside.json",
    "mine-work/hr/",
    "mine-work/choice/LR/",
    "mine-work/proof/hr/",
    "mine-work/before.json",
    "mine-work/run/",
    "mine-work/candidate.safetensors",
    "mine-work/proof.json",
    "mine.html",
    "/mine.safetensors",
)


def test_a_disk_that_is_full_at_any_stage_is_reported_and_loses_nothing(
    photos: Path, tmp_path: Path, options: AdaptOptions, full_at: list[str]
) -> None:
    output, options = tmp_path / "mine.safetensors", replace(options, force=True)
    for part in FILES:
        full_at[:] = [part]
        with pytest.raises(WildsrError, match=r"No space left on device|the disk is full"):
            adapt(photos, output, options)
        assert not output.exists()
    full_at.clear()
    assert adapt(photos, output, options).model == output
    assert len(weights(output)) > 3
