"""Commands that need none of the extras work without their packages."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

EXTRAS = {
    *(
        "fastapi",
        "h5py",
        "lightning",
        "lmdb",
        "multipart",
        "ncnn",
        "obstore",
        "onnx",
        "onnxruntime",
        "onnxscript",
    ),
    *("pillow_heif", "pnnx", "ray", "scipy", "spandrel", "tensorboard", "uvicorn", "yaml"),
}
WITHOUT_EXTRAS = f"""
import sys
from typer.testing import CliRunner

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(EXTRAS)!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
from wildsr.cli.main import app

for words in sys.argv[1:]:
    done = CliRunner().invoke(app, words.split())
    print(done.exit_code, " ".join(done.output.split()))
"""


def test_commands_without_extras(save_photo: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_photo(tmp_path / f"photos/{name}.png", 136, 136)
    commands = (
        "upscale photos -m tiny",
        "degrade photos --preset bsrgan -w 1",
        "prepare photos -o pairs --preset bsrgan --workers 1",
        "prepare photos -o stores --preset bsrgan --workers 1 --format lmdb",
        "evaluate -m tiny -m bicubic --truth photos",
        "train wildsr-faithful-x4 --data photos -o run",
        "upscale s3://bucket/a.png -o large -m tiny",
        "upscale photos -o s3://bucket/large -m tiny",
    )
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS, *commands],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = dict(zip(commands, done.stdout.splitlines(), strict=True))
    for command, line in lines.items():
        extra = (
            "remote" if "s3://" in command else "train" if "lmdb" in command or "train" in command else None
        )
        assert (line[0] == "0") == (extra is None), f"{command}: {line}"
        assert f"pip install 'wildsr[{extra}]'" in line if extra else "pip install" not in line, (
            f"{command}: {line}"
        )
    assert not (tmp_path / "stores").exists()
