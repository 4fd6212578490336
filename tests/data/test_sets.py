"""Published data sets: downloading from a server on this machine, checking and arranging, in the real layouts."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch

from archives import make_tar, make_zip
from image_folders import damage, photograph, save
from web_server import Site, cut, serving, status, whole
from wildsr.data.catalogue.published import PUBLISHED_SETS, describe_set
from wildsr.data.catalogue.published_set import ImageGroup, PublishedSet, RemoteFile
from wildsr.data.errors import DataError
from wildsr.data.sets.check import check_set
from wildsr.data.sets.layout import lay_out
from wildsr.data.sets.pull import pull_set, steps_by_hand
from wildsr.data.sets.unpack import is_archive
from wildsr.recipes.builtin import RECIPES
from wildsr.zoo.download.transfer import Patience

QUICK = Patience(timeout=5, attempts=3, pause=0.01)


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that a web server on this machine serves as the mirror of data sets."""
    folder = tmp_path / "mirror"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("WILDSR_DATA_MIRROR", f"http://127.0.0.1:{server.server_address[1]}/")
    monkeypatch.setenv("no_proxy", "*")
    yield folder
    server.shutdown()
    server.server_close()


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "*")
    with serving() as site:
        yield site


def png(folder: Path, number: int, height: int, width: int) -> bytes:
    return save(
        folder / f"made-{number}-{height}-{width}.png", photograph(number, height, width)
    ).read_bytes()


def small_set(*files: RemoteFile) -> PublishedSet:
    return PublishedSet(
        "small",
        "a set",
        "",
        "https://page",
        "none",
        "",
        files,
        (ImageGroup("HR", r"(?:.*/)?(?P<name>\d+)\.png"),),
    )


def test_every_entry_is_consistent() -> None:
    for name, one in PUBLISHED_SETS.items():
        assert one.name == name
        assert one.title
        assert one.page.startswith("http")
        assert one.licence
        assert set(one.recipes) <= set(RECIPES), name
        groups = [group.folder for group in one.groups]
        assert len(set(groups)) == len(groups)
        for pair in one.pairs:
            assert {pair.lr, pair.hr} <= set(groups)
        for group in one.groups:
            assert "name" in re.compile(group.match).groupindex
        places = [file.path for file in one.files]
        assert len(set(places)) == len(places)
        for file in one.files:
            assert file.urls or file.by_hand.startswith("http")
            assert all(url.startswith("https://") for url in file.urls)
            assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)
            # The unverified single files are those that are checked for being PNG.
            assert file.sha256 or is_archive(file.name) or file.name.endswith(".png")


def test_every_listed_image_belongs_to_a_group() -> None:
    for one in PUBLISHED_SETS.values():
        images = [file.path for file in one.files if not is_archive(file.name)]
        found = {
            group.folder: {
                match["name"] for place in images if (match := re.fullmatch(group.match, place, re.I))
            }
            for group in one.groups
        }
        assert sum(map(len, found.values())) == len(images), one.name
        if images:
            assert {name: len(names) for name, names in found.items()} == {
                group.folder: group.images for group in one.groups
            }


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(DataError, match="did you mean city100"):
        describe_set("City-100")


def test_archives_are_verified_unpacked_and_removed(tmp_path: Path, site: Site) -> None:
    archive = make_zip(tmp_path / "one.zip", {"one/0001.png": b"image"})
    site.content = archive.read_bytes()
    digest = hashlib.sha256(site.content).hexdigest()
    one = small_set(RemoteFile("one.zip", (site.url("one.zip"),), digest, len(site.content)))
    pulled = pull_set(one, tmp_path / "set", patience=QUICK)
    assert (pulled.done, pulled.by_hand, pulled.failed) == (("one.zip",), (), {})
    assert (tmp_path / "set" / "one" / "0001.png").read_bytes() == b"image"
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [".wildsr-data.json", "one"]
    asked = len(site.asked)
    pull_set(one, tmp_path / "set", patience=QUICK)
    assert len(site.asked) == asked, "what is there is not downloaded again"


def test_goes_on_where_it_stopped(tmp_path: Path, site: Site) -> None:
    archive = make_tar(tmp_path / "one.tar", {f"{index}.png": bytes(3000) for index in range(9)})
    site.content = archive.read_bytes()
    site.moves = [cut(10_000), status(404)]
    digest = hashlib.sha256(site.content).hexdigest()
    one = small_set(RemoteFile("one.tar", (site.url("one.tar"),), digest, len(site.content)))
    first = pull_set(one, tmp_path / "set", patience=QUICK)
    assert "404" in first.failed["one.tar"]
    assert not (tmp_path / "set" / "one").exists()
    pull_set(one, tmp_path / "set", patience=QUICK)
    assert site.asked[-1].range == "bytes=10000-"
    assert len(list((tmp_path / "set" / "one").iterdir())) == 9


def test_another_file_than_the_published_one_is_refused(tmp_path: Path, site: Site) -> None:
    site.content = make_zip(tmp_path / "one.zip", {"0001.png": b"image"}).read_bytes()
    one = small_set(RemoteFile("one.zip", (site.url("one.zip"),), "0" * 64))
    pulled = pull_set(one, tmp_path / "set", patience=QUICK)
    assert "not the published file" in pulled.failed["one.zip"]
    assert not (tmp_path / "set" / "one").exists()


def test_a_damaged_archive_without_checksum_leaves_nothing(tmp_path: Path, site: Site) -> None:
    content = make_zip(tmp_path / "one.zip", {"0001.png": b"image" * 99}).read_bytes()
    site.content = content[: len(content) // 2]
    one = small_set(RemoteFile("one.zip", (site.url("one.zip"),)))
    pulled = pull_set(one, tmp_path / "set", patience=QUICK)
    assert "damaged or incomplete" in pulled.failed["one.zip"]
    assert not (tmp_path / "set" / "one").exists()
    site.content = content
    site.moves = [whole]
    assert pull_set(one, tmp_path / "set", patience=QUICK).done == ("one.zip",)


def test_single_images_are_checked_where_no_checksum_is_known(tmp_path: Path, mirror: Path) -> None:
    kodak = replace(describe_set("kodak"), files=describe_set("kodak").files[:2])
    (mirror / "kodak").mkdir()
    (mirror / "kodak" / "kodim01.png").write_bytes(png(tmp_path, 0, 32, 48))
    (mirror / "kodak" / "kodim02.png").write_bytes(png(tmp_path, 1, 32, 48)[:-20])
    kodak = replace(kodak, files=tuple(replace(file, urls=()) for file in kodak.files))
    pulled = pull_set(kodak, tmp_path / "set", patience=QUICK)
    assert pulled.done == ("kodim01.png",)
    assert "not a complete PNG" in pulled.failed["kodim02.png"]
    assert sorted(path.name for path in (tmp_path / "set").glob("*.png")) == ["kodim01.png"]


def test_verified_single_files_keep_their_places(tmp_path: Path, mirror: Path) -> None:
    city = describe_set("city100")
    content = png(tmp_path, 0, 32, 48)
    file = replace(city.files[0], urls=(), sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    place = mirror / "city100" / file.path
    place.parent.mkdir(parents=True)
    place.write_bytes(content)
    pull_set(replace(city, files=(file,)), tmp_path / "set", patience=QUICK)
    assert (tmp_path / "set" / file.path).read_bytes() == content


def test_what_needs_a_browser_is_told_step_by_step(tmp_path: Path) -> None:
    realsr = describe_set("realsr")
    pulled = pull_set(realsr, tmp_path / "set")
    assert [file.name for file in pulled.by_hand] == ["RealSR(V3).tar.gz"]
    steps = steps_by_hand(realsr, tmp_path / "set", pulled.by_hand)
    assert "https://drive.google.com/open?id=17ZMjo-zwFouxnm_aFM6CUHBwgRrLZqIM" in steps[0]
    assert '--archive "RealSR(V3).tar.gz"' in steps[1]
    assert str(tmp_path / "set") in steps[1]


def test_what_a_person_downloaded_is_unpacked_whatever_its_name(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "my download.tar", realsr_files(tmp_path, 2))
    pulled = pull_set(describe_set("realsr"), tmp_path / "set", archives=[archive])
    assert pulled.by_hand == ()
    assert archive.is_file()
    assert check_set(describe_set("realsr"), tmp_path / "set").counts["test-x4/HR"] == 4
    with pytest.raises(DataError, match="no file"):
        pull_set(describe_set("realsr"), tmp_path / "set", archives=[tmp_path / "missing.zip"])


def test_a_wrong_archive_of_a_person_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "DIV2K_valid_HR.zip", {"DIV2K_valid_HR/0801.png": b"x"})
    with pytest.raises(DataError, match="has 448993893"):
        pull_set(describe_set("div2k"), tmp_path / "set", archives=[archive])


def test_unknown_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no file 'x.zip'; it has DIV2K_train_HR.zip"):
        pull_set(describe_set("div2k"), tmp_path / "set", only=["x.zip"])


def realsr_files(tmp_path: Path, scenes: int) -> dict[str, bytes]:
    files = {}
    for camera in ("Canon", "Nikon"):
        for index in range(1, scenes + 1):
            place = f"RealSR(V3)/{camera}/Test/4/{camera}_{index:03}"
            files[f"{place}_HR.png"] = png(tmp_path, index, 64, 48)
            files[f"{place}_LR4.png"] = png(tmp_path, index, 16, 12)
    return files


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for place, content in files.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(content)
    return folder


def layouts(tmp_path: Path) -> dict[str, dict[str, bytes]]:
    """A few images of every data set, named and placed as published."""
    hr, lr = png(tmp_path, 0, 64, 48), png(tmp_path, 0, 16, 12)
    return {
        "ntire2020-track1": {
            "Corrupted-tr-x/Flickr2K_000058.png": hr,
            "Corrupted-tr-y/0001.png": hr,
            "Corrupted-va-x/0801.png": lr,
            "DIV2K_valid_HR/0801.png": hr,
            "Corrupted-te-x/0901.png": lr,
        },
        "ntire2020-track2": {"DPEDiphone-tr-x/1.png": hr, "DPEDiphone-crop-te-x/2.png": lr},
        "aim2019": {
            "valid-input-noisy/0801.png": lr,
            "valid-gt-clean/0801.png": hr,
            "TrainingSource/1.png": hr,
        },
        "dped": {"dped/iphone/training_data/iphone/0.png": hr, "dped/iphone/training_data/canon/0.png": hr},
        "realsr": realsr_files(tmp_path, 1),
        "drealsr": {
            "DRealSR/Test_x4/test_HR/sony_160_x4.png": hr,
            "DRealSR/Test_x4/test_LR/sony_160_x1.png": lr,
        },
        "city100": {"City100/City100_NikonD5500/001H.PNG": hr, "City100/City100_NikonD5500/001L.PNG": hr},
        "realsrset": {"testsets/RealSRSet/dog.png": lr},
        "div2k": {"DIV2K_valid_HR/0801.png": hr, "DIV2K_valid_LR_bicubic_X4/X4/0801x4.png": lr},
        "flickr2k": {
            "Flickr2K/Flickr2K_HR/000001.png": hr,
            "Flickr2K/Flickr2K_LR_bicubic/X4/000001x4.png": lr,
        },
        **{
            folder.lower(): {f"data/{folder}/image_SRF_4/img_001_SRF_4_HR.png": hr}
            for folder in ("Set5", "Set14", "BSD100", "Urban100")
        },
        "kodak": {"kodim01.png": hr},
    }


def test_every_layout_is_recognised_and_arranged(tmp_path: Path) -> None:
    cases = layouts(tmp_path)
    assert set(cases) == set(PUBLISHED_SETS)
    for name, files in cases.items():
        one = describe_set(name)
        folder = write_files(tmp_path / "as-published" / name, files)
        checked = check_set(one, folder)
        assert sum(checked.counts.values()) == len(files), name
        faults = [problem for problem in checked.problems if "were published" not in problem]
        # A part of a set lacks groups; nothing else may be wrong with it.
        assert all("no image is there" in fault for fault in faults), (name, faults)
        arranged = lay_out(one, folder, tmp_path / "data")
        assert sum(arranged.folders.values()) == len(files)
        lay_out(one, folder, tmp_path / "data")
        for pair in one.pairs:
            lrs, hrs = (tmp_path / "data" / "sets" / name / side for side in (pair.lr, pair.hr))
            if lrs.is_dir():
                assert [path.name for path in lrs.iterdir()] == [path.name for path in hrs.iterdir()]
    assert (tmp_path / "data" / "testsets" / "Set5" / "img_001.png").read_bytes() == cases["set5"][
        "data/Set5/image_SRF_4/img_001_SRF_4_HR.png"
    ]
    assert (tmp_path / "data/sets/realsr/test-x4/LR/Canon_001.png").is_file()


def test_the_folder_itself_may_be_the_one_with_the_name(tmp_path: Path) -> None:
    files = layouts(tmp_path)["city100"]
    folder = write_files(tmp_path / "set", files)
    checked = check_set(describe_set("city100"), folder / "City100" / "City100_NikonD5500")
    assert checked.counts["nikon/HR"] == 1


def test_check_finds_what_is_wrong(tmp_path: Path) -> None:
    files = realsr_files(tmp_path, 3)
    folder = write_files(tmp_path / "set", files)
    place = folder / "RealSR(V3)" / "Canon" / "Test" / "4"
    (place / "Canon_001_LR4.png").unlink()
    damage(place / "Canon_002_HR.png")
    save(place / "Canon_003_LR4.png", torch.zeros(3, 15, 12))
    problems = check_set(describe_set("realsr"), folder).problems
    assert any("test-x4/HR: 'Canon_001' has no partner" in problem for problem in problems)
    assert any("Canon_002_HR.png" in problem for problem in problems)
    assert any("Canon_003_LR4.png is 12x15" in problem and "not x4" in problem for problem in problems)
    assert any("test-x4/HR: 6 images are there, 100 were published" in problem for problem in problems)
    headers = check_set(describe_set("realsr"), folder, headers_only=True).problems
    assert len(headers) == len(problems) - 1, "an image that breaks off has a sound header"


def test_check_and_layout_of_another_folder(tmp_path: Path) -> None:
    save(tmp_path / "photos" / "mine.jpg", photograph(0, 32, 32))
    assert "holds no image that is named" in check_set(describe_set("div2k"), tmp_path / "photos").problems[0]
    with pytest.raises(DataError, match="wildsr data show div2k"):
        lay_out(describe_set("div2k"), tmp_path / "photos", tmp_path / "out")
    with pytest.raises(DataError, match="wildsr data pull div2k"):
        check_set(describe_set("div2k"), tmp_path / "missing")


def test_layout_never_replaces_other_files(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", layouts(tmp_path)["kodak"])
    save(tmp_path / "data/testsets/Kodak24/kodim01.png", photograph(2, 32, 32))
    with pytest.raises(DataError, match="is another file"):
        lay_out(describe_set("kodak"), folder, tmp_path / "data")


def test_two_copies_of_a_set_are_told_apart(tmp_path: Path) -> None:
    files = layouts(tmp_path)["kodak"]
    write_files(tmp_path / "set" / "one", files)
    folder = write_files(tmp_path / "set" / "two", files).parent
    assert "has the name of another image" in check_set(describe_set("kodak"), folder).problems[0]
    with pytest.raises(DataError, match="one copy"):
        lay_out(describe_set("kodak"), folder, tmp_path / "data")
