"""The published model files that wildsr knows by name. Imports no torch.

Every address is in the project's own README or code, or in BSRGAN's, which offers copies of the models it compares
with. Every SHA-256 was computed from the file, or is the one recorded by other projects that verify the same download
(for RealSR and BSRGANx2 only the Open Model Database). Unknown facts are omitted. RWSR-EDL publishes no weights.
"""

from wildsr.zoo.catalogue.published_esrgan import ESRGAN_CHECKPOINTS, RRDB_SIZES
from wildsr.zoo.catalogue.published_model import Project, PublishedModel

_REALSR = Project(
    paper="Ji et al., Real-World Super-Resolution via Kernel Estimation and Noise Injection, CVPR Workshops 2020",
    repository="https://github.com/jixiaozhong/RealSR",
    licence="Apache-2.0",
    commercial="yes",
)
_BSRGAN = Project(
    paper="Zhang et al., Designing a Practical Degradation Model for Deep Blind Image Super-Resolution, ICCV 2021",
    repository="https://github.com/cszn/BSRGAN",
    licence="Apache-2.0",
    commercial="yes",
)
_SRRESCGAN = Project(
    paper="Umer et al., Deep Generative Adversarial Residual Convolutional Networks for Real-World "
    "Super-Resolution, CVPR Workshops 2020",
    repository="https://github.com/RaoUmer/SRResCGAN",
    licence="MIT",
    commercial="yes",
)
_SRRESCYCGAN = Project(
    paper="Umer and Micheloni, Deep Cyclic Generative Adversarial Residual Convolutional Networks for Real Image "
    "Super-Resolution, ECCV Workshops 2020",
    repository="https://github.com/RaoUmer/SRResCycGAN",
    licence="MIT",
    commercial="yes",
)
_FREQUENCY_SEPARATION = Project(
    paper="Fritsche et al., Frequency Separation for Real-World Super-Resolution, ICCV Workshops 2019",
    repository="https://github.com/ManuelFritsche/real-world-sr",
    licence="MIT",
    commercial="yes",
)
_DDNSR = Project(
    paper="Li et al., DDNSR: A Dual-Input Degradation Network for Real-World Super-Resolution",
    repository="https://github.com/muys1845/DDNSR",
    licence="none stated",
    commercial="unknown",
)

_KAIR = "https://github.com/cszn/KAIR/releases/download/v1.0/"
_SRRESCGAN_FILES = (
    "https://raw.githubusercontent.com/RaoUmer/SRResCGAN/cfb4217428b6b9baf39aa0ef28a33641e9f7d1ae/"
)
_FREQUENCY_SEPARATION_FILES = "https://data.vision.ee.ethz.ch/timofter/FrequencySeparationRWSR/checkpoints/"
_DDNSR_PAGE = "https://www.jianguoyun.com/p/DTEWcuUQ7cO4CxjagvwEIAA"


def _frequency_separation() -> tuple[PublishedModel, ...]:
    """DSGAN (the degradation) and ESRGAN-FS (the upscaler), one pair per kind of source."""
    sources = {
        "df2k-gaussian": ("DF2K_gaussian", "Gaussian noise (sigma 8)"),
        "df2k-jpeg": ("DF2K_jpeg", "JPEG compression (quality 30)"),
        "dped": ("DPED", "the look of an old phone"),
        "aim2019": ("AIM2019", "the corruption of the AIM 2019 challenge"),
    }
    upscalers = [
        PublishedModel(
            name=f"esrgan-fs-{source}-{domain.lower()}",
            file=f"{stem}_{domain}.pth",
            project=_FREQUENCY_SEPARATION,
            architecture="RRDBNet",
            scale=4,
            good_at=f"images with {what}, {result}",
            urls=(f"{_FREQUENCY_SEPARATION_FILES}ESRGAN-FS/{stem}_{domain}.pth",),
            sizes=RRDB_SIZES,
        )
        for source, (stem, what) in sources.items()
        for domain, result in (("SDSR", "kept in the result"), ("TDSR", "removed in the result"))
    ]
    degradations = [
        PublishedModel(
            name=f"dsgan-{source}",
            file=f"{stem}.tar",
            project=_FREQUENCY_SEPARATION,
            architecture="DSGAN",
            scale=1,
            good_at=f"giving {what} to clean images",
            urls=(f"{_FREQUENCY_SEPARATION_FILES}DSGAN/{stem}.tar",),
            sizes=(("features", 64), ("blocks", 8)),
        )
        for source, (stem, what) in sources.items()
    ]
    # BSRGAN compares with these two; it does not say which of both variants (SDSR, TDSR) they are.
    compared = [
        PublishedModel(
            name=f"fssr-{source}",
            file=f"FSSR_{source.upper()}.pth",
            project=_FREQUENCY_SEPARATION,
            architecture="RRDBNet",
            scale=4,
            good_at=f"images with {what}; the copy that BSRGAN compares with",
            urls=(f"{_KAIR}FSSR_{source.upper()}.pth",),
            sizes=RRDB_SIZES,
        )
        for source, what in (("dped", "the look of an old phone"), ("jpeg", "JPEG compression"))
    ]
    return (*upscalers, *degradations, *compared)


def _drive(identity: str) -> str:
    return f"https://drive.google.com/file/d/{identity}/view"


_CHECKPOINTS = (
    PublishedModel(
        name="realsr-df2k",
        file="DF2K.pth",
        project=_REALSR,
        architecture="RRDBNet",
        scale=4,
        good_at="images with noise from processing (NTIRE 2020, track 1)",
        page=_drive("1pWGfSw-UxOkrtbh14GeLQgYnMLdLguOF"),
        sha256="a3df4ebdb3ff9fba08133b69fcfdd7965793957036c2b1a648d8440e737c39ac",
        size=66921375,
    ),
    PublishedModel(
        name="realsr-dped",
        file="DPED.pth",
        project=_REALSR,
        architecture="RRDBNet",
        scale=4,
        good_at="photographs from phones (NTIRE 2020, track 2)",
        page=_drive("1zZIuQSepFlupV103AatoP-JSJpwJFS19"),
        copies=(f"{_KAIR}RealSR_DPED.pth",),
        sizes=RRDB_SIZES,
        sha256="b39f06be1aea3349a2d4ea584262e7baa5f62a54d9be3247c12b7823c3aa72a0",
        size=66923471,
    ),
    PublishedModel(
        name="realsr-df2k-jpeg",
        file="DF2K_JPEG.pth",
        project=_REALSR,
        architecture="RRDBNet",
        scale=4,
        good_at="compressed JPEG images",
        page=_drive("1w8QbCLM6g-MMVlIhRERtSXrP-Dh7cPhm"),
        copies=(f"{_KAIR}RealSR_JPEG.pth",),
        sizes=RRDB_SIZES,
        sha256="e186c60a3c8a0af07f79ffb99ffa5b3083af27978b6fcf4bec0327cb91031f9f",
        size=66923491,
    ),
    PublishedModel(
        name="bsrgan-x4",
        file="BSRGAN.pth",
        project=_BSRGAN,
        architecture="RRDBNet",
        scale=4,
        good_at="real images with unknown blur, noise and compression",
        urls=(f"{_KAIR}BSRGAN.pth",),
        sha256="5d505a0766160921e0388d76e1ddf08cb114303990f9080432bf2b1c988b1c54",
        size=67046751,
    ),
    PublishedModel(
        name="bsrgan-x2",
        file="BSRGANx2.pth",
        project=_BSRGAN,
        architecture="RRDBNet",
        scale=2,
        good_at="real images with unknown blur, noise and compression",
        urls=(f"{_KAIR}BSRGANx2.pth",),
        sha256="614f68bcafcf123a1ea51cc75ae5741640a8b1d49dd75757ad3ad531f772c736",
        size=66894171,
    ),
    PublishedModel(
        name="bsrnet-x4",
        file="BSRNet.pth",
        project=_BSRGAN,
        architecture="RRDBNet",
        scale=4,
        good_at="the same as bsrgan-x4, smoother and truer (trained for PSNR)",
        urls=(f"{_KAIR}BSRNet.pth",),
        sha256="fa633d80ff4db5a546740ae8e3baebe925fc84d3c03e3e9002493acc5e88c3ec",
    ),
    PublishedModel(
        name="srrescgan",
        file="srrescgan_model.pth",
        project=_SRRESCGAN,
        architecture="SRResCGAN",
        scale=4,
        good_at="images with noise from a sensor or from processing (NTIRE 2020, track 1)",
        urls=(f"{_SRRESCGAN_FILES}srrescgan_code_demo/trained_nets_x4/srrescgan_model.pth",),
        sha256="34700e0e1d58170879ed59a902895637f5014d962a12ec1c19525b255100d0c5",
        size=1529586,
        value_range=255.0,
    ),
    PublishedModel(
        name="srresdnet-x4",
        file="G_perceptual.pth",
        project=_SRRESCGAN,
        architecture="SRResCGAN",
        scale=4,
        good_at="being the start of SRResCGAN's training",
        urls=(f"{_SRRESCGAN_FILES}training_codes/pretrained_nets/SRResDNet/G_perceptual.pth",),
        sha256="b735d8d75adff117e26460c0b38cd09a074104fba78965c7446eb98de1f12ab7",
        size=1529586,
        value_range=255.0,
    ),
    *(
        PublishedModel(
            name=f"srrescycgan-{corruption}",
            file="srrescycgan.pth",
            project=_SRRESCYCGAN,
            architecture="SRResCGAN",
            scale=4,
            good_at=good_at,
            page=_drive(identity),
            value_range=255.0,
            sizes=(("features", 64), ("blocks", 5)),
        )
        for corruption, good_at, identity in (
            ("noise", "images with sensor noise (sigma 8)", "1-N05dWhnA6om16D1VoPASGB9MiTMjdgB"),
            ("jpeg", "compressed JPEG images (quality 30)", "1AJqEm9lfrzkhJf24_ToEOi9iQUpUu2kn"),
            ("ntire2020", "the unknown corruption of NTIRE 2020", "1tPy1LwzRT2LUM2-X3BhGWo4C3Dii1gmV"),
            ("aim2020", "photographs of real cameras (AIM 2020)", "1NAZjl6UDkcd_BnxfXmwF5QB-uHiJidnA"),
        )
    ),
    PublishedModel(
        name="dsgan-ntire2020",
        file="300_G.pth",
        project=_SRRESCGAN,
        architecture="DSGAN",
        scale=1,
        good_at="giving the corruption of NTIRE 2020, track 1, to clean images",
        urls=(f"{_SRRESCGAN_FILES}training_codes/pretrained_nets/DSGAN/300_G.pth",),
        sha256="ab06793df528b471cb69fe821b02810c03d607a0c5e15322937ca252bde4a8b8",
        size=2385367,
    ),
    *_frequency_separation(),
    *ESRGAN_CHECKPOINTS,
    *(
        PublishedModel(
            name=f"ddnsr-{track}-{target}",
            file=f"{track}_{target}.h5",
            project=_DDNSR,
            architecture="RRDBNet",
            scale=4,
            good_at=good_at,
            page=_DDNSR_PAGE,
        )
        for track, target, good_at in (
            ("track1", "div2k", "images with noise from processing (NTIRE 2020, track 1)"),
            ("track2", "cleanup", "photographs from phones, trained on cleaned ones"),
            ("track2", "div2k", "photographs from phones, trained on DIV2K"),
            ("track2", "mixed", "photographs from phones, trained on cleaned ones and DIV2K"),
            ("track2", "canon", "photographs from phones, trained on those of a better camera"),
        )
    ),
)

PUBLISHED = {checkpoint.name: checkpoint for checkpoint in _CHECKPOINTS}
