"""DDNSR: a degradation network and a reconstruction network train each other on unpaired images.

Numbers: the authors' train.py and method/gan.py. Phases end after 50, 100, 200 and 300 times 1024 batches; the rate is
halved at each, and Adam is reset. ``NAME-down.safetensors`` is the degradation network, which a degradation of the kind
``learned`` takes together with real LR images. The four Track 2 variants differ in their HR images.
"""

from wildsr.recipes.config import (
    DDNSRObjectiveConfig,
    DDNSRPatchConfig,
    DDNSRVGGConfig,
    DegradationNetworkConfig,
    DualDataConfig,
    FeaturesConfig,
    L1Config,
    MilestonesConfig,
    NetworkConfig,
    OptimizerConfig,
    Recipe,
    RRDBNetConfig,
    TrainSettings,
)

_PHASES = (50 * 1024, 100 * 1024, 200 * 1024)
_ADAM = OptimizerConfig(kind="keras-adam", rate=1e-4, epsilon=1e-7, schedule=MilestonesConfig(at=_PHASES))
_VGG_HR, _VGG_LR = (
    DDNSRVGGConfig(features=64, halvings=5, size=128),
    DDNSRVGGConfig(features=128, halvings=3, size=32),
)


def _features(layer: str, weight: float) -> FeaturesConfig:
    # Keras's VGG-19, which gets RGB in [0, 1], although its weights expect other values.
    return FeaturesConfig(
        weight=weight, network="vgg19-keras", layers={layer: 1.0}, distance="l2", normalise=False
    )


def _ddnsr(name: str, about: str, discriminator: NetworkConfig) -> Recipe:
    networks: dict[str, NetworkConfig] = {
        "up": RRDBNetConfig(initialisation="glorot-uniform"),
        "down": DegradationNetworkConfig(),
        "disc_up": discriminator,
        "disc_down": _VGG_LR,
    }
    return Recipe(
        name=name,
        about=about,
        networks=networks,
        objective=DDNSRObjectiveConfig(
            content=_features("conv3_4", 0.1),
            cycle=_features("conv2_2", 10.0),
            adversarial_down=1.0,
            terms={"features": _features("conv5_4", 1.0), "pixel": L1Config(weight=0.01)},
            adversarial_up=0.005,
        ),
        optimizers=dict.fromkeys(networks, _ADAM),
        # LR crops of 32, HR crops of 128; 16 of every image, which is mirrored first, shuffled in a buffer of 1024.
        data=DualDataConfig(hr_patch=128, lr_patch=32, crops=16, augment="mirror"),
        train=TrainSettings(steps=300 * 1024, batch_size=16, fresh_optimizers_at=_PHASES),
    )


DDNSR_TRACK1 = _ddnsr(
    "ddnsr-track1",
    "DDNSR for processing noise (NTIRE 2020, Track 1): LR of the source domain, HR of DIV2K.",
    _VGG_HR,
)
DDNSR_TRACK2_DIV2K = _ddnsr(
    "ddnsr-track2-div2k",
    "DDNSR for a smartphone's images (NTIRE 2020, Track 2): HR of DIV2K.",
    DDNSRPatchConfig(),
)
DDNSR_TRACK2_CLEANUP = _ddnsr(
    "ddnsr-track2-cleanup",
    "DDNSR, Track 2: HR are the smartphone's own images, downscaled by 2.",
    DDNSRPatchConfig(),
)
DDNSR_TRACK2_MIXED = _ddnsr(
    "ddnsr-track2-mixed",
    "DDNSR, Track 2: HR of DIV2K together with the smartphone's own, downscaled by 2; --set data.hr='[A, B]'.",
    DDNSRPatchConfig(),
)
DDNSR_TRACK2_CANON = _ddnsr(
    "ddnsr-track2-canon", "DDNSR, Track 2: HR of a Canon camera (DPED).", DDNSRPatchConfig()
)
