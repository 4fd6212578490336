"""The built-in recipes by name, one module per method. Imports no torch."""

from wildsr.recipes.builtin import (
    bsrgan,
    compact,
    ddnsr,
    dsgan,
    edl,
    esrgan,
    photo,
    real_esrgan,
    realsr,
    srrescgan,
)
from wildsr.recipes.config.recipe import Recipe

RECIPES: dict[str, Recipe] = {
    "wildsr-compact-x4": compact.WILDSR_COMPACT_X4,
    "wildsr-faithful-x4": compact.WILDSR_FAITHFUL_X4,
    "wildsr-photo-start-x4": photo.WILDSR_PHOTO_START_X4,
    "wildsr-photo-x4": photo.WILDSR_PHOTO_X4,
    "wildsr-photo-faithful-x4": photo.WILDSR_PHOTO_FAITHFUL_X4,
    "wildsr-photo-fast-x4": photo.WILDSR_PHOTO_FAST_X4,
    "wildsr-camera-x4": compact.WILDSR_CAMERA_X4,
    "rrdb-psnr": esrgan.RRDB_PSNR,
    "realsr-df2k": realsr.REALSR_DF2K,
    "realsr-dped": realsr.REALSR_DPED,
    "edl-ntire": edl.EDL_NTIRE,
    "edl-aim": edl.EDL_AIM,
    "bsrnet-x4": bsrgan.BSRNET_X4,
    "bsrgan-x4": bsrgan.BSRGAN_X4,
    "bsrgan-plus-x4": bsrgan.BSRGAN_PLUS_X4,
    "bsrgan-x2": bsrgan.BSRGAN_X2,
    "real-esrgan": real_esrgan.REAL_ESRGAN,
    "dsgan": dsgan.DSGAN,
    "srrescgan": srrescgan.SRRESCGAN,
    "ddnsr-track1": ddnsr.DDNSR_TRACK1,
    "ddnsr-track2-div2k": ddnsr.DDNSR_TRACK2_DIV2K,
    "ddnsr-track2-cleanup": ddnsr.DDNSR_TRACK2_CLEANUP,
    "ddnsr-track2-mixed": ddnsr.DDNSR_TRACK2_MIXED,
    "ddnsr-track2-canon": ddnsr.DDNSR_TRACK2_CANON,
}
