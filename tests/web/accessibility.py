"""The accessibility check of pages, by axe-core."""

import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from chromium_pipe import Chromium


def axe_source(folder: Path) -> str:
    """The source of axe-core: WILDSR_AXE, or from npm; skips the test where there is neither."""
    named = os.environ.get("WILDSR_AXE")
    if named:
        return Path(named).read_text(encoding="utf-8")
    if shutil.which("npm") is None:
        pytest.skip("axe comes from npm, which is not here")
    done = subprocess.run(
        ["npm", "pack", "--silent", "axe-core@4"], cwd=folder, capture_output=True, text=True, timeout=120
    )
    if done.returncode:
        pytest.skip("axe could not be fetched from npm")
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        source = archive.extractfile("package/axe.min.js")
        assert source is not None
        return source.read().decode()


def findings(page: Chromium, axe: str) -> list[Any]:
    """Findings of axe: rule, impact, elements."""
    page.run(f"{axe}; undefined")
    found = page.run("axe.run().then(r => r.violations)")
    return [(one["id"], one["impact"], [node["html"][:90] for node in one["nodes"]]) for one in found]
