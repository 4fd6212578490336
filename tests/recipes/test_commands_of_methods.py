"""The commands on the pages of the five methods run as they stand, with tiny networks and one step."""

import re
import shlex
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny import make_features
from torch import Tensor
from typer.testing import CliRunner

from image_folders import photograph, save
from wildsr.cli.main import app
from wildsr.degradations.pools import load_kernel_pool, load_noise_pool
from wildsr.image import probe
from wildsr.networks.dsgan import DSGANGenerator
from wildsr.networks.edl import EDLNet
from wildsr.networks.rrdbnet import RRDBNet
from wildsr.networks.srrescgan import SRResCGAN
from wildsr.zoo.load import load

PAGES = Path(__file__).parents[2] / "docs" / "methods"
RRDB = {"features": 8, "blocks": 1, "growth": 4}
GENERATORS = {
    "dsgan": {"features": 4, "blocks": 1},
    "srrescgan": {"features": 8, "blocks": 1},
}
DSGAN = {"data.hr_patch": 64, "data.source_patch": 16, "objective.terms.perceptual.weight": 0}
BSRGAN = {"data.hr_patch": 96, "data.lr_patch": 16}
OTHER = {"dsgan": DSGAN, "bsrnet-x4": BSRGAN, "bsrgan-x4": BSRGAN}
DDNSR = {
    **{f"networks.up.{field}": value for field, value in RRDB.items()},
    **{f"networks.down.{field}": value for field, value in {"features": 4, "blocks": 1}.items()},
    "networks.disc_up.features": 4,
    "networks.disc_down.features": 4,
}
WITH_DISCRIMINATOR = {"realsr-df2k", "realsr-dped", "edl-ntire", "bsrgan-x4", "srrescgan"}


def commands(page: str) -> list[list[str]]:
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    found = [shlex.split(line, comments=True) for line in lines]
    assert all(words[0] == "wildsr" for words in found)
    return [words[1:] for words in found]


def smooth_with_noise(number: int) -> Tensor:
    """A grey image with little noise, from which noise patches can be collected."""
    rng = torch.Generator().manual_seed(number)
    return (0.5 + torch.randn(3, 288, 288, generator=rng) * 2 / 255).clamp(0, 1)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Images, and what `wildsr models pull` would download, but small."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WILDSR_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("WILDSR_METRICS", str(make_features(tmp_path / "features")))
    features = tmp_path / "features"
    torch.save(load_file(features / "vgg19.safetensors"), features / "vgg19.pth")
    (tmp_path / "models").mkdir()
    torch.manual_seed(0)
    for name in ("realsr-dped", "realsr-df2k-jpeg", "bsrgan-x4", "bsrnet-x4", "rrdb-psnr-x4"):
        torch.save(RRDBNet(3, 3, 8, 1, 4).state_dict(), tmp_path / "models" / f"{name}.pth")
    for name in ("srrescgan", "srresdnet-x4"):
        torch.save(SRResCGAN(8, 1).state_dict(), tmp_path / "models" / f"{name}.pth")
    torch.save(DSGANGenerator(4, 1).state_dict(), tmp_path / "models" / "dsgan-ntire2020.pth")
    torch.save(EDLNet(3, 3, 8, 1, 4).state_dict(), tmp_path / "EDL.pth")
    for folder in ("photos", "source", "auxiliary"):
        save(tmp_path / folder / "noise.png", smooth_with_noise(len(folder)))
    for folder in ("source", "sharp"):
        save(tmp_path / folder / "0.png", photograph(0, 272, 272))
    for kind in ("HR", "LR"):
        save(tmp_path / "given" / kind / "0.png", photograph(0, *((128, 144) if kind == "HR" else (32, 36))))
    return tmp_path


def run(words: list[str]) -> None:
    arguments = list(words)
    if arguments[0] == "train":
        name = arguments[1]
        settings: dict[str, object] = {"train.batch_size": 1, "data.workers": 0, "files.tensorboard": "false"}
        if name.startswith("ddnsr"):
            settings |= DDNSR
        else:
            sizes = GENERATORS.get(name, RRDB)
            settings |= {f"networks.generator.{field}": value for field, value in sizes.items()}
        if name in WITH_DISCRIMINATOR:
            settings["networks.discriminator.features"] = 4
        settings |= OTHER.get(name, {})
        arguments += ["--steps", "1"]
        for place, value in settings.items():
            arguments += ["--set", f"{place}={value}"]
    if arguments[:2] == ["estimate", "kernels"]:
        arguments += ["--iterations", "1", "--seed", "5"]  # a seed whose kernel has a positive sum
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, (words, done.output)


def test_realsr(here: Path) -> None:
    for words in commands("realsr"):
        run(words)
    assert probe(here / "photos_x4/noise.png") == (1152, 1152)
    for folder in ("pairs", "phone-pairs"):
        made = here / folder / "LR"
        lrs = {path.relative_to(made).as_posix() for path in made.rglob("*.png")}
        assert "target/0.png" in lrs
        assert "source/noise.png" in lrs
        assert load_noise_pool(here / folder / "noise.safetensors").patches.shape[-1] == 256
    assert load_kernel_pool(here / "kernels.safetensors").scale == 4
    for name in ("df2k", "dped"):
        assert load(here / f"runs/{name}/realsr-{name}.safetensors").contract.scale == 4


def test_rwsr_edl(here: Path) -> None:
    # Its branches work at full size, which takes long on large images.
    save(here / "photos/noise.png", smooth_with_noise(0)[:, :40, :40])
    for words in commands("rwsr-edl"):
        run(words)
    pool = load_noise_pool(here / "pairs/noise.safetensors")
    assert len({origin.split("/")[0] for origin in pool.origins}) == 2, (
        "of the source images and of the auxiliary ones"
    )
    assert load(here / "runs/edl/edl-ntire.safetensors").contract.architecture == "EDLNet"


def test_bsrgan(here: Path) -> None:
    for words in commands("bsrgan"):
        run(words)
    assert probe(here / "photos_x4/noise.png") == (1152, 1152)
    assert probe(here / "lr/0.png") == (68, 68)
    for name in ("bsrnet", "bsrgan"):
        assert load(here / f"runs/{name}/{name}-x4.safetensors").contract.scale == 4


def test_srrescgan(here: Path) -> None:
    (here / "given").rename(here / "pairs")
    for words in commands("srrescgan"):
        run(words)
    assert load(here / "runs/srrescgan/srrescgan.safetensors").contract.architecture == "SRResCGAN"


def test_ddnsr(here: Path) -> None:
    torch.save(RRDBNet(3, 3, 8, 1, 4).state_dict(), here / "models/ddnsr-track1-div2k.pth")
    save(here / "photos/noise.png", smooth_with_noise(0)[:, :144, :160])
    for kind in ("HR", "LR"):
        save(here / "images" / kind / f"{kind}.png", photograph(0, 288, 288))
    for words in commands("ddnsr"):
        run(words)
    assert probe(here / "photos_x4/noise.png") == (640, 576)
    assert len(list((here / "cleaned").rglob("noise.png"))) > 0
    assert load(here / "runs/ddnsr/ddnsr-track1.safetensors").contract.scale == 4
    assert (here / "runs/ddnsr/ddnsr-track1-down.safetensors").is_file()
