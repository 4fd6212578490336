"""Small models in files."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn
from typer.testing import CliRunner, Result

from wildsr.cli.main import app


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Callable[[], nn.Module], str], Path]:
    """Save a network with random weights, also in layers that start as zeros, which would hide earlier layers."""

    def save(build: Callable[[], nn.Module], name: str) -> Path:
        torch.manual_seed(0)
        network = build()
        for parameter in network.parameters():
            if not parameter.any():
                nn.init.normal_(parameter, std=0.05)
        torch.save(network.state_dict(), tmp_path / f"{name}.pth")
        return tmp_path / f"{name}.pth"

    return save


@pytest.fixture
def convert() -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(app, ["convert", *map(str, arguments)])
