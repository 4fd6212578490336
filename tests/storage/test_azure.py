"""Azure Blob Storage, against Azurite (``npm install azurite``), Microsoft's own emulator."""

import base64
import hashlib
import hmac
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.utils import formatdate
from itertools import count
from pathlib import Path

import pytest

from wildsr.storage import objects
from wildsr.storage.atomic import replacing, write_bytes
from wildsr.storage.locations import content_of, exists, files_below, locate, version_of
from wildsr.storage.object_path import object_path

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account of every Azurite; public knowledge."""
NUMBERS = count()


@pytest.fixture(scope="module")
def azurite() -> Iterator[str]:
    pytest.importorskip("obstore", reason="the extra 'remote' is not installed")
    program = os.environ.get("WILDSR_AZURITE") or shutil.which("azurite-blob")
    if program is None:
        pytest.skip(
            "Azurite is not installed: npm install -g azurite, or set WILDSR_AZURITE to its azurite-blob"
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    with subprocess.Popen(
        [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), *options], stdout=subprocess.DEVNULL
    ) as server:
        for _ in range(1200):
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert server.poll() is None, "Azurite ended"
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


@pytest.fixture
def container(azurite: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a new container."""
    monkeypatch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
    monkeypatch.setenv("AZURITE_BLOB_STORAGE_URL", azurite)
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY", raising=False)
    monkeypatch.setattr(objects, "RETRIES", {"max_retries": 1})
    objects._store.cache_clear()
    name = f"scans-{next(NUMBERS)}"
    make_container(azurite, name)
    yield f"az://{name}"
    objects._store.cache_clear()


def make_container(server: str, name: str) -> None:
    """By the protocol itself, since obstore makes no containers."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    lines = [f"{key}:{value}" for key, value in headers.items()]
    lines += [f"/{ACCOUNT}/{ACCOUNT}/{name}", "restype:container"]
    text = "PUT" + "\n" * 12 + "\n".join(lines)
    digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    headers |= {
        "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(digest).decode()}",
        "Content-Type": "",
    }
    address = f"{server}/{ACCOUNT}/{name}?restype=container"
    urllib.request.urlopen(urllib.request.Request(address, b"", headers, method="PUT")).close()


@pytest.mark.parametrize(
    "key", ["a b.jpg", "ä%20ö.jpg", "x#y?z*.jpg", "q\"'<&>+=;,@$!.jpg", "猫/e\u0301🎈.png"]
)
def test_names_with_every_character(container: str, key: str) -> None:
    path = object_path(f"{container}/{key}")
    write_bytes(path, key.encode())
    assert content_of(path) == key.encode()
    assert list(files_below(locate(container), {".jpg", ".png"})) == [path]


def test_a_large_image_and_one_that_exists(container: str) -> None:
    path, content = object_path(f"{container}/in/large.tif"), os.urandom(objects.PART + 12345)
    write_bytes(path, content)
    assert content_of(path) == content
    listed = next(files_below(locate(f"{container}/in"), {".tif"}))
    assert getattr(listed, "version") == version_of(path)  # noqa: B009 - of one kind of location only
    with pytest.raises(FileExistsError, match="exists already"), replacing(path, overwrite=False) as file:
        file.write_bytes(b"new")
    assert content_of(path) == content


def test_what_is_not_there_or_not_allowed(container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not exists(locate(f"{container}/no.jpg"))
    with pytest.raises(FileNotFoundError, match="no such object"):
        content_of(locate(f"{container}/no.jpg"))
    with pytest.raises(FileNotFoundError, match="container does not exist"):
        content_of(locate("az://nowhere/no.jpg"))
    with pytest.raises(OSError, match="container does not exist"):
        list(files_below(locate("az://nowhere/in"), {".jpg"}))
    with pytest.raises(FileNotFoundError, match="container does not exist"):
        write_bytes(object_path("az://nowhere/x.jpg"), b"x")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT)
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", base64.b64encode(b"another key").decode())
    objects._store.cache_clear()
    with pytest.raises(PermissionError, match=r"refuses the key or the token|access denied"):
        content_of(locate(f"{container}/no.jpg"))


def test_the_command_works_in_a_container(container: str, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file
    from typer.testing import CliRunner

    from wildsr.cli.main import app
    from wildsr.image import write_rgb
    from wildsr.networks.compact import SRVGGNetCompact

    model = tmp_path / "tiny.safetensors"
    save_file(SRVGGNetCompact(8, 2, 4).state_dict(), model, metadata={"scale": "4"})
    (tmp_path / "in").mkdir()
    for index in range(2):
        write_rgb(tmp_path / f"in/{index}.png", torch.rand(3, 12, 16))
        write_bytes(object_path(f"{container}/in/{index}.png"), (tmp_path / f"in/{index}.png").read_bytes())
    command = ["upscale", "-m", str(model)]
    assert CliRunner().invoke(app, [*command, f"{tmp_path}/in", "-o", f"{tmp_path}/out"]).exit_code == 0
    done = CliRunner().invoke(app, [*command, f"{container}/in", "-o", f"{container}/out"])
    assert done.exit_code == 0, done.output
    for index in range(2):
        assert (
            content_of(locate(f"{container}/out/{index}.png")) == (tmp_path / f"out/{index}.png").read_bytes()
        )
