"""Names of images may come from an untrusted store."""

from pathlib import Path

import torch

from wildsr.training.logs import Logs
from wildsr.training.settings import Run


def test_samples_stay_in_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    logs = Logs(Run(folder, "net", "", {}), 0, tensorboard=False)
    logs.images(1, {name: torch.zeros(3, 4, 4) for name in ("../../out", str(tmp_path / "out"), "a/b")})
    logs.close()
    written = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png")]
    assert written == ["run/samples/a/b/step-00000001.png"]
