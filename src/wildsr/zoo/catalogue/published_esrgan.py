"""The published model files of ESRGAN and Real-ESRGAN; see :mod:`wildsr.zoo.catalogue.published`. Imports no torch."""

from wildsr.zoo.catalogue.published_model import Project, PublishedModel

_ESRGAN = Project(
    paper="Wang et al., ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks, ECCV Workshops 2018",
    repository="https://github.com/xinntao/ESRGAN",
    licence="Apache-2.0",
    commercial="yes",
)
_REAL_ESRGAN = Project(
    paper="Wang et al., Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data, ICCV "
    "Workshops 2021",
    repository="https://github.com/xinntao/Real-ESRGAN",
    licence="BSD-3-Clause",
    commercial="yes",
)
RRDB_SIZES = (("features", 64), ("blocks", 23), ("growth", 32))
_ESRGAN_FILES = "https://github.com/cszn/KAIR/releases/download/v1.0/"
_REAL_ESRGAN_FILES = "https://github.com/xinntao/Real-ESRGAN/releases/download/"


def _real_esrgan(
    name: str,
    version: str,
    file: str,
    architecture: str,
    good_at: str,
    digest: str,
    size: int | None,
    scale: int = 4,
) -> PublishedModel:
    return PublishedModel(
        name=name,
        file=file,
        project=_REAL_ESRGAN,
        architecture=architecture,
        scale=scale,
        good_at=good_at,
        urls=(f"{_REAL_ESRGAN_FILES}{version}/{file}",),
        sha256=digest,
        size=size,
    )


ESRGAN_CHECKPOINTS = (
    PublishedModel(
        name="esrgan-x4",
        file="RRDB_ESRGAN_x4.pth",
        project=_ESRGAN,
        architecture="RRDBNet",
        scale=4,
        good_at="clean images that were downscaled (MATLAB bicubic), with much detail",
        urls=(f"{_ESRGAN_FILES}ESRGAN.pth",),
        sha256="65fece06e1ccb48853242aa972bdf00ad07a7dd8938d2dcbdf4221b59f6372ce",
    ),
    PublishedModel(
        name="rrdb-psnr-x4",
        file="RRDB_PSNR_x4.pth",
        project=_ESRGAN,
        architecture="RRDBNet",
        scale=4,
        good_at="clean images that were downscaled (MATLAB bicubic), trained for PSNR",
        page="https://drive.google.com/drive/u/0/folders/17VYV_SoZZesU6mbxz2dMAIccSSlqLecY",
        copies=(f"{_ESRGAN_FILES}RRDB.pth",),
        sizes=RRDB_SIZES,
        sha256="f372b59f22929e1bc83fa58d78215c96f976de3b2eaeee736da1b348913da6cc",
    ),
    _real_esrgan(
        "realesrgan-x4plus",
        "v0.1.0",
        "RealESRGAN_x4plus.pth",
        "RRDBNet",
        "photographs and web images of every kind",
        "4fa0d38905f75ac06eb49a7951b426670021be3018265fd191d2125df9d682f1",
        67040989,
    ),
    _real_esrgan(
        "realesrgan-x2plus",
        "v0.2.1",
        "RealESRGAN_x2plus.pth",
        "RRDBNet",
        "photographs and web images of every kind",
        "49fafd45f8fd7aa8d31ab2a22d14d91b536c34494a5cfe31eb5d89c2fa266abb",
        67061725,
        scale=2,
    ),
    _real_esrgan(
        "realesrnet-x4plus",
        "v0.1.1",
        "RealESRNet_x4plus.pth",
        "RRDBNet",
        "the same as realesrgan-x4plus, smoother (trained for PSNR)",
        "a820b9bde89a874d7599d545567308ce6c128fc8754a53208eda016d40aa81df",
        67040989,
    ),
    _real_esrgan(
        "realesrgan-x4plus-anime-6b",
        "v0.2.2.4",
        "RealESRGAN_x4plus_anime_6B.pth",
        "RRDBNet",
        "drawings and anime",
        "f872d837d3c90ed2e05227bed711af5671a6fd1c9f7d7e91c911a61f155e99da",
        17938799,
    ),
    _real_esrgan(
        "realesr-general-x4v3",
        "v0.2.5.0",
        "realesr-general-x4v3.pth",
        "SRVGGNetCompact",
        "photographs and web images, fast",
        "8dc7edb9ac80ccdc30c3a5dca6616509367f05fbc184ad95b731f05bece96292",
        4885111,
    ),
    _real_esrgan(
        "realesr-general-wdn-x4v3",
        "v0.2.5.0",
        "realesr-general-wdn-x4v3.pth",
        "SRVGGNetCompact",
        "the same as realesr-general-x4v3, with weaker denoising",
        "1641f8c4464b9f097c9fdda5589273713f67cf59f3d909e0bd688f0cee269dca",
        4885111,
    ),
    _real_esrgan(
        "realesr-animevideov3",
        "v0.2.5.0",
        "realesr-animevideov3.pth",
        "SRVGGNetCompact",
        "frames of anime videos, fast",
        "b8a8376811077954d82ca3fcf476f1ac3da3e8a68a4f4d71363008000a18b75d",
        2504012,
    ),
)
