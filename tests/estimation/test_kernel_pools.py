"""Kernels of many images: finished ones are not computed again, failures are reported."""

from pathlib import Path

import pytest
import torch

import wildsr.estimation.kernel_pools as module
from wildsr.degradations.pools import KernelPool, NoisePool
from wildsr.estimation.errors import EstimationError
from wildsr.estimation.kernel_pools import Estimated, KernelRecord, central_crop, estimate_all, pooled
from wildsr.estimation.kernelgan import KernelGANSettings
from wildsr.estimation.overview import kernel_sheet, noise_sheet
from wildsr.estimation.sources import Source, find_sources
from wildsr.image import Canvas, Traits, write

SHORT = KernelGANSettings(iterations=2, border=0, features=8)


@pytest.fixture
def photos(tmp_path: Path) -> list[Source]:
    for index in range(3):
        side = 70 + 3 * index
        with Canvas(side, side, Traits()) as canvas:
            canvas.paste(0, 0, torch.rand(3, side, side))
            write(tmp_path / f"{index}.png", canvas)
    (tmp_path / "bad.png").write_bytes(b"no")
    (tmp_path / ".hidden.png").write_bytes(b"no")
    return find_sources([tmp_path])


def test_goes_on_where_it_stopped(
    photos: list[Source], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "done.jsonl"
    original = module.estimate_kernels
    calls: list[int] = []

    def interrupted(*args: object, **named: object) -> object:
        if calls:
            raise KeyboardInterrupt
        calls.append(1)
        return original(*args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "estimate_kernels", interrupted)
    with pytest.raises(KeyboardInterrupt):
        estimate_all(photos, SHORT, KernelRecord(path), batch=2)
    monkeypatch.setattr(module, "estimate_kernels", original)
    with path.open("a") as file:
        file.write('{"key": "cut o')
    told: list[tuple[int, int, str]] = []
    found = estimate_all(
        photos, SHORT, KernelRecord(path), batch=2, on_progress=lambda *what: told.append(what)
    )
    assert found.known == 2
    assert list(found.kernels) == ["0.png", "1.png", "2.png"]
    assert [name for name, _ in found.failures] == ["bad.png"]
    assert told == [(3, 1, "1 images at once"), (3, 2, "1 images at once")]
    again = estimate_all(photos, SHORT, KernelRecord(path))
    assert again.known == 3
    assert all(torch.equal(kernel, again.kernels[name]) for name, kernel in found.kernels.items())


def test_other_settings_or_images_are_done_anew(photos: list[Source], tmp_path: Path) -> None:
    record = KernelRecord(tmp_path / "done.jsonl")
    estimate_all(photos[:1], SHORT, record)
    record = KernelRecord(record.path)
    assert estimate_all(photos[:1], SHORT, record).known == 1
    assert estimate_all(photos[:1], SHORT, record, seed=1).known == 0
    photos[0].path.write_bytes(photos[1].path.read_bytes())
    assert estimate_all(photos[:1], SHORT, record).known == 0


def test_failed_kernels_are_left_out() -> None:
    sources = [Source(Path(name), name, name) for name in "abc"]
    good = torch.softmax(torch.randn(169), 0).view(13, 13)
    estimated = Estimated({"a": good, "b": torch.full((13, 13), torch.nan)}, failures=[("c", "damaged")])
    pool = pooled(estimated, sources, 4)
    assert pool.origins == ("a",)
    assert [name for name, _ in estimated.failures] == ["c", "b"]
    with pytest.raises(EstimationError, match=r"none of the 1 images gave a kernel:\n  x: damaged"):
        pooled(Estimated(failures=[("x", "damaged")]), sources[:1], 4)


def test_middle_of_large_images() -> None:
    levels = torch.arange(20 * 31).view(1, 20, 31).expand(3, -1, -1)
    assert torch.equal(central_crop(levels, 10), levels[:, 5:15, 10:20])
    assert central_crop(levels, 31) is not None
    assert central_crop(levels, 31).shape == levels.shape


def test_sources(tmp_path: Path, photos: list[Source]) -> None:
    assert [source.name for source in photos] == ["0.png", "1.png", "2.png", "bad.png"]
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.JPG").touch()
    several = find_sources([tmp_path / "sub", tmp_path])
    assert [source.name for source in several][:2] == ["sub/x.JPG", f"{tmp_path.name}/0.png"]
    assert len(several) == 5
    for place, message in ((tmp_path / "none", "does not exist"), (tmp_path / "empty", "holds no image")):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(EstimationError, match=message):
            find_sources([place])


def test_names_of_several_places_differ(tmp_path: Path) -> None:
    for name in ("one/DCIM/a.png", "two/DCIM/a.png", "two/x/one/DCIM/a.png", "a.png"):
        path = tmp_path / "cards" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    cards = tmp_path / "cards"

    def names(*places: str) -> list[str]:
        return [source.name for source in find_sources([cards / place for place in places])]

    assert names("one/DCIM", "two/DCIM") == ["one/DCIM/a.png", "two/DCIM/a.png"]
    assert names("two/DCIM", "one/DCIM") == ["two/DCIM/a.png", "one/DCIM/a.png"]
    assert names("one/DCIM", "one/DCIM", "a.png") == ["DCIM/a.png", "a.png"]
    assert names("one/DCIM/a.png", "two/DCIM/a.png") == ["one/DCIM/a.png", "two/DCIM/a.png"]
    assert names("one/DCIM", "two/x/one/DCIM") == ["cards/one/DCIM/a.png", "x/one/DCIM/a.png"]
    within = names("one", "two/DCIM", "two/x/one")  # with the last two names, all are apart
    assert within == ["cards/one/DCIM/a.png", "two/DCIM/a.png", "x/one/DCIM/a.png"]
    (cards / "link.png").symlink_to(cards / "a.png")
    assert names("link.png", "one/DCIM") == ["link.png", "DCIM/a.png"]


def test_overviews() -> None:
    kernels = torch.zeros(250, 5, 5)
    kernels[:, 2, 2] = 1
    sheet = kernel_sheet(KernelPool(kernels, 4, ("k",) * 250))
    assert sheet.shape == (3, 10 * 29 + 4, 10 * 29 + 4)
    assert (sheet == 1).all(0).sum() == 100 * 25
    patches = torch.randint(120, 136, (3, 3, 32, 32), dtype=torch.uint8)
    noise = noise_sheet(NoisePool(patches, ("n",) * 3))
    assert noise.shape[-1] % (64 + 4) == 4
    assert noise.min() >= 0
    assert noise.max() <= 1
    assert torch.equal(noise[:, 4:36, 4:36], patches[0] / 255)
