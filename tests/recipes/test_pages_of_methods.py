"""The commands of docs/srrescgan-and-ddnsr.md run as they stand, with tiny networks and one step."""

import re
import shlex
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny import make_features
from typer.testing import CliRunner

from image_folders import photograph, save
from wildsr.cli.main import app
from wildsr.image import probe
from wildsr.networks.srrescgan import SRResCGAN
from wildsr.zoo.load import load

PAGE = Path(__file__).parents[2] / "docs" / "srrescgan-and-ddnsr.md"
DDNSR = {
    "networks.up.features": 8,
    "networks.up.blocks": 1,
    "networks.up.growth": 4,
    "networks.down.features": 4,
    "networks.down.blocks": 1,
    "networks.disc_up.features": 4,
    "networks.disc_down.features": 4,
}
TINY = {
    "dsgan": {
        "networks.generator.features": 4,
        "networks.generator.blocks": 1,
        "data.hr_patch": 64,
        "data.source_patch": 16,
        "objective.terms.perceptual.weight": 0,
    },
    "srrescgan": {
        "networks.generator.features": 8,
        "networks.generator.blocks": 1,
        "networks.discriminator.features": 4,
    },
    "ddnsr-track1": DDNSR,
    "ddnsr-track2-mixed": DDNSR,
}


def commands() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photos, clean images, and what `wildsr models pull` would download, but small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WILDSR_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("WILDSR_METRICS", str(make_features(tmp_path / "features")))
    features = tmp_path / "features"
    torch.save(load_file(features / "vgg19.safetensors"), features / "vgg19.pth")
    for name in ("alexnet.pth", "lpips_alex.pth"):
        (features / name).write_bytes(b"not read: the tiny run leaves LPIPS out")
    (tmp_path / "models").mkdir()
    torch.save(SRResCGAN(8, 1).state_dict(), tmp_path / "models" / "srresdnet-x4.pth")
    save(tmp_path / "photo.jpg", photograph(0, 40, 48))
    for folder in ("SOURCE", "CLEAN", "ntire2020/Corrupted-tr-x", "ntire2020/Corrupted-tr-y"):
        for number in range(2):
            save(tmp_path / folder / f"{number}.png", photograph(number, 288, 288))
    for folder in ("phone/DPEDiphone-tr-x", "phone/DPEDiphone-tr-y"):
        save(tmp_path / folder / "0.png", photograph(2, 288, 288))
    return tmp_path


def test_the_page_has_what_it_speaks_of() -> None:
    assert [words[2] for words in commands() if words[1] == "train"] == [
        "dsgan",
        "srrescgan",
        "ddnsr-track1",
        "ddnsr-track2-mixed",
    ]


def test_every_command_of_the_page_runs(here: Path) -> None:
    for words in commands():
        assert words[0] == "wildsr"
        arguments = words[1:]
        if arguments[0] == "train":
            settings = {
                **TINY[arguments[1]],
                "train.batch_size": 1,
                "data.workers": 0,
                "files.tensorboard": "false",
            }
            arguments += ["--steps", "1"]
            for place, value in settings.items():
                arguments += ["--set", f"{place}={value}"]
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, (words, done.output)
    assert probe(here / "photo_upscaled.jpg") == (192, 160)
    assert probe(here / "photo_ddnsr.png") == (192, 160)
    assert load(here / "runs/srrescgan/srrescgan.safetensors").contract.architecture == "SRResCGAN"
    names = sorted(
        path.relative_to(here / "pairs/LR").as_posix() for path in (here / "pairs/LR").rglob("*.png")
    )
    assert names == ["source/0.png", "source/1.png", "target/0.png", "target/1.png"]
    assert probe(here / "pairs/LR/source/0.png") == (36, 36), "photos are downscaled by two, then by four"
    assert probe(here / "ddnsr-pairs/LR/0.png") == (72, 72)
    assert (here / "runs/mixed/ddnsr-track2-mixed-down.safetensors").is_file()
