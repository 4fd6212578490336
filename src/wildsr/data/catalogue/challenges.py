"""The data sets of the NTIRE 2020 and AIM 2019 real-world challenges, and DPED. Imports no torch."""

from wildsr.data.catalogue.published_set import UNKNOWN, ImageGroup, PairedGroups, PublishedSet, RemoteFile

_NTIRE_FILES = "https://data.vision.ee.ethz.ch/alugmayr/NTIRE2019/public/"
_NTIRE_PAGE = "https://competitions.codalab.org/competitions/22220#participate"
_NTIRE_PAPER = (
    "Lugmayr et al., NTIRE 2020 Challenge on Real-World Image Super-Resolution: Methods and Results, CVPR Workshops "
    "2020 (arXiv:2005.01996)"
)
_NTIRE_NOTE = (
    "Users reported in August 2020 that the addresses of the challenge no longer answer (github.com/jixiaozhong/"
    "RealSR, issue 18). In that case, register on the challenge's page and download in a browser."
)
_COPY_NOTE = (
    "The authors of KDSR name a folder with copies of this set (github.com/Zj-BinXia/KDSR, issue 7): "
    "https://drive.google.com/drive/u/1/folders/1P5x8wuty3IVj7aKoDe6uZy9pA19S9rrQ; nobody has verified it for wildsr."
)


def _challenge_file(name: str, browser: str = _NTIRE_PAGE) -> RemoteFile:
    return RemoteFile(name, (f"{_NTIRE_FILES}{name}",), by_hand=browser)


def _drive(identity: str) -> str:
    return f"https://drive.google.com/open?id={identity}"


def _folder(folder: str, images: int | None = None, about: str = "", target: str = "") -> ImageGroup:
    return ImageGroup(
        target or folder,
        rf"(?:.*/)?{folder}/(?:.*/)?(?P<name>[^/]+)\.[a-z]+",
        images,
        about,
        optional=True,
    )


CHALLENGE_SETS = (
    PublishedSet(
        name="ntire2020-track1",
        title="NTIRE 2020 real-world super-resolution, track 1: image processing artifacts",
        paper=_NTIRE_PAPER,
        page=_NTIRE_PAGE,
        licence=UNKNOWN,
        terms="The challenge's page asks for registration; its terms are not repeated in the originals' READMEs.",
        files=(
            _challenge_file("Corrupted-tr-x.zip"),
            _challenge_file("Corrupted-tr-y.zip"),
            _challenge_file("Corrupted-va-x.zip"),
            _challenge_file("Corrupted-te-x.zip", _drive("1GrLxeE-LruddQoAePV1Z7MFclXdZWHMa")),
        ),
        groups=(
            _folder(
                "Corrupted-tr-x",
                None,
                "source: degraded images (names such as Flickr2K_000058)",
                "train-source",
            ),
            _folder("Corrupted-tr-y", None, "target: clean images, unpaired", "train-target"),
            _folder("Corrupted-va-x", None, "validation input", "valid/LR"),
            _folder("DIV2K_valid_HR", None, "validation ground truth: DIV2K's validation images", "valid/HR"),
            _folder("Corrupted-te-x", None, "test input; the ground truth was not published", "test/LR"),
        ),
        pairs=(PairedGroups("valid/LR", "valid/HR", 4),),
        recipes=("realsr-df2k", "edl-ntire", "dsgan", "srrescgan", "ddnsr-track1"),
        protocols=("ntire2020-track1",),
        notes=(
            _NTIRE_NOTE,
            _COPY_NOTE,
            "The ground truth of the validation images is DIV2K_valid_HR (`wildsr data pull div2k`): put or link that "
            "folder beside Corrupted-va-x.",
        ),
    ),
    PublishedSet(
        name="ntire2020-track2",
        title="NTIRE 2020 real-world super-resolution, track 2: smartphone images (from DPED)",
        paper=_NTIRE_PAPER,
        page=_NTIRE_PAGE,
        licence=UNKNOWN,
        terms="The challenge's page asks for registration; its terms are not repeated in the originals' READMEs.",
        files=(
            _challenge_file("DPEDiphone-tr-x.zip"),
            _challenge_file("DPEDiphone-tr-y.zip"),
            _challenge_file("DPEDiphone-va.zip"),
            _challenge_file("DPEDiphone-crop-te-x.zip", _drive("19zlofWRxkhsjf_TuRA2oI9jgozifGvxp")),
        ),
        groups=(
            _folder("DPEDiphone-tr-x", None, "source: photos of a phone", "train-source"),
            _folder("DPEDiphone-tr-y", None, "target: clean images, unpaired", "train-target"),
            _folder("DPEDiphone-va", None, "validation input, without ground truth", "valid/LR"),
            _folder("DPEDiphone-crop-te-x", None, "test input, without ground truth", "test/LR"),
        ),
        recipes=("realsr-dped", "ddnsr-track2-cleanup", "ddnsr-track2-div2k", "ddnsr-track2-mixed"),
        protocols=("ntire2020-track2",),
        notes=(_NTIRE_NOTE, _COPY_NOTE),
    ),
    PublishedSet(
        name="aim2019",
        title="AIM 2019 real-world super-resolution",
        paper="Lugmayr et al., AIM 2019 Challenge on Real-World Image Super-Resolution: Methods and Results, ICCV "
        "Workshops 2019 (arXiv:1911.07783)",
        page="http://www.vision.ee.ethz.ch/aim19/",
        licence=UNKNOWN,
        terms="Unknown; see the page of the challenge.",
        files=tuple(
            RemoteFile(f"{name}.zip", by_hand="http://www.vision.ee.ethz.ch/aim19/")
            for name in ("train-source-noisy", "train-target-clean", "valid-input-noisy", "valid-gt-clean")
        ),
        groups=(
            _folder("(?:train-source-noisy|TrainingSource)", None, "source: degraded images", "train-source"),
            _folder(
                "(?:train-target-clean|DIV2K_train_HR)",
                None,
                "target: clean images, unpaired",
                "train-target",
            ),
            _folder("valid-input-noisy", None, "validation input", "valid/LR"),
            _folder("valid-gt-clean", None, "validation ground truth", "valid/HR"),
        ),
        pairs=(PairedGroups("valid/LR", "valid/HR", 4),),
        recipes=("edl-aim", "dsgan"),
        protocols=("aim2019",),
        notes=(
            "No direct address is given in the originals' repositories. The folders valid-input-noisy and "
            "valid-gt-clean are named in RWSR-EDL's train_aim.yml, TrainingSource in DSGAN's paths.yml; the names of "
            "the archives are assumed from these.",
            _COPY_NOTE,
        ),
    ),
    PublishedSet(
        name="dped",
        title="DPED: photos of three phones and a DSLR camera of the same scenes",
        paper="Ignatov et al., DSLR-Quality Photos on Mobile Devices with Deep Convolutional Networks, ICCV 2017 "
        "(arXiv:1704.02470)",
        page="http://people.ee.ethz.ch/~ihnatova/#dataset",
        licence=UNKNOWN,
        terms="The page asks to fill in a form before downloading; its terms apply.",
        files=(RemoteFile("dped.tar.gz", by_hand="http://people.ee.ethz.ch/~ihnatova/#dataset"),),
        groups=tuple(
            ImageGroup(
                f"{phone}/{target}",
                rf"(?:.*/)?{phone}/(?:{places})/(?:.*/)?(?P<name>[^/]+)\.[a-z]+",
                None,
                about,
                optional=True,
            )
            for phone in ("iphone", "sony", "blackberry")
            for target, places, about in (
                ("train", rf"training_data/{phone}", "training patches of the phone"),
                ("train-canon", "training_data/canon", "the same scenes by the DSLR camera"),
                (
                    "test",
                    rf"test_data/(?:patches|full_size_test_images)/?{phone}?",
                    "test photos of the phone",
                ),
            )
        ),
        recipes=("realsr-dped", "dsgan", "ddnsr-track2-canon"),
        protocols=("dped",),
        notes=(
            "A form of the authors sends the address (people also used https://goo.gl/forms/f7fCuEyhLXttSrA72, "
            "github.com/IVRL/Kernel-Modeling-Super-Resolution, issue 12). The name of the archive is unknown; give "
            "what you got with `wildsr data pull dped --archive FILE`.",
            "The set holds sub-folders sony, iphone and blackberry (README of github.com/aiff22/DPED).",
        ),
    ),
)
