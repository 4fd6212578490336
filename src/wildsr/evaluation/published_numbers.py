"""Numbers from the originals' repositories, as their authors wrote them; each row names its source.

They were computed with other code and often on other images, which each row names. Numbers that are only in papers, and
not in the repositories or their figures, are left out.
"""

from wildsr.evaluation.protocol import PublishedRow

_PSNR, _SSIM, _LPIPS = "PSNR", "SSIM", "LPIPS (alex)"
_SRRESCGAN = "README of github.com/RaoUmer/SRResCGAN"


def _triples(
    rows: dict[str, tuple[float, float, float]], images: str, source: str
) -> tuple[PublishedRow, ...]:
    return tuple(
        PublishedRow(method, dict(zip((_PSNR, _SSIM, _LPIPS), values, strict=True)), images, source)
        for method, values in rows.items()
    )


NTIRE2020_TRACK1 = (
    *_triples(
        {"SRResCGAN": (25.05, 0.67, 0.3357), "SRResCGAN+": (25.96, 0.71, 0.3401)},
        "validation images",
        _SRRESCGAN,
    ),
    *_triples(
        {
            "RealSR (Impressionism, winner)": (24.67, 0.683, 0.232),
            "Samsung-SLSI-MSL": (25.59, 0.727, 0.252),
            "BOE-IOT-AIBD": (26.71, 0.761, 0.280),
            "MSMers": (23.20, 0.651, 0.272),
            "KU-ISPL": (26.23, 0.747, 0.327),
            "InnoPeak-SR": (26.54, 0.746, 0.302),
            "ITS425": (27.08, 0.779, 0.325),
            "SRResCGAN (MLP-SR)": (24.87, 0.681, 0.325),
            "bicubic": (25.48, 0.680, 0.612),
            "ESRGAN supervised": (24.74, 0.695, 0.207),
        },
        "test images, whose ground truth is not public",
        f"table of the challenge in the {_SRRESCGAN}",
    ),
)

NTIRE2020_TRACK2 = tuple(
    PublishedRow(
        method,
        {"NIQE": niqe, "BRISQUE": brisque, "PIQE": piqe, "NRQM": nrqm, "PI": pi},
        "test crops",
        "figures/track2.png of github.com/Tencent/Real-SR",
    )
    for method, niqe, brisque, piqe, nrqm, pi in (
        ("RealSR (Impressionism, winner)", 5.00, 24.4, 17.6, 6.50, 4.25),
        ("AITA-Noah-A", 5.63, 33.8, 29.7, 4.23, 5.70),
        ("MSMers", 5.43, 38.2, 20.5, 5.22, 5.10),
        ("SRResCGAN (MLP-SR)", 6.45, 30.6, 29.0, 6.12, 5.17),
        ("SR-DL", 6.11, 33.5, 29.4, 5.24, 5.43),
        ("bicubic", 7.97, 52.0, 87.2, 3.16, 7.40),
        ("RRDB", 7.01, 51.3, 76.0, 4.06, 6.48),
    )
)

BSRGAN = tuple(
    PublishedRow(
        method,
        dict(zip(("NIQE", "NRQM", "PI"), values, strict=True)),
        image,
        "figs/comparison.png of github.com/cszn/BSRGAN",
    )
    for image, methods in {
        "building.png": {
            "ESRGAN": (4.47, 3.15, 5.65),
            "FSSR-JPEG": (4.19, 7.08, 3.55),
            "RealSR-DPED": (3.12, 6.81, 3.15),
            "RealSR-JPEG": (3.89, 4.39, 4.75),
            "BSRGAN": (4.52, 5.79, 4.36),
        },
        "chip.png": {
            "ESRGAN": (5.85, 4.66, 5.59),
            "FSSR-JPEG": (4.16, 7.98, 3.09),
            "RealSR-DPED": (4.64, 6.56, 4.04),
            "RealSR-JPEG": (6.95, 4.32, 6.31),
            "BSRGAN": (5.07, 7.44, 3.82),
        },
        "oldphoto2.png": {
            "ESRGAN": (7.10, 3.92, 6.59),
            "FSSR-JPEG": (5.31, 6.26, 4.52),
            "RealSR-DPED": (6.39, 6.83, 4.78),
            "RealSR-JPEG": (4.45, 7.14, 3.65),
            "BSRGAN": (5.83, 5.99, 4.92),
        },
    }.items()
    for method, values in methods.items()
)

AIM2019 = _triples({"DSGAN + ESRGAN-FS (winner)": (20.72, 0.52, 0.4000)}, "test images", _SRRESCGAN)

REALSR = tuple(
    PublishedRow(
        method,
        {"PSNR (Y)": psnr, "SSIM (Y)": ssim},
        "version 3, x4, test images",
        "README of github.com/csjcai/RealSR",
    )
    for method, psnr, ssim in (("bicubic", 27.2378, 0.7643), ("authors' baseline", 28.6508, 0.8206))
)

DIV2K_NOISE8 = _triples(
    {
        "EDSR": (24.48, 0.53, 0.6800),
        "ESRGAN": (17.39, 0.19, 0.9400),
        "CycleGAN + ESRGAN-FT": (22.42, 0.55, 0.3645),
        "DSGAN + ESRGAN-FS": (22.52, 0.52, 0.3300),
        "SRResCGAN": (25.46, 0.67, 0.3604),
        "SRResCGAN+": (26.01, 0.71, 0.3871),
    },
    "DIV2K, sensor noise of 8 levels",
    _SRRESCGAN,
)
DIV2K_JPEG30 = _triples(
    {
        "EDSR": (23.75, 0.62, 0.5400),
        "ESRGAN": (22.43, 0.58, 0.5300),
        "CycleGAN + ESRGAN-FT": (22.80, 0.57, 0.3729),
        "DSGAN + ESRGAN-FS": (20.39, 0.50, 0.4200),
        "SRResCGAN": (23.34, 0.59, 0.4431),
        "SRResCGAN+": (23.69, 0.62, 0.4663),
    },
    "DIV2K, JPEG of quality 30",
    _SRRESCGAN,
)
