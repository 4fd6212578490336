"""Model names: the catalogue, the user's folder, and hints for misspelt names."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from wildsr.networks.compact import SRVGGNetCompact
from wildsr.storage.digest import sha256_of
from wildsr.zoo.architectures import ARCHITECTURES
from wildsr.zoo.catalogue import (
    ALIASES,
    EMBEDDED,
    PUBLISHED,
    SUFFIXES,
    available,
    find,
    models_folder,
    user_models,
)
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load

SHARED_WEIGHTS = Path(__file__).parents[2].parent / "shared" / "weights"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WILDSR_MODELS", str(tmp_path))
    return tmp_path


def names() -> list[str]:
    return [entry.name for entry in available()]


def test_catalogue_is_in_order() -> None:
    assert all(name == entry.name for name, entry in EMBEDDED.items())
    assert set(ALIASES.values()) <= set(EMBEDDED)
    assert all(entry.licence and entry.origin and entry.good_at for entry in EMBEDDED.values())


def test_embedded_models_are_as_catalogued() -> None:
    for entry in EMBEDDED.values():
        if not entry.path.is_file():
            pytest.skip(f"{entry.name} is not built yet")
        contract = load(entry.name).contract
        assert (contract.architecture, contract.scale) == (entry.architecture, entry.scale)
        assert (contract.name, contract.licence) == (entry.name, entry.licence)


def test_default_is_an_alias() -> None:
    if not EMBEDDED[ALIASES["default"]].path.is_file():
        pytest.skip("the default model is not built yet")
    assert load().contract == load(ALIASES["default"]).contract


def test_missing_embedded_file_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from dataclasses import replace

    name = ALIASES["default"]
    monkeypatch.setitem(EMBEDDED, name, replace(EMBEDDED[name], path=tmp_path / "gone.safetensors"))
    with pytest.raises(ModelError, match="reinstall"):
        load()


def test_users_models(folder: Path) -> None:
    save_file(
        SRVGGNetCompact(4, 1).state_dict(), folder / "scans.safetensors", {"scale": "4", "licence": "MIT"}
    )
    torch.save(SRVGGNetCompact(4, 2).state_dict(), folder / "phone.PTH")
    torch.save(SRVGGNetCompact(4, 2).state_dict(), folder / "scans.pth")
    (folder / "notes.txt").write_text("not a model")
    (folder / "sub.pth").mkdir()
    assert names() == [*EMBEDDED, "phone", "scans"]
    assert models_folder() == folder
    assert load("phone").contract.name == "phone"
    assert load("scans").contract.sizes["convs"] == 1, "safetensors comes first"
    scans = available()[-1]
    assert (scans.scale, scans.licence) == (4, "MIT")
    assert available()[-2].scale is None


def test_users_files_cannot_take_a_catalogue_name(folder: Path) -> None:
    for name in (*EMBEDDED, *ALIASES):
        torch.save(SRVGGNetCompact(4, 1).state_dict(), folder / f"{name}.pth")
    assert names() == [*EMBEDDED]
    path = folder / f"{ALIASES['default']}.pth"
    assert find(path)[1] == path


@pytest.mark.parametrize(
    "content", [b"", b"\xff" * 40, b"\x05\0\0\0\0\0\0\0[1,2]", b"\x10" + bytes(7) + b'{"__metadata__": 3}']
)
def test_damaged_users_files_do_not_stop_the_list(folder: Path, content: bytes) -> None:
    (folder / "odd.safetensors").write_bytes(content)
    assert names() == [*EMBEDDED, "odd"]


def test_no_folder_is_no_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WILDSR_MODELS", str(tmp_path / "none"))
    assert user_models() == {}
    monkeypatch.delenv("WILDSR_MODELS")
    assert "wildsr" in str(models_folder())


def test_misspelt_names(folder: Path) -> None:
    torch.save(SRVGGNetCompact(4, 1).state_dict(), folder / "grandmother.pth")
    for wrong, right in (
        ("wildsr-compact", "wildsr-compact-x4"),
        ("granmother", "grandmother"),
        ("Defalt", "default"),
    ):
        with pytest.raises(ModelError, match=f"did you mean.*'{right}'"):
            load(wrong)
    with pytest.raises(
        ModelError,
        match="models that are here: default, wildsr-compact-x4, wildsr-faithful-x4, wildsr-photo-x4, "
        "wildsr-photo-faithful-x4, wildsr-photo-fast-x4, "
        "grandmother",
    ):
        load("qqqqq")


def test_a_file_in_the_working_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(SRVGGNetCompact(4, 1).state_dict(), folder / "net.pth")
    monkeypatch.chdir(folder)
    assert load("net.pth").contract.name == "net"
    with pytest.raises(ModelError, match=r"there is no file ent\.pth; did you mean 'net'"):
        load("ent.pth")


def test_catalogue_needs_no_torch() -> None:
    code = (
        "import sys; from wildsr.zoo.catalogue import available; available(); print('torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


@pytest.mark.parametrize(("name", "convs"), [("realesr-general-x4v3", 32), ("realesr-animevideov3", 16)])
def test_published_compact_models(name: str, convs: int) -> None:
    path = SHARED_WEIGHTS / f"{name}.safetensors"
    if not path.is_file():
        pytest.skip(f"no {path}")
    model = load(path)
    assert model.contract.architecture == "SRVGGNetCompact"
    assert model.contract.sizes == {"features": 64, "convs": convs, "scale": 4}
    grey = torch.full((1, 3, 24, 24), 0.5)
    assert (model(grey)[..., 32:64, 32:64] - 0.5).abs().max() < 0.1, "a flat image stays nearly flat"


# --- published checkpoints


def test_facts_are_well_formed() -> None:
    for name, checkpoint in PUBLISHED.items():
        assert name == checkpoint.name
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert name not in {*EMBEDDED, *ALIASES}
        assert checkpoint.saved_as.endswith(SUFFIXES), "a file the models folder would not show"
        assert checkpoint.direct or checkpoint.page, "no way to get it"
        addresses = [*checkpoint.urls, *checkpoint.copies, checkpoint.page, checkpoint.project.repository]
        assert all(address.startswith("https://") for address in addresses if address)
        assert checkpoint.sha256 is None or re.fullmatch("[0-9a-f]{64}", checkpoint.sha256)
        assert checkpoint.value_range == ARCHITECTURES[checkpoint.architecture].value_range
    digests = [checkpoint.sha256 for checkpoint in PUBLISHED.values() if checkpoint.sha256]
    addresses = [url for checkpoint in PUBLISHED.values() for url in (*checkpoint.urls, *checkpoint.copies)]
    assert len(set(digests)) == len(digests), "a checksum copied to the wrong place"
    assert len(set(addresses)) == len(addresses)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("srrescgan", "srrescgan_model.pth"),
        ("srresdnet-x4", "G_perceptual.pth"),
        ("dsgan-ntire2020", "300_G.pth"),
    ],
)
def test_checksums_of_published_files(name: str, file: str) -> None:
    path = SHARED_WEIGHTS.parent / "golden" / "weights" / file
    if not path.is_file():
        pytest.skip(f"no {path}")
    assert sha256_of(path) == PUBLISHED[name].sha256
    assert path.stat().st_size == PUBLISHED[name].size


def test_every_absent_model_says_how_to_get_it(folder: Path) -> None:
    for name, checkpoint in PUBLISHED.items():
        with pytest.raises(ModelError) as caught:
            load(name)
        command = f"pull {name}" if checkpoint.direct else f"add {checkpoint.file} --as {name}"
        assert f"`wildsr models {command}`" in str(caught.value)
    assert not list(folder.iterdir())


def test_a_published_name_before_a_file_of_that_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "bsrgan-x4").write_bytes(b"")
    monkeypatch.chdir(folder)
    with pytest.raises(ModelError, match="pull bsrgan-x4"):
        find("bsrgan-x4")
    assert find("./bsrgan-x4")[1] == Path("bsrgan-x4")


@pytest.mark.parametrize("scale", ["9" * 5000, "٤", "-4", "4.0", "", "100"])
def test_a_hostile_header_breaks_nothing(folder: Path, scale: str) -> None:
    """Reading the scale of such a file as an integer ended every command that lists models."""
    path = folder / "odd.safetensors"
    save_file(SRVGGNetCompact(4, 1).state_dict(), path, {"scale": scale, "good_at": "x" * 1_000_000})
    entry = available()[-1]
    assert (entry.name, entry.scale, len(entry.good_at)) == ("odd", None, 1000)
    assert load("odd").contract.scale == 4


def test_a_scale_that_the_weights_contradict_is_an_error(folder: Path) -> None:
    save_file(SRVGGNetCompact(4, 1).state_dict(), folder / "odd.safetensors", {"scale": "2"})
    with pytest.raises(ModelError, match="its header says x2, but its weights upscale x4"):
        load("odd")
