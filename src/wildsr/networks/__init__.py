"""Networks: modules with learned parameters only, without files, names of checkpoints or devices.

Names are imported on first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wildsr.networks.compact import SRVGGNetCompact as SRVGGNetCompact
    from wildsr.networks.ddnsr import DDNSRPatchDiscriminator as DDNSRPatchDiscriminator
    from wildsr.networks.ddnsr import DDNSRVGGDiscriminator as DDNSRVGGDiscriminator
    from wildsr.networks.ddnsr import DegradationNetwork as DegradationNetwork
    from wildsr.networks.discriminators import PatchGAN as PatchGAN
    from wildsr.networks.discriminators import UNetDiscriminator as UNetDiscriminator
    from wildsr.networks.discriminators import VGG128Discriminator as VGG128Discriminator
    from wildsr.networks.dsgan import DSGANDiscriminator as DSGANDiscriminator
    from wildsr.networks.dsgan import DSGANGenerator as DSGANGenerator
    from wildsr.networks.edl import Branches as Branches
    from wildsr.networks.edl import EDLNet as EDLNet
    from wildsr.networks.kernelgan import KernelGANDiscriminator as KernelGANDiscriminator
    from wildsr.networks.kernelgan import KernelGANGenerator as KernelGANGenerator
    from wildsr.networks.lpips import Lpips as Lpips
    from wildsr.networks.msrresnet import MSRResNet as MSRResNet
    from wildsr.networks.protocols import UpscalingNetwork as UpscalingNetwork
    from wildsr.networks.protocols import WholeImageNetwork as WholeImageNetwork
    from wildsr.networks.protocols import WholeImagePass as WholeImagePass
    from wildsr.networks.reach import ReachStage as ReachStage
    from wildsr.networks.reach import receptive_field as receptive_field
    from wildsr.networks.resunet import ResUNet as ResUNet
    from wildsr.networks.rrdbnet import RRDBNet as RRDBNet
    from wildsr.networks.span import SPAN as SPAN
    from wildsr.networks.spectral_norm import SpectralNormConv2d as SpectralNormConv2d
    from wildsr.networks.srrescgan import SRResCGAN as SRResCGAN
    from wildsr.networks.vgg import VGGFeatures as VGGFeatures

_HOME_OF = {
    "Branches": "wildsr.networks.edl",
    "DDNSRPatchDiscriminator": "wildsr.networks.ddnsr",
    "DDNSRVGGDiscriminator": "wildsr.networks.ddnsr",
    "DSGANDiscriminator": "wildsr.networks.dsgan",
    "DSGANGenerator": "wildsr.networks.dsgan",
    "DegradationNetwork": "wildsr.networks.ddnsr",
    "EDLNet": "wildsr.networks.edl",
    "KernelGANDiscriminator": "wildsr.networks.kernelgan",
    "KernelGANGenerator": "wildsr.networks.kernelgan",
    "Lpips": "wildsr.networks.lpips",
    "MSRResNet": "wildsr.networks.msrresnet",
    "PatchGAN": "wildsr.networks.discriminators",
    "RRDBNet": "wildsr.networks.rrdbnet",
    "ReachStage": "wildsr.networks.reach",
    "ResUNet": "wildsr.networks.resunet",
    "SPAN": "wildsr.networks.span",
    "SRResCGAN": "wildsr.networks.srrescgan",
    "SRVGGNetCompact": "wildsr.networks.compact",
    "SpectralNormConv2d": "wildsr.networks.spectral_norm",
    "UNetDiscriminator": "wildsr.networks.discriminators",
    "UpscalingNetwork": "wildsr.networks.protocols",
    "VGG128Discriminator": "wildsr.networks.discriminators",
    "VGGFeatures": "wildsr.networks.vgg",
    "WholeImageNetwork": "wildsr.networks.protocols",
    "WholeImagePass": "wildsr.networks.protocols",
    "receptive_field": "wildsr.networks.reach",
}

__all__ = [
    "SPAN",
    "Branches",
    "DDNSRPatchDiscriminator",
    "DDNSRVGGDiscriminator",
    "DSGANDiscriminator",
    "DSGANGenerator",
    "DegradationNetwork",
    "EDLNet",
    "KernelGANDiscriminator",
    "KernelGANGenerator",
    "Lpips",
    "MSRResNet",
    "PatchGAN",
    "RRDBNet",
    "ReachStage",
    "ResUNet",
    "SRResCGAN",
    "SRVGGNetCompact",
    "SpectralNormConv2d",
    "UNetDiscriminator",
    "UpscalingNetwork",
    "VGG128Discriminator",
    "VGGFeatures",
    "WholeImageNetwork",
    "WholeImagePass",
    "receptive_field",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'wildsr.networks' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
