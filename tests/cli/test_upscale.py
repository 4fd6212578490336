"""``wildsr upscale`` from the command line, with and without --json."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
import torch
from safetensors.torch import save_file
from typer.testing import Result

from wildsr.image import probe, read
from wildsr.networks.compact import SRVGGNetCompact

Run = Callable[..., Result]
Save = Callable[..., Path]
Events = Callable[[Result], list[dict[str, Any]]]


def test_one_photograph(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "my photo ü.png")
    done = wildsr("upscale", photo, "-m", "tiny")
    assert done.exit_code == 0, done.output
    assert "120x80" in done.output
    assert probe(tmp_path / "my photo ü_x4.png") == (120, 80)


def test_the_default_model_names_its_scale(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    assert wildsr("upscale", save_photo(tmp_path / "a.jpg")).exit_code == 0
    assert probe(tmp_path / "a_x4.jpg") == (120, 80)


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (["--scale", "2.5"], (75, 50)),
        (["--scale", "6"], (180, 120)),
        (["--width", "99"], (99, 66)),
        (["--width", "60", "--height", "60", "--fit", "crop"], (60, 60)),
        (["--width", "60", "--height", "60", "--fit", "stretch"], (60, 60)),
        (["--megapixels", "0.0024"], (60, 40)),
    ],
)
def test_sizes(
    wildsr: Run, save_photo: Save, tmp_path: Path, options: list[str], size: tuple[int, int]
) -> None:
    out = tmp_path / "out.webp"
    done = wildsr("upscale", save_photo(tmp_path / "a.png"), "-m", "tiny", "-o", out, *options)
    assert done.exit_code == 0, done.output
    assert probe(out) == size


def test_a_folder_goes_on_past_broken_files(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    album = tmp_path / "album"
    save_photo(album / "a.jpg")
    save_photo(album / "deep/er/b.png")
    (album / "text.png").write_text("this is no image")
    (album / "empty.jpg").touch()
    whole = save_photo(album / "c.jpg", 200, 200).read_bytes()
    (album / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    done = wildsr("upscale", album, "-m", "tiny", "-o", tmp_path / "out")
    assert done.exit_code == 1
    written = sorted(
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")
    )
    assert written == ["a.jpg", "c.jpg", "deep/er/b.png"]
    summary = done.output[done.output.index("3 images done") :]
    for name in ("text.png", "empty.jpg", "cut.jpg"):
        assert name in summary


def test_json_events(wildsr: Run, save_photo: Save, events: Events, tmp_path: Path) -> None:
    album = tmp_path / "album"
    save_photo(album / "a.png")
    save_photo(album / "b.png", 100, 70)
    (album / "c.png").touch()
    done = wildsr("upscale", album, "-m", "tiny", "--json", "--tile", "32")
    told = events(done)
    assert done.exit_code == 1
    assert [told[0]["event"], told[1]["event"], told[-1]["event"]] == ["loading", "begin", "end"]
    assert told[1]["pictures"] == 3
    tiles = [event for event in told if event["event"] == "tile" and event["source"].endswith("b.png")]
    assert tiles[-1]["done"] == tiles[-1]["total"] == len(tiles) > 1
    finished = {Path(event["source"]).name: event for event in told if event["event"] == "finished"}
    assert finished["b.png"]["width"] == 280
    assert probe(finished["b.png"]["target"]) == (280, 400)
    assert told[-1]["done"] == 2
    assert [Path(failure["source"]).name for failure in told[-1]["failed"]] == ["c.png"]


def test_existing_results(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    photo, out = save_photo(tmp_path / "a.png"), tmp_path / "out.png"
    out.write_text("precious")
    refused = wildsr("upscale", photo, "-m", "tiny", "-o", out)
    assert refused.exit_code == 1
    assert "exists already; use --overwrite or --skip-existing" in refused.output
    assert wildsr("upscale", photo, "-m", "tiny", "-o", out, "--skip-existing").exit_code == 0
    assert out.read_text() == "precious"
    assert wildsr("upscale", photo, "-m", "tiny", "-o", out, "--overwrite").exit_code == 0
    assert probe(out) == (120, 80)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scale", "2", "--width", "50"], "both given"),
        (["--overwrite", "--skip-existing"], "contradict"),
        (["-m", "tyny"], "did you mean 'tiny'"),
        (["-m", "gone.safetensors"], "there is no file gone.safetensors"),
        (["--format", "bmp"], "does not write it"),
        (["--device", "toaster"], "unknown device"),
        (["-o", "{nonsense}"], "unknown field"),
    ],
)
def test_wrong_usage(
    wildsr: Run, save_photo: Save, tmp_path: Path, arguments: list[str], message: str
) -> None:
    model = [] if "-m" in arguments else ["-m", "tiny"]
    done = wildsr("upscale", save_photo(tmp_path / "a.png"), *model, *arguments)
    assert done.exit_code == 2
    assert message in done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png"]


def test_two_inputs_for_one_output(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    one, other = save_photo(tmp_path / "a.png"), save_photo(tmp_path / "a.webp")
    done = wildsr("upscale", one, other, "-m", "tiny", "-f", "jpg", "-o", f"{tmp_path}/out/")
    assert done.exit_code == 2
    assert "would both be written to" in done.output
    assert not (tmp_path / "out").exists()


def test_a_strip_too_wide_for_its_format(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    strip = save_photo(tmp_path / "strip.jpg", 3, 60_000)
    done = wildsr("upscale", strip, "-m", "tiny")
    assert done.exit_code == 1
    assert "JPEG holds at most" in done.output
    assert wildsr("upscale", strip, "-m", "tiny", "-f", "png").exit_code == 0
    assert probe(tmp_path / "strip_x4.png") == (240_000, 12)


@pytest.mark.skipif(sys.platform != "linux", reason="names that are not UTF-8, and links")
@pytest.mark.parametrize("json_lines", [False, True])
def test_one_odd_name_costs_one_image(save_photo: Save, tmp_path: Path, json_lines: bool) -> None:
    """Names that cannot be printed, written or followed are failures; every other image is upscaled."""
    folder = tmp_path / "in"
    folder.mkdir()
    good = save_photo(folder / "good.png")
    (folder / "loop.png").symlink_to("loop.png")
    (folder / f"{'x' * 251}.png").write_bytes(good.read_bytes())
    (folder / "\x1b[31mred \u202e:smile:.png").write_bytes(good.read_bytes())
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.png")).write_bytes(good.read_bytes())
    command = [
        sys.executable,
        "-m",
        "wildsr",
        "upscale",
        str(folder),
        "-m",
        "tiny",
        "-o",
        str(tmp_path / "out"),
    ]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [*command, *(["--json"] if json_lines else [])], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 1, done.stderr.decode(errors="replace")
    text = (done.stdout + done.stderr).decode("utf-8")
    assert "Traceback" not in text
    assert "\x1b[31m" not in text
    assert "\u202e" not in text
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert "good.png" in made
    assert any("red" in name for name in made)


def test_a_result_that_appears_meanwhile_stays(
    wildsr: Run, save_photo: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes with the same output: the second one fails instead of replacing the result of the first."""
    from wildsr.inference import batch

    out, begin = tmp_path / "out.png", batch.begin

    def slow(*arguments: Any, **options: Any) -> Any:
        out.write_bytes(b"of another process")
        return begin(*arguments, **options)

    monkeypatch.setattr(batch, "begin", slow)
    done = wildsr("upscale", save_photo(tmp_path / "a.png"), "-m", "tiny", "-o", out)
    assert done.exit_code == 1
    assert "another program has written" in " ".join(done.output.split())
    assert out.read_bytes() == b"of another process"


def test_an_output_folder_that_cannot_be(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    photo = save_photo(tmp_path / "a.png")
    for output, reason in (
        ("file/out/a.png", "folder cannot be created"),
        ("file/a.png", "is a file, not a folder"),
    ):
        done = wildsr("upscale", photo, "-m", "tiny", "-o", tmp_path / output)
        assert done.exit_code == 1
        assert reason in " ".join(done.output.split())


def test_a_full_disk_leaves_nothing_behind(save_photo: Save, tmp_path: Path) -> None:
    photo, out = save_photo(tmp_path / "a.png", 100, 100), tmp_path / "out/a.png"

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    command = [sys.executable, "-m", "wildsr", "upscale", photo, "-m", "tiny", "-o", out]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limit)
    assert done.returncode == 1
    assert f"Cannot write {out}" in done.stdout
    assert list(out.parent.iterdir()) == []


def _heed_interruptions() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_half_written(
    save_photo: Save, tmp_path: Path, stop: signal.Signals
) -> None:
    for index in range(30):
        save_photo(tmp_path / f"in/{index:02}.png", 300, 300)
    command = [
        sys.executable,
        "-m",
        "wildsr",
        "upscale",
        tmp_path / "in",
        "-m",
        "tiny",
        "-o",
        tmp_path / "out",
    ]
    # Started from a shell's background, these tests and their children would ignore SIGINT.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=_heed_interruptions)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out").glob("*.png")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(stop)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Interrupted" in output
    left = list((tmp_path / "out").iterdir())
    assert 0 < len(left) < 30
    assert {path.suffix for path in left} == {".png"}
    for path in left:
        assert read(path).size == (1200, 1200)


def test_an_unreadable_folder_is_told(
    wildsr: Run, save_photo: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photo(tmp_path / "in/a.png")
    save_photo(tmp_path / "in/closed/b.png")
    scandir = os.scandir

    def refusing(path: str) -> object:  # chmod would not keep root out
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    done = wildsr("upscale", tmp_path / "in", "-m", "tiny", "-o", tmp_path / "out")
    assert done.exit_code == 1
    assert "closed: the folder cannot be read: Permission denied" in done.output
    assert probe(tmp_path / "out/a.png") == (120, 80)


def test_a_model_that_changes_nothing_changes_nothing(wildsr: Run, own_folders: Path, tmp_path: Path) -> None:
    identity = SRVGGNetCompact(8, 1, 1)
    with torch.no_grad():
        for weight in identity.parameters():
            weight.zero_()
    save_file(identity.state_dict(), own_folders / "models/identity.safetensors")
    samples = np.random.default_rng(0).integers(0, 65536, (37, 53, 3), dtype=np.uint16)
    image = pyvips.Image.new_from_array(samples).copy(interpretation="rgb16", xres=11.811, yres=11.811)
    profile = pyvips.Image.profile_load("srgb")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Artist", "Ada (Ada, ASCII, 4 components, 4 bytes)")
    source, target = tmp_path / "deep.png", tmp_path / "same.png"
    image.write_to_file(str(source))
    assert wildsr("upscale", source, "-m", "identity", "-o", target).exit_code == 0
    before, after = (pyvips.Image.new_from_file(str(path)) for path in (source, target))
    assert after.interpretation == "rgb16"
    np.testing.assert_array_equal(after.numpy(), samples)
    assert after.get("icc-profile-data") == before.get("icc-profile-data")
    assert after.get("exif-ifd0-Artist").startswith("Ada")
    assert after.xres == pytest.approx(11.811, rel=1e-3)


def test_strength_toward_another_model(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "a.png")
    faithful = ["-m", "wildsr-faithful-x4"]
    compact = ["-m", "wildsr-compact-x4"]
    blended = [*compact, "--strength", "0", "--toward", "wildsr-faithful-x4"]
    for name, options in (("faithful", faithful), ("blended", blended), ("compact", compact)):
        done = wildsr("upscale", photo, "--precision", "exact", "-o", tmp_path / f"{name}.png", *options)
        assert done.exit_code == 0, done.output
    images = {name: read(tmp_path / f"{name}.png").rgb for name in ("faithful", "blended", "compact")}
    assert torch.equal(images["blended"], images["faithful"])
    assert not torch.equal(images["compact"], images["faithful"])


def test_models_that_do_not_blend_are_wrong_usage(wildsr: Run, save_photo: Save, tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "a.png")
    done = wildsr("upscale", photo, "--strength", "0.5", "--toward", "wildsr-faithful-x4")
    assert done.exit_code == 2
    assert "only two models of the same architecture" in " ".join(done.output.split())
    assert not (tmp_path / "a_x4.png").exists()


def test_models_are_listed(wildsr: Run) -> None:
    done = wildsr("models")
    assert done.exit_code == 0
    assert "wildsr-compact-x4" in done.output
    assert "tiny" in done.output


def test_nothing_phones_home(save_photo: Save, tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "a.png")
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): print('NETWORK', a); raise OSError\n"
        "socket.getaddrinfo = socket.create_connection = socket.socket.connect = refuse\n"
        "import wildsr\n"
        "wildsr.upscale(sys.argv[1], 'tiny', output=sys.argv[2])\n"
        "print([name for name in sys.modules if name.startswith('openvino_telemetry')])\n"
    )
    command = [sys.executable, "-c", code, photo, tmp_path / "out.png"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]"]
