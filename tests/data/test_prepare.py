"""Preparing pairs: independent of the number of workers, resumable, and robust against bad images."""

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

from wildsr.data.errors import DataError
from wildsr.data.manifest import MANIFEST, names_of
from wildsr.data.pair_folders import Item, Prepared, items_of, prepare
from wildsr.data.pair_maker import Preparation, sub_images
from wildsr.degradations.methods.realsr import RealSr
from wildsr.degradations.pools import KernelPool, NoisePool, save_kernel_pool, save_noise_pool
from wildsr.estimation.sources import Source, find_sources
from wildsr.image import Canvas, Traits, read, read_levels, write
from wildsr.image.loaded import Depth
from wildsr.ops.resize import imresize


def save(
    path: Path,
    height: int = 80,
    width: int = 96,
    depth: Depth = "uint8",
    grey: bool = False,
    alpha: bool = False,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with Canvas(height, width, Traits(depth=depth, grey=grey)) as canvas:
        canvas.paste(0, 0, torch.rand(3, height, width))
        write(path, canvas, alpha=torch.rand(1, 1, height, width) if alpha else None)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("a.png", "b.jpg", "sub/a.png"):
        save(folder / name, 160, 192)
    return folder


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def run(photos: Path, out: Path, how: Preparation | None = None, workers: int = 1) -> Prepared:
    return prepare(items_of(find_sources([photos]), []), out, how or Preparation(), workers=workers)


def test_pairs_of_sources_and_targets(photos: Path, tmp_path: Path) -> None:
    items = items_of(find_sources([photos]), find_sources([photos / "sub"]))
    done = prepare(items, tmp_path / "out", Preparation())
    assert (done.done, done.pairs, done.failures, done.small) == (4, 4, [], [])
    assert names_of(tmp_path / "out") == [
        "source/a.png",
        "source/b.png",
        "source/sub/a.png",
        "target/a.png",
    ]
    target = read_levels(tmp_path / "out/HR/target/a.png")
    assert torch.equal(target, read_levels(photos / "sub/a.png"))
    assert read_levels(tmp_path / "out/HR/source/sub/a.png").shape[-2:] == (80, 96)
    lr = read(tmp_path / "out/LR/target/a.png").rgb
    torch.testing.assert_close(lr, imresize(target.float() / 255, 0.25).clamp(0, 1), rtol=0, atol=1.01 / 255)


def test_workers_change_nothing(photos: Path, tmp_path: Path) -> None:
    how = Preparation(preset="bsrgan", clean_up="none", patch=64, stride=48)
    run(photos, tmp_path / "one", how)
    run(photos, tmp_path / "two", how, workers=2)
    one = everything(tmp_path / "one")
    assert one == everything(tmp_path / "two")
    assert len(one) == 1 + 2 * 3 * 3 * 4
    run(
        photos, tmp_path / "other", Preparation(preset="bsrgan", clean_up="none", patch=64, stride=48, seed=1)
    )
    other = everything(tmp_path / "other")
    name = "a_00000_00000.png"
    assert other[f"HR/{name}"] == one[f"HR/{name}"]
    assert other[f"LR/{name}"] != one[f"LR/{name}"]


def test_goes_on_and_mends(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run(photos, out)
    whole = everything(out)
    assert (first.done, first.kept) == (3, 0)
    again = run(photos, out)
    assert (again.done, again.kept) == (0, 3)
    (out / "LR/a.png").write_bytes(b"damaged")
    (out / "HR/b.png").unlink()
    with (out / MANIFEST).open("a") as file:
        file.write('{"source": "half')  # a run that was cut off
    mended = run(photos, out)
    assert (mended.done, mended.kept) == (2, 1)
    assert everything(out) == whole
    save(photos / "a.png", 128, 128)  # another image of the same name
    changed = run(photos, out)
    assert (changed.done, changed.kept) == (1, 2)
    assert everything(out)["HR/a.png"] != whole["HR/a.png"]


def test_a_image_does_not_depend_on_others(photos: Path, tmp_path: Path) -> None:
    how = Preparation(preset="bsrgan", clean_up="none")
    run(photos, tmp_path / "all", how)
    (photos / "a.png").unlink()
    run(photos, tmp_path / "fewer", how)
    few, every = everything(tmp_path / "fewer"), everything(tmp_path / "all")
    for name in few:
        assert name == MANIFEST or few[name] == every[name]


def test_other_settings_are_refused(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "out")
    with pytest.raises(DataError, match=r"other settings .*scale: 4 before, 2 now"):
        run(photos, tmp_path / "out", Preparation(scale=2))
    (tmp_path / "out" / MANIFEST).write_text("{}\n")
    with pytest.raises(DataError, match="not a manifest"):
        run(photos, tmp_path / "out")


def test_parameters_replay(photos: Path, tmp_path: Path) -> None:
    kernels = KernelPool(torch.softmax(torch.randn(4, 25), 1).view(4, 5, 5), 4, ("k",) * 4)
    noise = NoisePool(torch.randint(256, (3, 3, 64, 64), dtype=torch.uint8), ("n",) * 3)
    save_kernel_pool(tmp_path / "kernels.safetensors", kernels)
    save_noise_pool(tmp_path / "noise.safetensors", noise)
    how = Preparation(
        kernels=tmp_path / "kernels.safetensors", noise=tmp_path / "noise.safetensors", clean_up="ddnsr"
    )
    run(photos, tmp_path / "out", how)
    degradation = RealSr(4, noise, kernels)
    entries = [json.loads(line) for line in (tmp_path / "out" / MANIFEST).read_text().splitlines()[1:]]
    assert len({entry["parameters"]["noise"]["top"] for entry in entries}) > 1
    for entry in entries:
        name = entry["outputs"][0]["name"]
        hr = read(tmp_path / "out/HR" / name).rgb
        again = degradation.apply(hr, [entry["parameters"]])
        torch.testing.assert_close(again, read(tmp_path / "out/LR" / name).rgb, rtol=0, atol=0.51 / 255)


def test_bad_and_odd_images(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    save(folder / "grey.png", grey=True)
    save(folder / "deep.png", 81, 99, depth="uint16")
    save(folder / "clear.png", alpha=True)
    save(folder / "tiny.png", 30, 200)
    (folder / "bad.png").write_bytes(b"no image")
    (folder / "cut.png").write_bytes((folder / "deep.png").read_bytes()[:3000])
    (folder / "nothing.jpg").symlink_to(folder / "gone.jpg")
    for workers in (1, 2):
        done = run(folder, tmp_path / f"out{workers}", Preparation(clean_up="none"), workers)
        assert [name for name, _ in done.failures] == ["bad.png", "cut.png", "nothing.jpg"]
        assert done.small == [("tiny.png", "as an HR image it has 200x28 pixels, at least 64 are required")]
        assert names_of(tmp_path / f"out{workers}") == ["clear.png", "deep.png", "grey.png"]
    hr, lr = (read_levels(tmp_path / "out1" / kind / "deep.png") for kind in ("HR", "LR"))
    assert (hr.shape, lr.shape) == ((1, 3, 80, 96), (1, 3, 20, 24))
    grey = read_levels(tmp_path / "out1/LR/grey.png")
    assert torch.equal(grey[:, 0], grey[:, 2])


def test_names_of_outputs_differ() -> None:
    names = ["a.png", "a.jpg", "A.tif", "a_png.png", "b.png", "sub/a.png"]
    sources = [Source(Path(name), name, name) for name in names]
    outputs = [item.output for item in items_of(sources, [])]
    assert outputs == ["a_png", "a_jpg", "A_tif", "a_png-2", "b", "sub/a"]
    both = [item.output for item in items_of(sources[-1:], sources[-1:])]
    assert both == ["source/sub/a", "target/sub/a"]


@pytest.mark.parametrize(("patch", "stride"), [(16, 16), (16, 12), (40, 40)])
def test_sub_images_cover_everything(patch: int, stride: int) -> None:
    covered: Tensor = torch.zeros(40, 56)
    places = list(sub_images((40, 56), patch, stride))
    for top, left in places:
        assert top % 4 == left % 4 == 0
        covered[top : top + patch, left : left + patch] += 1
    assert covered.min() == 1
    assert len(places) == len(set(places))


def test_cut_pairs_belong_together(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "whole")
    run(photos, tmp_path / "cut", Preparation(patch=32))
    for kind, scale in (("HR", 1), ("LR", 4)):
        whole = read_levels(tmp_path / "whole" / kind / "b.png")
        piece = read_levels(tmp_path / "cut" / kind / "b_00048_00064.png")
        top, left, side = 48 // scale, 64 // scale, 32 // scale
        assert torch.equal(piece, whole[..., top : top + side, left : left + side])


def test_settings_that_contradict(tmp_path: Path) -> None:
    for settings, message in (
        ({"preset": "bsrgan", "noise": tmp_path}, "cannot be combined"),
        ({"patch": 30}, "multiple of the scale 4, not 30"),
        ({"stride": 16}, "needs a patch"),
    ):
        with pytest.raises(DataError, match=message):
            Preparation(**settings)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no degradation 'bsrgam'; did you mean 'bsrgan'"):
        prepare([], tmp_path / "out", Preparation(preset="bsrgam"))
    save_kernel_pool(tmp_path / "x2.safetensors", KernelPool(torch.rand(1, 3, 3), 2, ("k",)))
    with pytest.raises(DataError, match="for a scale of 2, not 4"):
        prepare([], tmp_path / "out", Preparation(kernels=tmp_path / "x2.safetensors"))
    assert not (tmp_path / "out").exists()


def test_images_that_are_gone_are_told(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "out")
    (photos / "b.jpg").unlink()
    assert run(photos, tmp_path / "out").left_over == ["b.jpg"]


def test_a_worker_that_dies_is_told(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wildsr.data.pair_folders as module

    monkeypatch.setattr(module, "prepared", _die)
    items = [Item(photos / "a.png", "a.png", "source", "a", "a.png")]
    with pytest.raises(DataError, match="fewer --workers"):
        prepare(items, tmp_path / "out", Preparation(), workers=2)


def _die(*_: object) -> None:
    import os

    os._exit(1)


def test_names_of_an_edited_manifest_stay_within_the_folder(photos: Path, tmp_path: Path) -> None:
    """A pair whose recorded name leads elsewhere is made again; nothing outside the folder is read."""
    out = tmp_path / "out"
    run(photos, out)
    (tmp_path / "elsewhere.png").write_bytes((out / "HR/a.png").read_bytes())
    lines = [json.loads(line) for line in (out / MANIFEST).read_text().splitlines()]
    first = next(line for line in lines[1:] if line["source"] == "a.png")
    first["outputs"][0]["name"] = "../../elsewhere.png"
    first["outputs"][0]["lr_sha256"] = first["outputs"][0]["hr_sha256"]
    (out / MANIFEST).write_text("\n".join(map(json.dumps, lines)) + "\n")
    again = run(photos, out)
    assert (again.done, again.kept) == (1, 2)
    assert "../../elsewhere.png" not in names_of(out)
