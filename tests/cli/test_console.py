"""Output to the terminal: hostile names, terminals without Unicode, progress, and exit codes."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import Result

from wildsr.cli import console
from wildsr.data.errors import DataError
from wildsr.degradations.degradation import DegradationError
from wildsr.errors import UsageError, WildsrError
from wildsr.estimation.errors import EstimationError, NoImages
from wildsr.evaluation.pairing import PairingError
from wildsr.image.errors import FormatError, ImageError
from wildsr.inference.jobs import JobsError
from wildsr.training.errors import Interrupted, TrainingError
from wildsr.zoo.errors import ModelError

Run = Callable[..., Result]
Save = Callable[..., Path]

HOSTILE = {
    "escape": "a\x1b]0;owned\x07\x1b[31m.png",
    "c1": "a\x9b31m.png",
    "bidi": "a\u202egnp.png",
    "tag": "a\U000e0041.png",
    "emoji markup": "a :smile: [red].png",
    "newline": "a\nfailed b.png",
    "no utf-8": os.fsdecode(b"a\xff.png"),
}
CONTROLS = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u202e", "\U000e0041"} - {"\n"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain äöü 写真 😀.png", "plain äöü 写真 😀.png"),
        ("\x1b[31m\x07\r", "\\x1b[31m\\x07\\x0d"),
        ("\x9b\x7f", "\\x9b\\x7f"),
        ("\u202e\ufeff\U000e0041", "\\u202e\\ufeff\\U000e0041"),
        (os.fsdecode(b"\xff\x80"), "\\xff\\x80"),
        ("two\nlines\t", "two\nlines\t"),
        (Path("a\nb\t"), "a\\nb\\t"),
    ],
)
def test_safe(text: object, expected: str) -> None:
    assert console.safe(text) == expected


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize(
    "command", [("degrade", "-p", "bicubic"), ("upscale", "-m", "tiny")], ids=["degrade", "upscale"]
)
def test_hostile_names(
    wildsr: Run, save_photo: Save, tmp_path: Path, name: str, command: tuple[str, ...]
) -> None:
    folder = tmp_path / "in"
    save_photo(tmp_path / "x.png").rename(_folder(folder) / name)
    (folder / f"broken {name}").write_bytes(b"no image")
    save_photo(folder / "z.png")
    done = wildsr(command[0], folder, *command[1:], "-o", tmp_path / "out")
    assert done.exit_code == 1, done.output
    valid = name != HOSTILE["no utf-8"]  # libvips cannot open such names: a failed row
    assert (tmp_path / "out" / name).exists() is valid
    assert (tmp_path / "out" / "z.png").exists()
    assert not CONTROLS & set(done.output)
    if name == HOSTILE["emoji markup"]:
        assert name in done.output
    done = wildsr(command[0], folder, *command[1:], "-o", tmp_path / "out2", "--json")
    assert not CONTROLS & set(done.output)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    finished = {event["source"] for event in found if event["event"] == "finished"}
    failed = {event["source"] for event in found if event["event"] == "failed"}
    assert finished == {*[str(folder / name)] * valid, str(folder / "z.png")}
    assert failed == {*[str(folder / name)] * (not valid), str(folder / f"broken {name}")}


@pytest.mark.parametrize("json_lines", [False, True])
def test_a_terminal_that_takes_ascii_only(save_photo: Save, tmp_path: Path, json_lines: bool) -> None:
    folder = _folder(tmp_path / "in")
    names = [HOSTILE["no utf-8"], "写真 😀.png", "z.png"]
    for name in names:
        save_photo(tmp_path / "x.png").rename(folder / name)
    command = [
        sys.executable,
        "-m",
        "wildsr",
        "degrade",
        str(folder),
        "-p",
        "bicubic",
        "-o",
        str(tmp_path / "out"),
    ]
    environment = os.environ | {"PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run(
        [*command, *["--json"] * json_lines], capture_output=True, env=environment, check=False
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.isascii()
    if json_lines:
        found = [json.loads(line) for line in done.stdout.splitlines()]
        sources = {event["source"] for event in found if event["event"] in ("finished", "failed")}
        assert sources == {str(folder / name) for name in names}
    for listing in (["models"], ["--help"]):
        shown = subprocess.run(
            [sys.executable, "-m", "wildsr", *listing], capture_output=True, env=environment, check=False
        )
        assert shown.returncode == 0, shown.stderr


def test_messages_of_the_parser_are_safe(wildsr: Run) -> None:
    done = wildsr("upscale", "--\x1b]0;owned\x07")
    assert done.exit_code == 2
    assert not CONTROLS & set(done.output)
    done = wildsr("\x1b]0;owned\x07")
    assert done.exit_code == 2
    assert not CONTROLS & set(done.output)


def test_what_servers_and_models_say_is_safe() -> None:
    text = console.literal(ModelError("HTTP 404 \x1b[2J:smile:[bold]"))
    stream = io.StringIO()
    Console(file=stream, emoji=False).print(text)
    assert stream.getvalue() == "HTTP 404 \\x1b[2J:smile:[bold]\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (JobsError("x"), 2),
        (FormatError("x"), 2),
        (NoImages("x"), 2),
        (PairingError("x"), 2),
        (ModelError("x"), 2),
        (DegradationError("x"), 2),
        (ValueError("x"), 2),
        (ImageError("x"), 1),
        (DataError("x"), 1),
        (EstimationError("x"), 1),
        (TrainingError("x"), 1),
        (WildsrError("x"), 1),
        (PermissionError(13, "denied", "f"), 1),
        (KeyboardInterrupt(), 130),
        (Interrupted(15, 3, Path("state")), 143),
        (RuntimeError("a bug"), None),
    ],
)
def test_exit_codes(error: BaseException, code: int | None) -> None:
    assert console.exit_code(error) == code


@pytest.mark.parametrize(
    "arguments",
    [
        ("upscale", "gone.png", "--overwrite", "--skip-existing"),
        ("degrade", "gone.png", "--overwrite", "--skip-existing"),
        ("estimate", "kernels", "gone", "-o", "k.safetensors"),
        ("estimate", "kernels", ".", "-o", "k.mat"),
        ("estimate", "noise", "gone", "-o", "k.safetensors"),
        ("estimate", "noise", ".", "-o", "nowhere/k.safetensors"),
        ("estimate", "import", ".", "-o", "k.mat"),
        ("prepare", "gone", "-o", "out"),
        ("prepare", "-o", "out"),
        ("evaluate", "gone", "--truth", "gone"),
        ("evaluate", "-m", "nonsense", "--truth", "gone"),
        ("benchmark", "nonsense", "--data", "gone"),
        ("convert", "nonsense", "out.safetensors"),
        ("models", "show", "nonsense"),
        ("data", "show", "nonsense"),
        ("recipe", "show"),
        ("recipe", "show", "nonsense"),
        ("train", "nonsense", "-o", "out"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2_everywhere(
    wildsr: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = wildsr(*arguments)
    assert done.exit_code == 2, done.output
    assert "Error" in done.stderr
    assert "Traceback" not in done.output
    assert not list(tmp_path.iterdir())


def test_progress_shows_items_bytes_and_per_cent(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(console, "output", lambda: Console(file=terminal, force_terminal=True, width=120))
    monkeypatch.setattr(sys, "stdout", terminal)
    with console.progress() as bars:
        bars("photos", 3, 10, unit="images", note="[red]\x1bnote")
        bars("model", 2_000_000, None, unit="B", label="a.png")
        bars("kernels", 1, 4, unit="%")
    shown = terminal.getvalue()
    for part in ("photos", "3/10 images", "[red]\\x1bnote", "a.png", "2.0 MB", "25 %"):
        assert part in shown


def test_a_pipe_gets_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with console.progress() as bars:
        bars("photos", 3, 10)
        console.say("a result")
    assert capsys.readouterr().out == "a result\n"


def _folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path


def test_pipes_get_no_output_of_libraries() -> None:
    """Ray prints to standard output when an actor is lost, between the JSON lines."""
    program = """
import os
from contextlib import redirect_stdout
from wildsr.cli.console import libraries_on_stderr, print_json
print_json(event="begin")
with libraries_on_stderr() as results:
    os.write(1, b"from C\\n")
    print("from Python")
    with redirect_stdout(results):
        print_json(event="finished")
print_json(event="end")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()] == ["begin", "finished", "end"]
    assert "from C" in done.stderr
    assert "from Python" in done.stderr
