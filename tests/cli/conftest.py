"""A small model in the user's folder, and photographs to upscale."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner, Result

from wildsr.cli.main import app
from wildsr.image import Canvas, Traits, write
from wildsr.networks.compact import SRVGGNetCompact


@pytest.fixture(scope="session", autouse=True)
def tiny_model(own_folders: Path) -> None:
    torch.manual_seed(0)
    folder = own_folders / "models"
    folder.mkdir(exist_ok=True)
    save_file(SRVGGNetCompact(8, 2, 4).state_dict(), folder / "tiny.safetensors", metadata={"scale": "4"})


@pytest.fixture
def save_photo() -> Callable[..., Path]:
    def save(
        path: Path, height: int = 20, width: int = 30, traits: Traits | None = None, seed: int = 1
    ) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        canvas = Canvas(height, width, traits or Traits())
        canvas.paste(0, 0, torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed)))
        write(path, canvas)
        return path

    return save


@pytest.fixture
def wildsr() -> Callable[..., Result]:
    def run(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run


@pytest.fixture
def events() -> Callable[[Result], list[dict[str, Any]]]:
    return lambda result: [json.loads(line) for line in result.stdout.splitlines()]
