"""`wildsr convert --for browser`: the page in a real Chromium, with onnxruntime-web from npm."""

import contextlib
import functools
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from typer.testing import Result

from chromium_pipe import chromium, executable
from wildsr.export import checks
from wildsr.image import read, write_rgb
from wildsr.networks.compact import SRVGGNetCompact
from wildsr.zoo.load import load

pytest.importorskip("onnxruntime")
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")


def put_runtime(folder: Path, work: Path) -> None:
    """Put onnxruntime-web where npm would: from the folder ``WILDSR_ORT_WEB``, or from npm."""
    target = folder / "node_modules" / "onnxruntime-web" / "dist"
    target.mkdir(parents=True)
    if given := os.environ.get("WILDSR_ORT_WEB"):
        for name in RUNTIME:
            shutil.copy(Path(given) / name, target / name)
        return
    if shutil.which("npm") is None:
        pytest.skip("onnxruntime-web comes from npm, which is not here")
    command = ["npm", "pack", "--silent", "onnxruntime-web@1"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.skip("onnxruntime-web could not be fetched from npm")
    with tarfile.open(work / done.stdout.split()[-1]) as archive:
        for name in RUNTIME:
            file = archive.extractfile(f"package/dist/{name}")
            assert file is not None
            (target / name).write_bytes(file.read())


class _Files(SimpleHTTPRequestHandler):
    extensions_map = {".mjs": "text/javascript", ".html": "text/html", ".wasm": "application/wasm"}  # noqa: RUF012

    def log_message(self, *_: object) -> None: ...


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Files, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


PRETENDED_GPU = "Object.defineProperty(navigator, 'gpu', {value: {requestAdapter: async () => ({})}});"
"""A browser that claims to have WebGPU, whose runtime is not there: the page must go on with WebAssembly."""


@pytest.mark.skipif(executable() is None, reason="there is no Chromium here")
@pytest.mark.parametrize(
    ("model", "size", "script"),
    [("net", (130, 203), ""), ("net", (60, 91), PRETENDED_GPU), ("wildsr-compact-x4", (97, 203), "")],
    ids=["several tiles", "smaller than a tile, WebGPU fails", "a network that halves"],
)
def test_the_page_in_chromium(
    model: str,
    size: tuple[int, int],
    script: str,
    tmp_path: Path,
    saved: Callable[[Callable[[], nn.Module], str], Path],
    convert: Callable[..., Result],
) -> None:
    source = saved(lambda: SRVGGNetCompact(4, 1, 2), "net") if model == "net" else model
    done = convert(source, "--for", "browser", "-o", tmp_path / "page")
    assert done.exit_code == 0, done.output
    assert "ONNX Runtime, 128x128" in done.output
    photo = tmp_path / "photo.png"
    write_rgb(photo, checks.probe_image(*size))
    put_runtime(tmp_path / "page", tmp_path)
    program = executable()
    assert program is not None
    with served(tmp_path / "page") as address, chromium(program, tmp_path / "profile") as browser:
        browser.send("Page.addScriptToEvaluateOnNewDocument", source=script)
        browser.open(f"{address}/index.html")
        browser.until("document.querySelector('#state').textContent.includes('choose')", seconds=120)
        assert "WebAssembly" in browser.run("document.querySelector('#state').textContent")
        asked = any("ort.webgpu" in url for url in browser.requests())
        assert asked == bool(script)
        browser.choose_files("#file", photo)
        browser.until("document.querySelector('#state').textContent.startsWith('Done')", seconds=120)
        pixels = browser.run(
            "(() => { const c = document.querySelector('#result');"
            "return [c.width, c.height, ...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]; })()"
        )
        missing = ("favicon", "ort.webgpu") if script else ("favicon",)
        others = [each for each in browser.complaints() if not any(name in str(each) for name in missing)]
        assert others == [], "the page has no other error than a missing file"
    width, height, *values = pixels
    found = torch.tensor(values).view(1, height, width, 4)[..., :3].permute(0, 3, 1, 2) / 255
    image = read(photo).rgb
    # The page continues an image that is smaller than a tile by its edge, which the network takes for content.
    below, right = (max(128 - extent, 0) for extent in size)
    network = load(source)
    expected = network(F.pad(image, (0, right, 0, below), mode="replicate")).clamp(0, 1)
    expected = expected[..., : network.contract.scale * size[0], : network.contract.scale * size[1]]
    assert found.shape == expected.shape
    assert (level := checks.psnr(found, expected)) > 55, f"{level:.1f} dB"
