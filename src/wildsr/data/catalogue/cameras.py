"""Data sets of real cameras: RealSR, DRealSR, City100, RealSRSet. Imports no torch."""

from wildsr.data.catalogue.published_set import (
    UNKNOWN,
    ImageGroup,
    PairedGroups,
    PublishedSet,
    RemoteFile,
    files_at_commit,
)

_SCALES = (2, 3, 4)


def _drive(identity: str) -> str:
    return f"https://drive.google.com/open?id={identity}"


def _realsr_groups() -> tuple[ImageGroup, ...]:
    """Version 3's names: ``Canon/Test/4/Canon_001_HR.png`` and ``Canon_001_LR4.png``."""
    groups = []
    for split, images in (("train", None), ("test", 100)):
        for scale in _SCALES:
            place = rf"(?:.*/)?(?:Canon|Nikon)/{split}/{scale}/(?P<name>[^/]+)_"
            about = f"{split}, x{scale}, both cameras"
            known = images if scale == 4 else None
            groups += [
                ImageGroup(f"{split}-x{scale}/HR", rf"{place}HR\.png", known, about, scale != 4),
                ImageGroup(f"{split}-x{scale}/LR", rf"{place}LR{scale}\.png", known, about, scale != 4),
            ]
    return tuple(groups)


def _drealsr_groups() -> tuple[ImageGroup, ...]:
    """Names such as ``Test_x4/test_HR/sony_160_x4.png`` and ``Test_x4/test_LR/sony_160_x1.png``."""
    groups = []
    for split in ("train", "test"):
        for scale in _SCALES:
            place = rf"(?:.*/)?{split}_x{scale}/(?:{split}_)?"
            images = 93 if (split, scale) == ("test", 4) else None
            groups += [
                ImageGroup(
                    f"{split}-x{scale}/{side}",
                    rf"{place}{side}/(?P<name>[^/]+?)(?:_x\d)?\.[a-z]+",
                    images,
                    f"{split}, x{scale}",
                    optional=True,
                )
                for side in ("HR", "LR")
            ]
    return tuple(groups)


CAMERA_SETS = (
    PublishedSet(
        name="realsr",
        title="RealSR, version 3: the same scenes at several focal lengths (Canon 5D3, Nikon D810)",
        paper="Cai et al., Toward Real-World Single Image Super-Resolution: A New Benchmark and a New Model, ICCV 2019",
        page="https://github.com/csjcai/RealSR",
        licence=UNKNOWN,
        terms="The repository states no licence; ask the authors before using it for more than research.",
        files=(
            RemoteFile("RealSR(V3).tar.gz", by_hand=_drive("17ZMjo-zwFouxnm_aFM6CUHBwgRrLZqIM")),
            RemoteFile(
                "RealSR(V2).tar.gz", by_hand=_drive("1dEBRo_1HH6Yk9zrchEg_JTRi-Uhmd-sj"), optional=True
            ),
            RemoteFile("RealSR.tar.gz", by_hand=_drive("1gKnm9BdgyqISCTDAbGbpVitT-QII_unw"), optional=True),
        ),
        groups=_realsr_groups(),
        pairs=tuple(
            PairedGroups(f"{split}-x{scale}/LR", f"{split}-x{scale}/HR", scale)
            for split in ("train", "test")
            for scale in _SCALES
        ),
        protocols=("realsr",),
        notes=(
            "559 scenes, 459 for training and 100 for testing. In versions 1 (234 scenes) and 2 LR has the size of HR; "
            "wildsr's groups and protocol are those of version 3, where LR is smaller.",
            "The names of the archives are assumed; give what you got with `wildsr data pull realsr --archive FILE`.",
            "Also on Baidu: https://pan.baidu.com/s/1dn4q-7E2_iJkNXx4MPdVng (code 2n93).",
        ),
    ),
    PublishedSet(
        name="drealsr",
        title="DRealSR: large-scale pairs of five DSLR cameras, x2 to x4",
        paper="Wei et al., Component Divide-and-Conquer for Real-World Image Super-Resolution, ECCV 2020",
        page="https://github.com/xiezw5/Component-Divide-and-Conquer-for-Real-World-Image-Super-Resolution",
        licence=UNKNOWN,
        terms="The repository states no licence; ask the authors before using it for more than research.",
        files=(
            RemoteFile(
                "DRealSR.zip",
                by_hand="https://drive.google.com/drive/folders/1tP5m4k1_shFT6Dcw31XV8cWHtblGmbOk?usp=sharing",
            ),
        ),
        groups=_drealsr_groups(),
        pairs=tuple(
            PairedGroups(f"{split}-x{scale}/LR", f"{split}-x{scale}/HR", scale)
            for split in ("train", "test")
            for scale in _SCALES
        ),
        notes=(
            "The authors count 31970 training patches of 192x192 and 93 test pairs (x4).",
            "A folder on Google Drive: a browser packs it into one or several archives, whose names are unknown; give "
            "each with `wildsr data pull drealsr --archive FILE`. Also on Baidu: "
            "https://pan.baidu.com/s/1ey9JF4S5wLnE5Iw5z67R8A (code osiy).",
        ),
    ),
    PublishedSet(
        name="city100",
        title="City100 (CameraSR): 100 city scenes by a Nikon D5500 and an iPhone X, near and far",
        paper="Chen et al., Camera Lens Super-Resolution, CVPR 2019",
        page="https://github.com/ngchc/CameraSR",
        licence="MIT",
        terms="The licence of the repository that holds the images.",
        files=files_at_commit("city100", "ngchc/CameraSR", "336cac11f5ba409134b2bc5165e9ad6aa4a07e65"),
        groups=tuple(
            ImageGroup(
                f"{camera}/{side}",
                rf"(?:.*/)?{folder}/(?P<name>\d{{3}}){side[0]}\.png",
                100,
                f"{title}, {about}, {size}",
            )
            for camera, folder, title, size in (
                ("nikon", "City100_NikonD5500", "Nikon D5500", "1218x870"),
                ("iphone", "City100_iPhoneX", "iPhone X", "840x600"),
            )
            for side, about in (("HR", "the sharper exposure"), ("LR", "the same scene on the same grid"))
        ),
        pairs=(PairedGroups("nikon/LR", "nikon/HR", 1), PairedGroups("iphone/LR", "iphone/HR", 1)),
        protocols=("camerasr",),
        notes=(
            "LR and HR have the same size. The authors' own test scenes are 001, 016, 048, 060 and 098.",
            "The raw files (10 GB) lie at an address that the repository names; wildsr does not use them.",
        ),
    ),
    PublishedSet(
        name="realsrset",
        title="RealSRSet: 20 real low-quality photos without ground truth",
        paper="Zhang et al., Designing a Practical Degradation Model for Deep Blind Image Super-Resolution, ICCV 2021",
        page="https://github.com/cszn/BSRGAN/tree/main/testsets",
        licence="Apache-2.0 (the repository's)",
        terms="The images come from other sources, whose rights the repository does not discuss.",
        files=files_at_commit("realsrset", "cszn/BSRGAN", "5ce1a9c6ae292f30ccfce4b597ecb73c70401733"),
        groups=(ImageGroup("testsets/RealSRSet", r"(?:.*/)?RealSRSet/(?P<name>[^/]+)\.png", 20, "input"),),
        protocols=("real", "bsrgan"),
    ),
)
