"""The examples of docs/web.md, run unchanged."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import web_images
from PIL import Image
from running_service import LONG, Running

DOCS = Path(__file__).parents[2] / "docs" / "web.md"


def example(name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found, name
    return found[1]


@pytest.mark.parametrize(("kind", "scale"), [("python", 4), ("curl", 2)])
def test_example(kind: str, scale: int, service: Running, tmp_path: Path) -> None:
    if kind == "curl" and shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    (tmp_path / "photo.jpg").write_bytes(web_images.photo("JPEG", 20, 30))
    code = example(f"{kind}-example")
    if kind == "python":
        assert len([line for line in code.splitlines() if line.strip()]) <= 10
    command = [sys.executable, "-c", code] if kind == "python" else ["sh", "-eu", "-c", code]
    environment = {**os.environ, "WILDSR": service.address, "NO_PROXY": "*"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, timeout=LONG)
    assert Image.open(tmp_path / "sharp.jpg").size == (30 * scale, 20 * scale)
