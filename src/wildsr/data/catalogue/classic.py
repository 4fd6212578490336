"""Data sets of sharp images: DIV2K, Flickr2K, and the classic test sets. Imports no torch."""

from wildsr.data.catalogue.published_set import (
    UNKNOWN,
    ImageGroup,
    PairedGroups,
    PublishedSet,
    RemoteFile,
    files_at_commit,
)

_DIV2K = "https://data.vision.ee.ethz.ch/cvl/DIV2K/"
_SELF_EXEMPLARS = ("jbhuang0604/SelfExSR", "8f6dd8c1d20cb7e8792a7177b4f6fd677633f598")


def _classic(
    name: str, folder: str, images: int, paper: str, terms: str, protocols: tuple[str, ...]
) -> PublishedSet:
    return PublishedSet(
        name=name,
        title=f"{folder}: {images} sharp test images, cut to multiples of 4",
        paper=paper,
        page="https://github.com/jbhuang0604/SelfExSR",
        licence=UNKNOWN,
        terms=terms,
        files=files_at_commit(name, *_SELF_EXEMPLARS),
        groups=(
            ImageGroup(
                f"testsets/{folder}",
                rf"(?:.*/)?{folder}/(?:.*/)?(?P<name>img_\d{{3}})(?:_SRF_4_HR)?\.png",
                images,
                "HR",
            ),
        ),
        protocols=protocols,
    )


CLASSIC_SETS = (
    PublishedSet(
        name="div2k",
        title="DIV2K: 800 training and 100 validation images of 2K resolution",
        paper="Agustsson and Timofte, NTIRE 2017 Challenge on Single Image Super-Resolution: Dataset and Study, CVPR "
        "Workshops 2017",
        page=_DIV2K,
        licence=UNKNOWN,
        terms="Published for research; the images belong to their photographers. Read the page before other use.",
        files=(
            RemoteFile(
                "DIV2K_train_HR.zip",
                (f"{_DIV2K}DIV2K_train_HR.zip",),
                "9d0b9c463f6e35b6c62cc6a930ee2224f670b34c1df841a57670f9acf0f6c335",
                3530603713,
                _DIV2K,
            ),
            RemoteFile(
                "DIV2K_valid_HR.zip",
                (f"{_DIV2K}DIV2K_valid_HR.zip",),
                "20dd31fd84d777bc1cf5d6b7654a3f569c0aec74458ae094122ad1d0489900fc",
                448993893,
                _DIV2K,
            ),
            *(
                RemoteFile(name, (f"{_DIV2K}{name}",), by_hand=_DIV2K, optional=True)
                for name in ("DIV2K_train_LR_bicubic_X4.zip", "DIV2K_valid_LR_bicubic_X4.zip")
            ),
        ),
        groups=tuple(
            group
            for split, images in (("train", 800), ("valid", 100))
            for group in (
                ImageGroup(
                    f"{split}/HR", rf"(?:.*/)?DIV2K_{split}_HR/(?P<name>\d{{4}})\.png", images, f"{split}, HR"
                ),
                ImageGroup(
                    f"{split}/LR",
                    rf"(?:.*/)?DIV2K_{split}_LR_bicubic(?:_X4)?/(?:X4/)?(?P<name>\d{{4}})x4\.png",
                    images,
                    f"{split}, downscaled x4 by MATLAB's bicubic",
                    optional=True,
                ),
            )
        ),
        pairs=(PairedGroups("train/LR", "train/HR", 4), PairedGroups("valid/LR", "valid/HR", 4)),
        recipes=(
            "realsr-df2k",
            "edl-ntire",
            "bsrnet-x4",
            "bsrgan-x4",
            "rrdb-psnr",
            "ddnsr-track1",
            "ddnsr-track2-div2k",
        ),
        protocols=("div2k-noise8", "div2k-jpeg30", "ntire2020-track1"),
        notes=("Sizes and SHA-256 of the HR archives are those that TensorFlow Datasets publishes.",),
    ),
    PublishedSet(
        name="flickr2k",
        title="Flickr2K: 2650 images of 2K resolution; with DIV2K, 'DF2K'",
        paper="Lim et al., Enhanced Deep Residual Networks for Single Image Super-Resolution, CVPR Workshops 2017",
        page="https://github.com/LimBee/NTIRE2017",
        licence=UNKNOWN,
        terms="Photos from Flickr, whose licences the set does not state; used for research.",
        files=(
            RemoteFile(
                "Flickr2K.tar",
                ("https://cv.snu.ac.kr/research/EDSR/Flickr2K.tar",),
                by_hand="https://github.com/LimBee/NTIRE2017",
            ),
        ),
        groups=(
            ImageGroup("HR", r"(?:.*/)?Flickr2K_HR/(?P<name>\d{6})\.png", 2650, "HR"),
            ImageGroup(
                "LR",
                r"(?:.*/)?Flickr2K(?:_train)?_LR_bicubic/X4/(?P<name>\d{6})x4\.png",
                2650,
                "downscaled x4 by MATLAB's bicubic",
                optional=True,
            ),
        ),
        pairs=(PairedGroups("LR", "HR", 4),),
        recipes=("realsr-df2k", "bsrnet-x4", "bsrgan-x4", "rrdb-psnr", "dsgan"),
    ),
    _classic(
        "set5",
        "Set5",
        5,
        "Bevilacqua et al., BMVC 2012; this copy: Huang et al., CVPR 2015",
        "Classic research images; no licence is stated.",
        ("classic",),
    ),
    _classic(
        "set14",
        "Set14",
        14,
        "Zeyde et al., LNCS 2010; this copy: Huang et al., CVPR 2015",
        "Classic research images; no licence is stated.",
        ("classic",),
    ),
    _classic(
        "bsd100",
        "BSD100",
        100,
        "Martin et al., ICCV 2001; this copy: Huang et al., CVPR 2015",
        "Research images of the Berkeley segmentation set; no licence is stated.",
        (),
    ),
    _classic(
        "urban100",
        "Urban100",
        100,
        "Huang et al., Single Image Super-Resolution from Transformed Self-Exemplars, CVPR 2015",
        "Photos from Flickr; the repository states no licence.",
        (),
    ),
    PublishedSet(
        name="kodak",
        title="Kodak: 24 photos of 768x512",
        paper="Kodak Lossless True Color Image Suite",
        page="https://r0k.us/graphics/kodak/",
        licence="unrestricted use, as its page says",
        terms="Released by Eastman Kodak.",
        files=tuple(
            RemoteFile(
                f"kodim{index:02}.png",
                (f"https://r0k.us/graphics/kodak/kodak/kodim{index:02}.png",),
                by_hand="https://r0k.us/graphics/kodak/",
            )
            for index in range(1, 25)
        ),
        groups=(ImageGroup("testsets/Kodak24", r"(?:.*/)?(?P<name>kodim\d{2})\.png", 24, "HR"),),
        protocols=("classic",),
        notes=("No checksum is published; whether each file is a whole PNG image is checked instead.",),
    ),
)
