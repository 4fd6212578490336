"""``wildsr models``: list, show, pull, add, remove."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import Result

from web_server import Site, serving, status
from wildsr.networks.compact import SRVGGNetCompact
from wildsr.networks.msrresnet import MSRResNet
from wildsr.zoo.catalogue import PUBLISHED, PublishedModel
from wildsr.zoo.errors import ModelError
from wildsr.zoo.features.files import FILES, MissingWeights, find_file
from wildsr.zoo.load import load

SHARED_WEIGHTS = Path(__file__).parents[2].parent / "shared" / "weights"
Run = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("folder", "published")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("WILDSR_MIRROR", raising=False)
    with serving() as site:
        yield site


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "my models"
    monkeypatch.setenv("WILDSR_MODELS", str(folder))
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A small network in the place of a published one."""
    path = tmp_path / "Net_Original.pth"
    torch.manual_seed(0)
    torch.save(SRVGGNetCompact(4, 1, 2).state_dict(), path)
    return path


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch, file: Path, site: Site) -> PublishedModel:
    """Publish a model on a local server, with a checksum."""
    site.content = file.read_bytes()
    checkpoint = replace(
        PUBLISHED["realesr-general-x4v3"],
        name="small-x2",
        file=file.name,
        scale=2,
        urls=(site.url(file.name),),
        sha256=hashlib.sha256(site.content).hexdigest(),
        size=len(site.content),
    )
    monkeypatch.setitem(PUBLISHED, "small-x2", checkpoint)
    return checkpoint


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch, published: PublishedModel) -> Callable[..., None]:
    """The same with other facts."""

    def change(**facts: object) -> None:
        monkeypatch.setitem(PUBLISHED, "small-x2", replace(published, **facts))  # type: ignore[arg-type]

    return change


def line_of(name: str, output: str) -> str:
    return next(line for line in output.splitlines() if line.startswith(name + " "))


def test_list(wildsr: Run, folder: Path) -> None:
    done = wildsr("models")
    assert done.exit_code == 0
    assert " yes " in line_of("wildsr-compact-x4", done.output)
    assert " pull " in line_of("small-x2", done.output)
    assert " by hand " in line_of("realsr-df2k", done.output)
    assert all(name in done.output for name in PUBLISHED)
    assert str(folder) in done.output
    assert wildsr("models", "pull", "small-x2").exit_code == 0
    save_file(SRVGGNetCompact(4, 1).state_dict(), folder / "own[1].safetensors")
    listed = wildsr("models").output
    assert " yes " in line_of("small-x2", listed)
    assert " yes " in line_of("own[1]", listed)


def test_show(wildsr: Run) -> None:
    card = wildsr("models", "show", "realsr-df2k")
    assert card.exit_code == 0
    for fact in (
        "Apache-2.0",
        "Ji et al.",
        "drive.google.com",
        "wildsr models add DF2K.pth --as realsr-df2k",
    ):
        assert fact in card.output
    assert "unknown; ask the authors" in wildsr("models", "show", "ddnsr-track1-div2k").output
    assert "wildsr models pull small-x2" in wildsr("models", "show", "small-x2").output
    assert "comes with the package" in wildsr("models", "show", "default").output


@pytest.mark.parametrize("verb", [["show"], ["pull"], ["pull", "small-x2"], ["remove"]])
def test_unknown_names(wildsr: Run, site: Site, verb: list[str]) -> None:
    done = wildsr("models", *verb, "bsrgam-x4")
    assert done.exit_code == 2
    assert "did you mean 'bsrgan-x4'" in done.output
    assert site.asked == [], "nothing is fetched before all names are known"


# --- pull


def test_pull_and_load(wildsr: Run, folder: Path, published: PublishedModel) -> None:
    with pytest.raises(ModelError, match="not here yet; get it with `wildsr models pull small-x2`"):
        load("small-x2")
    done = wildsr("models", "pull", "small-x2")
    assert done.exit_code == 0, done.output
    assert [path.name for path in folder.iterdir()] == ["small-x2.pth"]
    contract = load("small-x2").contract
    assert (contract.name, contract.scale) == ("small-x2", 2)
    assert (contract.licence, contract.source) == ("BSD-3-Clause", published.project.repository)
    assert contract.sha256 == published.sha256


def test_pull_again(wildsr: Run, folder: Path, site: Site) -> None:
    for _ in range(2):
        assert wildsr("models", "pull", "small-x2").exit_code == 0
    assert len(site.asked) == 1
    (folder / "small-x2.pth").write_bytes(b"damaged")
    assert wildsr("models", "pull", "small-x2", "--overwrite").exit_code == 0
    assert (folder / "small-x2.pth").read_bytes() == site.content


def test_pull_goes_on_past_failures(wildsr: Run, folder: Path) -> None:
    done = wildsr("models", "pull", "realsr-df2k", "default", "small-x2")
    assert done.exit_code == 1
    assert "wildsr models add DF2K.pth --as realsr-df2k" in done.output
    assert "default" not in line_of("wildsr-photo-x4", done.output)
    assert (folder / "small-x2.pth").is_file()


def test_pull_fails_with_a_way_out(wildsr: Run, published: PublishedModel, site: Site) -> None:
    site.moves = [status(404)]
    done = wildsr("models", "pull", "small-x2")
    assert done.exit_code == 1
    assert "HTTP 404" in done.output
    assert f"open {published.urls[0]} in a browser" in done.output
    assert "wildsr models add Net_Original.pth --as small-x2" in done.output


def test_remove(wildsr: Run, folder: Path) -> None:
    assert wildsr("models", "pull", "small-x2").exit_code == 0
    for name in ("own", "other"):
        save_file(SRVGGNetCompact(4, 1).state_dict(), folder / f"{name}.safetensors")
    done = wildsr("models", "remove", "small-x2", "default", "realsr-df2k", "own")
    assert done.exit_code == 1
    assert "'wildsr-photo-x4' comes with wildsr" in done.output
    assert "'realsr-df2k' is not installed" in done.output
    assert [path.name for path in folder.iterdir()] == ["other.safetensors"]
    assert " pull " in line_of("small-x2", wildsr("models").output)
    assert wildsr("models", "remove", "other").exit_code == 0


def test_remove_ncnn_files(wildsr: Run, folder: Path) -> None:
    folder.mkdir()
    for suffix in (".param", ".bin"):
        (folder / f"graph{suffix}").write_bytes(b"")
    assert wildsr("models", "remove", "graph").exit_code == 0
    assert not list(folder.iterdir())


def test_mirror_comes_first(wildsr: Run, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WILDSR_MIRROR", f"{site.address}/mirror/")
    assert wildsr("models", "pull", "small-x2").exit_code == 0
    assert [asked.path for asked in site.asked] == ["/mirror/small-x2.pth"]


def test_mirror_that_has_it_not(wildsr: Run, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WILDSR_MIRROR", f"{site.address}/mirror")
    site.moves = [status(404)]
    assert wildsr("models", "pull", "small-x2").exit_code == 0
    assert [asked.path for asked in site.asked] == ["/mirror/small-x2.pth", "/Net_Original.pth"]


def test_mirror_of_what_has_no_address(
    wildsr: Run, publish: Callable[..., None], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(urls=(), page="https://example.org/by-hand")
    assert wildsr("models", "pull", "small-x2").exit_code == 1
    monkeypatch.setenv("WILDSR_MIRROR", site.address)
    assert wildsr("models", "pull", "small-x2").exit_code == 0


def test_pull_without_a_checksum_looks_at_the_weights(
    wildsr: Run, folder: Path, publish: Callable[..., None], site: Site
) -> None:
    publish(sha256=None, size=None)
    done = wildsr("models", "pull", "small-x2")
    assert done.exit_code == 0, done.output
    assert "no checksum" in done.output
    (folder / "small-x2.pth").unlink()
    publish(sha256=None, size=None, scale=4)
    done = wildsr("models", "pull", "small-x2")
    assert done.exit_code == 1
    assert "SRVGGNetCompact x2, but 'small-x2' is SRVGGNetCompact x4" in done.output
    site.content = b"no model at all"
    assert "not a model" in wildsr("models", "pull", "small-x2").output
    assert list(folder.iterdir()) == []


def test_copies_by_others_come_last_and_are_said_to_be_copies(
    wildsr: Run, publish: Callable[..., None], site: Site
) -> None:
    digest = "0" * 64
    publish(
        urls=(site.url("gone.pth"),), copies=(site.url("copy.pth"),), sha256=digest, sizes=(("features", 4),)
    )
    site.moves = [status(404)]
    done = wildsr("models", "pull", "small-x2")
    assert done.exit_code == 0, done.output
    assert [asked.path for asked in site.asked] == ["/gone.pth", "/copy.pth"]
    assert "other bytes than the published file" in done.output
    assert load("small-x2").contract.sha256 != digest


def test_copies_of_another_network_are_refused(
    wildsr: Run, publish: Callable[..., None], site: Site, folder: Path
) -> None:
    publish(urls=(), copies=(site.url("copy.pth"),), sha256="0" * 64, sizes=(("features", 64),))
    done = wildsr("models", "pull", "small-x2")
    assert done.exit_code == 1
    assert "features 4 instead of 64" in done.output
    assert list(folder.iterdir()) == []


def test_what_training_starts_from_can_be_pulled() -> None:
    for name in ("rrdb-psnr-x4", "realsr-dped", "realsr-df2k-jpeg", "fssr-dped", "fssr-jpeg"):
        assert PUBLISHED[name].direct
        assert PUBLISHED[name].architecture == "RRDBNet"


@pytest.fixture
def vgg19(monkeypatch: pytest.MonkeyPatch, site: Site, tmp_path: Path) -> Path:
    """Path of VGG-19 after a download from a local server."""
    monkeypatch.setenv("WILDSR_FEATURES", str(tmp_path / "metrics"))
    digest = hashlib.sha256(site.content).hexdigest()
    source = replace(FILES["vgg19.pth"], urls=(site.url("vgg19.pth"),), digest_start=digest[:8])
    monkeypatch.setitem(FILES, "vgg19.pth", source)
    return tmp_path / "metrics" / "vgg19.pth"


@pytest.mark.parametrize("name", ["vgg19", "vgg19.pth"])
def test_files_for_training_can_be_pulled(wildsr: Run, vgg19: Path, site: Site, name: str) -> None:
    for _ in range(2):
        done = wildsr("models", "pull", name, "small-x2")
        assert done.exit_code == 0, done.output
    assert vgg19.read_bytes() == site.content
    assert len(site.asked) == 2, "each once"


def test_files_for_training_are_verified_by_the_digits_of_their_names(
    wildsr: Run, vgg19: Path, site: Site
) -> None:
    site.content = b"something else"
    done = wildsr("models", "pull", "vgg19")
    assert done.exit_code == 1
    assert "is not vgg19.pth" in done.output
    assert not vgg19.exists()


@pytest.mark.parametrize("name", ["vgg19-keras.h5", "NRQM_model.mat"])
def test_files_for_training_are_verified_by_the_digests_that_are_known(
    wildsr: Run, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("WILDSR_FEATURES", str(tmp_path / "metrics"))
    monkeypatch.setitem(FILES, name, replace(FILES[name], urls=(site.url(name),)))
    stem = name.rpartition(".")[0]
    assert wildsr("models", "pull", stem).exit_code == 1, "another file than the published one"
    blob = b"blob %d\0" % len(site.content) + site.content
    known = {"md5": hashlib.md5(site.content).hexdigest(), "git_blob": hashlib.sha1(blob).hexdigest()}
    stated = {field: value for field, value in known.items() if getattr(FILES[name], field)}
    assert len(stated) == 1
    monkeypatch.setitem(FILES, name, replace(FILES[name], **stated))
    assert wildsr("models", "pull", stem).exit_code == 0
    assert (tmp_path / "metrics" / name).read_bytes() == site.content


def test_the_official_address_of_vgg19_and_the_options_are_named(tmp_path: Path) -> None:
    assert FILES["vgg19.pth"].urls == ("https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",)
    assert FILES["vgg19.pth"].digest_start == "dcbb9e9d"
    with pytest.raises(MissingWeights) as caught:
        find_file(("vgg19.safetensors", "vgg19.pth"), tmp_path)
    for way in ("`wildsr models pull vgg19.pth`", "--features", "WILDSR_FEATURES"):
        assert way in str(caught.value)


# --- add


def test_add_a_published_file(wildsr: Run, folder: Path, file: Path) -> None:
    done = wildsr("models", "add", file, "--as", "small-x2")
    assert done.exit_code == 0, done.output
    assert [path.name for path in folder.iterdir()] == ["small-x2.pth"]
    assert load("small-x2").contract.licence == "BSD-3-Clause"
    assert file.is_file(), "it is copied, not moved"


def test_add_another_file_under_a_published_name(
    wildsr: Run, folder: Path, published: PublishedModel, file: Path
) -> None:
    torch.save(SRVGGNetCompact(4, 1, 2).state_dict(), file)
    done = wildsr("models", "add", file, "--as", "small-x2")
    assert done.exit_code == 2
    assert "is not the published Net_Original.pth" in done.output
    assert str(published.sha256) in done.output
    assert list(folder.iterdir()) == []


def test_add_the_wrong_architecture(
    wildsr: Run, folder: Path, publish: Callable[..., None], tmp_path: Path
) -> None:
    publish(sha256=None)
    torch.save(MSRResNet(features=4, blocks=1, scale=2).state_dict(), tmp_path / "other.pth")
    done = wildsr("models", "add", tmp_path / "other.pth", "--as", "small-x2")
    assert done.exit_code == 2
    assert f"{tmp_path / 'other.pth'} is MSRResNet x2" in done.output
    assert list(folder.iterdir()) == []


def test_add_the_wrong_sizes(wildsr: Run, publish: Callable[..., None], file: Path, folder: Path) -> None:
    publish(sha256=None, sizes=(("convs", 16),))
    done = wildsr("models", "add", file, "--as", "small-x2")
    assert done.exit_code == 2
    assert f"{file} is SRVGGNetCompact of other sizes than 'small-x2': convs 1 instead of 16" in done.output
    assert list(folder.iterdir()) == []


def test_add_ones_own(wildsr: Run, file: Path) -> None:
    assert wildsr("models", "add", file, "--as", "my-scanner").exit_code == 0
    assert load("my-scanner").contract.scale == 2
    assert " yes " in line_of("my-scanner", wildsr("models").output)


@pytest.mark.parametrize("suffix", [".param", ".bin"])
def test_add_both_files_of_an_ncnn_model(wildsr: Run, folder: Path, suffix: str) -> None:
    file = SHARED_WEIGHTS / f"realesr-animevideov3-x4{suffix}"
    if not file.is_file():
        pytest.skip(f"no {file}")
    done = wildsr("models", "add", file, "--as", "anime")
    assert done.exit_code == 0, done.output
    assert sorted(path.name for path in folder.iterdir()) == ["anime.bin", "anime.param"]
    assert load("anime").contract.scale == 4


def test_add_replaces_only_when_told(wildsr: Run, file: Path) -> None:
    assert wildsr("models", "add", file, "--as", "mine").exit_code == 0
    done = wildsr("models", "add", file, "--as", "mine")
    assert done.exit_code == 2
    assert "--overwrite" in done.output
    assert wildsr("models", "add", file, "--as", "mine", "--overwrite").exit_code == 0


@pytest.mark.parametrize("name", ["default", "wildsr-compact-x4", "../evil", "a/b", "", ".hidden", "a b"])
def test_names_that_cannot_be_given(wildsr: Run, folder: Path, file: Path, name: str) -> None:
    assert wildsr("models", "add", file, "--as", name).exit_code == 2
    assert not folder.exists()


@pytest.mark.parametrize("content", [None, b"", b"text"])
def test_add_what_is_no_model(wildsr: Run, folder: Path, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "net.pth"
    if content is not None:
        path.write_bytes(content)
    done = wildsr("models", "add", path, "--as", "mine")
    assert done.exit_code == 2
    assert str(path) in done.output
    assert not folder.exists() or list(folder.iterdir()) == []


def test_own_file_under_a_published_name_makes_no_claims(
    folder: Path,
) -> None:
    folder.mkdir()
    torch.save(SRVGGNetCompact(4, 2, 4).state_dict(), folder / "small-x2.pth")
    contract = load("small-x2").contract
    assert (contract.licence, contract.scale) == ("unknown", 4)
    assert contract.source == str(folder / "small-x2.pth")
