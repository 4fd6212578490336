"""``wildsr degrade`` from the command line, with and without --json."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import torch
from typer.testing import Result

import wildsr as package
from wildsr.degradations.files import traits_of
from wildsr.degradations.profile import Blur, Compression, JpegSetting, Profile, write_profile
from wildsr.image import Depth, LoadedImage, Traits, probe, read

Run = Callable[..., Result]
Save = Callable[..., Path]
Events = Callable[[Result], list[dict[str, Any]]]


def samples(path: Path) -> list[str]:
    return [one["picture"] for one in json.loads(path.read_text())["samples"]]


def levels(path: Path) -> "np.ndarray[Any, Any]":
    return pyvips.Image.new_from_file(str(path)).numpy()


@pytest.fixture
def album(save_photo: Save, tmp_path: Path) -> Path:
    for name in ("a.png", "b.jpg", "day 1/c.png"):
        save_photo(tmp_path / "album" / name, 40, 60)
    return tmp_path / "album"


def test_one_photograph(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "my photo ü.png", 42, 63)
    done = wildsr("degrade", photo)
    assert done.exit_code == 0, done.output
    assert probe(tmp_path / "my photo ü_degraded.png") == (15, 10)
    assert samples(tmp_path / "my photo ü_degraded.degradations.json") == ["my photo ü.png"]
    expected = package.degrade(photo, seed=0).image
    np.testing.assert_array_equal(levels(tmp_path / "my photo ü_degraded.png"), expected)


def test_a_folder_its_record_and_its_replay(wildsr: Run, album: Path, tmp_path: Path) -> None:
    out, again = tmp_path / "out", tmp_path / "again"
    assert wildsr("degrade", album, "-o", out, "-s", 2, "--seed", 9, "-p", "bsrgan-plus").exit_code == 0
    assert samples(out / "degradations.json") == ["a.png", "b.jpg", "day 1/c.png"]
    assert probe(out / "day 1" / "c.png") == (30, 20)
    done = wildsr("degrade", album, "-o", again, "--params", out / "degradations.json")
    assert done.exit_code == 0, done.output
    for name in ("a.png", "b.png", "day 1/c.png", "degradations.json"):
        assert (out / name).read_bytes() == (again / name).read_bytes()


def test_a_replay_needs_no_camera_profile(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    """Parameters sampled from a profile are complete, so the profile may have been moved or deleted since."""
    photos = save_photo(tmp_path / "album" / "a.png", 40, 60).parent
    save_photo(photos / "b.png", 40, 60)
    compression = Compression(1.0, (JpegSetting(60),))
    profile = write_profile(Profile(Blur(1.1, 0.8), compression=compression), tmp_path / "camera")
    out, again = tmp_path / "out", tmp_path / "again"
    assert wildsr("degrade", photos, "-o", out, "--profile", profile.parent, "--general", 0.5).exit_code == 0
    profile.unlink()
    done = wildsr("degrade", photos, "-o", again, "--params", out / "degradations.json")
    assert done.exit_code == 0, done.output
    for name in ("a.png", "b.png", "degradations.json"):
        assert (out / name).read_bytes() == (again / name).read_bytes()


def test_a_replay_names_the_model_that_it_needs(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "a.png", 40, 60)
    assert wildsr("degrade", photo, "-o", tmp_path / "b.png").exit_code == 0
    record = next(tmp_path.glob("*.json"))
    record.write_text(record.read_text().replace('"bsrgan"', '"runs/gone.safetensors"'))
    done = wildsr("degrade", photo, "-o", tmp_path / "c.png", "--params", record)
    assert done.exit_code != 0
    assert "sampled with 'runs/gone.safetensors', which is needed" in done.stderr.replace("\n", " ")


def test_neither_company_nor_workers_matter(wildsr: Run, album: Path, tmp_path: Path) -> None:
    assert wildsr("degrade", album, "-o", tmp_path / "both", "--workers", 2).exit_code == 0
    assert wildsr("degrade", album / "a.png", "-o", tmp_path / "alone" / "x.png").exit_code == 0
    assert (tmp_path / "both" / "a.png").read_bytes() == (tmp_path / "alone" / "x.png").read_bytes()
    assert wildsr("degrade", album, "-o", tmp_path / "one", "--workers", 1).exit_code == 0
    for name in ("a.png", "b.png", "day 1/c.png", "degradations.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "both" / name).read_bytes()


def test_a_grid(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "a.png", 50, 70)
    done = wildsr("degrade", photo, "--grid", "--samples", 6, "-o", tmp_path / "g.jpg", "-p", "wild")
    assert done.exit_code == 0, done.output
    size = probe(tmp_path / "g.jpg")
    assert size.width == 4 * (2 * 70 + 8) + 8
    assert size.height > 4 * 50
    assert samples(tmp_path / "g.degradations.json") == [f"a.png#{index}" for index in range(1, 7)]
    refused = wildsr("degrade", photo, "--grid", "-o", tmp_path / "g.jpg")
    assert refused.exit_code == 2
    assert "exists already; use --overwrite" in refused.stderr
    assert wildsr("degrade", photo, "--grid", "-o", tmp_path / "g.jpg", "--overwrite").exit_code == 0
    tiny = wildsr("degrade", save_photo(tmp_path / "t.png", 4, 5), "--grid", "-o", tmp_path / "tiny.png")
    assert tiny.exit_code == 0, tiny.output
    assert probe(tmp_path / "tiny.png").width > 4 * 128
    (tmp_path / "bad.png").write_bytes(b"no image")
    bad = wildsr("degrade", tmp_path / "bad.png", "--grid")
    assert (bad.exit_code, "is not an image" in bad.output) == (1, True)
    assert not list(tmp_path.glob("bad_*"))
    assert "one photo" in wildsr("degrade", photo, save_photo(tmp_path / "b.png"), "--grid").stderr


def test_presets_are_listed(wildsr: Run) -> None:
    listed = wildsr("degrade", "--presets")
    assert listed.exit_code == 0
    assert "real-esrgan" in listed.output
    assert "jpeg-QUALITY" in listed.output


def test_results_that_are_there(wildsr: Run, save_photo: Save, album: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert wildsr("degrade", album, "-o", out).exit_code == 0
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    refused = wildsr("degrade", album, "-o", out)
    assert refused.exit_code == 2
    assert "exists from an earlier run" in refused.stderr
    save_photo(album / "d.png", 40, 60)
    skipped = wildsr("degrade", album, "-o", out, "--skip-existing")
    assert skipped.exit_code == 0
    assert samples(out / "degradations.json") == ["a.png", "b.jpg", "d.png", "day 1/c.png"]
    other = wildsr("degrade", album, "-o", out, "--skip-existing", "-p", "bicubic")
    assert other.exit_code == 2
    assert "is of bsrgan by 4, not bicubic by 4" in other.stderr
    assert all(path.read_bytes() == content for path, content in before.items() if path.suffix == ".png")
    assert wildsr("degrade", album, "-o", out, "--overwrite", "-p", "bicubic").exit_code == 0
    assert json.loads((out / "degradations.json").read_text())["degradation"] == "bicubic"


@pytest.mark.parametrize("depth", ["uint8", "uint16"])
def test_deep_and_grey_images(wildsr: Run, save_photo: Save, tmp_path: Path, depth: Depth) -> None:
    photo = save_photo(tmp_path / "a.png", 40, 60, Traits(depth=depth, grey=True))
    done = wildsr("degrade", photo, "-o", tmp_path / "b.png", "-p", "bsrgan")
    assert done.exit_code == 0, done.output
    assert (read(tmp_path / "b.png").traits.depth, read(tmp_path / "b.png").traits.grey) == ("uint8", False)
    assert ("since the degradation quantises" in done.output) is (depth == "uint16")


def test_what_no_codec_has_touched_keeps_its_depth() -> None:
    deep = LoadedImage.from_tensor(torch.rand(1, 3, 8, 8), None, Traits(depth="uint16"))
    assert traits_of(deep, torch.rand(1, 3, 2, 2)) == (Traits(depth="uint16"), ())
    assert traits_of(deep, torch.ones(1, 3, 2, 2))[0].depth == "uint8"


def test_transparency_is_left_out_and_said(wildsr: Run, tmp_path: Path) -> None:
    rgba = torch.randint(0, 255, (16, 16, 4), generator=torch.Generator().manual_seed(0)).byte().numpy()
    pyvips.Image.new_from_array(rgba, interpretation="srgb").pngsave(str(tmp_path / "a.png"))
    done = wildsr("degrade", tmp_path / "a.png", "-o", tmp_path / "b.jpg")
    assert done.exit_code == 0, done.output
    assert "transparency was removed" in done.output
    assert probe(tmp_path / "b.jpg") == (4, 4)


def test_bad_images_do_not_stop_the_others(
    wildsr: Run, save_photo: Save, album: Path, events: Events
) -> None:
    (album / "broken.png").write_bytes(b"not an image")
    save_photo(album / "small.png", 3, 60)
    done = wildsr("degrade", album, "--json")
    assert done.exit_code == 1
    failed = {Path(one["source"]).name: one["reason"] for one in events(done) if one["event"] == "failed"}
    assert set(failed) == {"broken.png", "small.png"}
    assert "60x3 pixels; a degradation by 4 needs 4 on each side" in failed["small.png"]
    folder = album.with_name("album_degraded")
    assert samples(folder / "degradations.json") == ["a.png", "b.jpg", "day 1/c.png"]
    assert not (folder / "small.png").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-p", "bsrgn"], "did you mean 'bsrgan'"),
        (["-f", "xyz"], "is not a format wildsr writes"),
        (["--params", "gone.json"], "gone.json cannot be read"),
        (["--params", "gone.json", "--seed", "0"], "--params determines the degradation"),
        (["--overwrite", "--skip-existing"], "contradict each other"),
    ],
)
def test_wrong_usage(wildsr: Run, save_photo: Save, tmp_path: Path, options: list[str], message: str) -> None:
    done = wildsr("degrade", save_photo(tmp_path / "a.png"), *options)
    assert done.exit_code == 2
    assert message in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_nothing_there_and_nowhere_to_go(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    done = wildsr("degrade", save_photo(tmp_path / "a.png"), "-o", tmp_path / "x.xyz")
    assert done.exit_code == 1
    assert "Cannot tell the format" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    done = wildsr("degrade", tmp_path / "gone.png")
    assert done.exit_code == 1
    assert "there is no such file or folder" in done.output


def test_duplicate_names(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    one, other = (save_photo(tmp_path / folder / "a.png").parent for folder in ("x", "y"))
    done = wildsr("degrade", one, other, "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "would both be written to" in done.stderr
    done = wildsr("degrade", one, other)
    assert done.exit_code == 2
    assert "have the same name here, a.png" in done.stderr
    save_photo(one / "a.jpg")
    done = wildsr("degrade", one)
    assert done.exit_code == 2
    assert "would both be written to" in done.stderr
    assert wildsr("degrade", one, "-o", f"{tmp_path}/out/{{stem}}-{{ending}}.png").exit_code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "a-jpg.png",
        "a-png.png",
        "degradations.json",
    }


def test_parameters_that_do_not_fit(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "a.png", 40, 60)
    assert wildsr("degrade", photo, "-o", tmp_path / "out" / "x.png").exit_code == 0
    params = tmp_path / "out" / "x.degradations.json"
    save_photo(photo, 44, 60)
    done = wildsr("degrade", photo, "-o", tmp_path / "y.png", "--params", params)
    assert done.exit_code == 1
    assert "60x44 pixels, but its parameters were sampled for 60x40" in done.output.replace("\n", " ")
    done = wildsr("degrade", save_photo(tmp_path / "b.png"), "-o", tmp_path / "y.png", "--params", params)
    assert done.exit_code == 1
    assert "there are no parameters for b.png" in done.output
    assert not (tmp_path / "y.png").exists()
