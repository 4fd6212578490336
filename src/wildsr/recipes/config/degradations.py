"""Degradations, which make LR images of HR images. Imports torch only to build them."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from wildsr.recipes.config.node import Node, OneOf, nearest
from wildsr.recipes.errors import RecipeError

if TYPE_CHECKING:
    from wildsr.degradations.degradation import Degradation


class DegradationConfig(Node):
    """Base of all degradations. A subclass adds its settings as fields, and builds the degradation."""

    kind: str

    def build(self, scale: int) -> "Degradation":
        """The degradation from HR to 1/``scale`` of the size.

        Raises:
            RecipeError: an unknown name or option; says where.
            DegradationError, PoolError, ModelError, DataError: a file that it needs cannot be used.
        """
        raise NotImplementedError


class PresetConfig(DegradationConfig):
    """A degradation by name."""

    kind: Literal["preset"] = "preset"
    name: str
    """A preset of ``wildsr degrade``, or a corruption such as ``noise-8``."""
    options: dict[str, bool | int | float | str] = Field(default_factory=dict)
    """Changed fields of the degradation, such as ``clean: 0.3`` for ``wild``."""

    def build(self, scale: int) -> "Degradation":
        """The preset with its options."""
        from wildsr.degradations.presets import preset

        degradation = preset(self.name, scale)
        if not self.options:
            return degradation
        fields = getattr(degradation, "__dataclass_fields__", {})
        known = [name for name in fields if name != "scale"]
        for name in self.options:
            if name not in known:
                hint = nearest(name, known) or "; it has none"
                raise RecipeError(f"data.degradation.options.{name}: '{self.name}' has no such option{hint}")
        try:
            changed: Degradation = dataclasses.replace(degradation, **self.options)  # type: ignore[type-var]
        except (ValueError, TypeError) as error:
            raise RecipeError(f"data.degradation.options: {error}") from error
        return changed


class RealSRDegradationConfig(DegradationConfig):
    """RealSR: kernels and noise patches estimated from real photos."""

    kind: Literal["realsr"] = "realsr"
    kernels: Path | None = None
    """Kernel pool made by ``wildsr estimate kernels``; null downscales by MATLAB's bicubic."""
    noise: Path | None = None
    """Noise pool made by ``wildsr estimate noise``; null adds no noise."""

    def build(self, scale: int) -> "Degradation":
        """A ``RealSr`` with its pools."""
        from wildsr.degradations.methods.realsr import RealSr
        from wildsr.degradations.pools import load_kernel_pool, load_noise_pool

        noise = None if self.noise is None else load_noise_pool(self.noise)
        kernels = None if self.kernels is None else load_kernel_pool(self.kernels)
        return RealSr(scale, noise, kernels)


class ProfileDegradationConfig(DegradationConfig):
    """A camera profile measured by ``wildsr estimate profile``."""

    kind: Literal["profile"] = "profile"
    path: Path
    """The folder of the profile, or its ``profile.json``."""
    general: float = Field(0.0, ge=0, le=1)
    """Share of images degraded by the mixture ``wild`` instead, so that a model does not forget others."""
    patches: float = Field(0.0, ge=0, le=1)
    """Share of images whose noise is taken from the profile's noise patches (RealSR)."""
    kernels: float = Field(0.0, ge=0, le=1)
    """Share of images blurred by the profile's kernels (KernelGAN)."""
    uncertain: bool = False
    """Also vary blur and noise within the standard errors of the profile."""

    def build(self, scale: int) -> "Degradation":
        """A ``Profiled`` with its profile."""
        from wildsr.degradations.methods.profiled import Profiled
        from wildsr.degradations.profile import read_profile

        return Profiled(
            read_profile(self.path), scale, self.general, self.patches, self.kernels, self.uncertain
        )


class LearnedDegradationConfig(DegradationConfig):
    """A trained degradation network: DSGAN's generator, or DDNSR's degradation network."""

    kind: Literal["learned"] = "learned"
    model: str
    """The name or file of the network: the model of a ``dsgan`` run, or the ``-down`` file of a ``ddnsr`` run."""
    references: Path | None = None
    """Folder of real LR images from which DDNSR's network takes the noise; all are kept in memory."""

    def build(self, scale: int) -> "Degradation":
        """A ``Dsgan`` or ``Ddnsr`` with its network."""
        from wildsr.data.learned import learned_degradation
        from wildsr.degradations.degradation import DegradationError
        from wildsr.networks.ddnsr import DegradationNetwork
        from wildsr.zoo.catalogue import find
        from wildsr.zoo.load import load_network

        path = Path(self.model) if Path(self.model).is_file() else find(self.model)[1]
        try:
            return learned_degradation(path, scale, self.references)
        except DegradationError as error:
            if self.references is not None or not isinstance(load_network(path), DegradationNetwork):
                raise
            raise RecipeError(
                f"data.degradation.references: {self.model} needs a folder of real LR images"
            ) from error


class LearnedMixtureConfig(LearnedDegradationConfig):
    """A trained degradation network for most images, and the mixture ``wild`` for the others."""

    kind: Literal["learned-mixture"] = "learned-mixture"  # type: ignore[assignment]
    general: float = Field(0.3, ge=0, le=1)
    """Share of images degraded by ``wild``, so that a model does not forget others."""
    profile: Path | None = None
    """A camera profile with noise patches; null for none."""
    patches: float = Field(0.0, ge=0, le=1)
    """Share of the other images that are degraded by this profile, with its noise patches, instead of the network."""

    def build(self, scale: int) -> "Degradation":
        """The network's degradation, mixed with that of the profile and with ``Wild``."""
        from wildsr.degradations.methods.mixed import Mixed
        from wildsr.degradations.methods.profiled import Profiled
        from wildsr.degradations.methods.wild import Wild
        from wildsr.degradations.profile import read_profile

        degradation = super().build(scale)
        if self.profile is not None and self.patches:
            noisy = Profiled(read_profile(self.profile), scale, patches=1.0, uncertain=True)
            degradation = Mixed(degradation, noisy, self.patches)
        return Mixed(degradation, Wild(scale), self.general)


AnyDegradation = Annotated[
    DegradationConfig,
    OneOf(
        "kind",
        PresetConfig,
        RealSRDegradationConfig,
        ProfileDegradationConfig,
        LearnedDegradationConfig,
        LearnedMixtureConfig,
    ),
]


def build_degradation(degradation: DegradationConfig, scale: int) -> "Degradation":
    """The degradation of a recipe. Raises ``RecipeError`` for whatever is wrong with it."""
    from wildsr.degradations.degradation import DegradationError
    from wildsr.degradations.pools import PoolError
    from wildsr.zoo.errors import ModelError

    try:
        return degradation.build(scale)
    except (DegradationError, PoolError, ModelError) as error:
        raise RecipeError(f"data.degradation: {error}") from error
