"""A service in its own process with a small model, and images to upload."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import web_images
from accessibility import axe_source
from running_service import LONG, Running, running
from safetensors.torch import save_file

from chromium_pipe import Chromium, chromium, executable
from wildsr.networks.compact import SRVGGNetCompact

pytest.importorskip("fastapi", reason="needs the web extra")


@pytest.fixture(scope="session", autouse=True)
def small_models(own_folders: Path) -> None:
    folder = own_folders / "models"
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(("tiny", "other")):
        torch.manual_seed(seed)
        save_file(
            SRVGGNetCompact(8, 2, 4).state_dict(), folder / f"{name}.safetensors", metadata={"scale": "4"}
        )


@pytest.fixture(scope="session")
def service(
    small_models: None,  # noqa: ARG001 - comes first
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    """A service that the tests of a session share."""
    with running(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture
def start(
    tmp_path: Path,
    small_models: None,  # noqa: ARG001 - comes first
) -> Iterator[Callable[..., Running]]:
    """Start services with other options; they end with the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda *options, folder=tmp_path / "service": stack.enter_context(running(folder, *options))


@pytest.fixture(scope="session")
def adapted(
    small_models: None,  # noqa: ARG001 - comes first
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    """A service with one adaptation, which has finished after a few training steps."""
    with running(tmp_path_factory.mktemp("adapted")) as found:
        photos = web_images.camera_photos(12, "One")
        answer = found.post_photos(
            photos, {"minutes": 0.25, "model": "tiny", "force": True}, text=b"no image"
        )
        assert answer.status_code == 202, answer.text
        found.until(answer.json(), "finished", "failed", seconds=5 * LONG)
        yield found


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    program = executable()
    assert program is not None
    with chromium(program, tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    return axe_source(tmp_path_factory.mktemp("axe"))
