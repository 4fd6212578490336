"""Degradations by name: presets, and networks that have learned to degrade (DSGAN, DDNSR) by model name or file."""

from functools import lru_cache
from pathlib import Path

from wildsr.data.errors import DataError
from wildsr.data.image_sets import find_images
from wildsr.data.patches import as_float
from wildsr.degradations.degradation import Degradation, DegradationError
from wildsr.degradations.methods.corruptions import names_corruption
from wildsr.degradations.methods.learned import Ddnsr, Dsgan
from wildsr.degradations.methods.profiled import Profiled
from wildsr.degradations.presets import PRESETS, preset
from wildsr.degradations.profile import Profile, read_profile
from wildsr.networks.ddnsr import DegradationNetwork
from wildsr.networks.dsgan import DSGANGenerator
from wildsr.zoo.catalogue import PUBLISHED, SUFFIXES, find
from wildsr.zoo.errors import ModelError
from wildsr.zoo.load import load_network

SEPARATOR = "@"
"""Between the model of DDNSR's degradation network and the folder of real LR images: ``MODEL@FOLDER``."""


def split_name(name: str) -> tuple[str, str]:
    """The model or profile in the name of a degradation, and the folder or share behind it; "" if there is none.

    All of them may be paths that contain "@".
    """
    ends = [index for index, letter in enumerate(name) if letter == SEPARATOR]
    parts = [(name, ""), *((name[:end], name[end + 1 :]) for end in ends)]
    files = [one for one in parts if Path(one[0]).expanduser().is_file()]
    named = [one for one in parts if Path(one[0]).suffix.lower() in (".json", *SUFFIXES)]
    return [*files, *named, *parts[1:], *parts][0]


def named_degradation(name: str, scale: int = 4) -> Degradation:
    """The degradation of a name.

    Args:
        name: a preset (:func:`wildsr.degradations.presets.preset`); or the name or file of a model of DSGAN; or
            ``MODEL@FOLDER`` for DDNSR's degradation network, with a folder of real LR images; or a camera profile,
            ``profile.json`` or ``profile.json@0.3``, with the share of images degraded by ``wild`` instead.
        scale: HR pixels per LR pixel along a side.

    Raises:
        DegradationError: for a name that is none, a model that is missing or does not degrade, or images that are
            missing.
    """
    if name in PRESETS or names_corruption(name):
        return preset(name, scale)
    model, references = split_name(name)
    path = Path(model).expanduser()
    if path.suffix.lower() == ".json":
        return _profiled(path, references, scale)
    if not path.is_file():
        try:
            path = find(model)[1]
        except ModelError as error:
            if model != name or model in PUBLISHED or path.suffix.lower() in SUFFIXES:
                raise DegradationError(str(error)) from error
            return preset(name, scale)  # raises with the nearest preset
    status = path.stat()
    folder = Path(references).expanduser() if references else None
    return _learned(path, status.st_mtime_ns, status.st_size, scale, folder)


def recorded_degradation(name: str, scale: int = 4) -> Degradation:
    """The degradation of a name, for applying recorded parameters.

    Parameters sampled from a camera profile are complete: its file is read only if it is still there.

    Raises:
        DegradationError: as :func:`named_degradation`; the message says that the parameters need it.
    """
    profile = Path(split_name(name)[0]).expanduser()
    if profile.suffix.lower() == ".json" and not profile.is_file():
        return Profiled(Profile(), scale)
    try:
        return named_degradation(name, scale)
    except DegradationError as error:
        raise DegradationError(
            f"the parameters were sampled with '{name}', which is needed to apply them: {error}"
        ) from error


def label_of(name: str) -> str:
    """A short name for file names: of a preset its name, of a model the stem of its file."""
    return name if name in PRESETS or names_corruption(name) else Path(split_name(name)[0]).stem


def learned_degradation(path: Path, scale: int, references: Path | None = None) -> Degradation:
    """The degradation of a model file: DSGAN's generator, or DDNSR's degradation network.

    Args:
        path: the file.
        scale: HR pixels per LR pixel along a side.
        references: folder of real LR images whose noise DDNSR's network takes; all are kept in memory.

    Raises:
        DegradationError: the file holds no network that degrades, or the folder is missing or not needed.
    """
    try:
        network = load_network(path)
        if isinstance(network, DSGANGenerator):
            if references is not None:
                raise DegradationError(f"{path} is a model of DSGAN, which needs no folder of LR images")
            return Dsgan(network, scale)
        if not isinstance(network, DegradationNetwork):
            raise DegradationError(
                f"{path} is a {type(network).__name__}, which does not degrade; a model of a dsgan run does, and the "
                "-down file of a ddnsr run"
            )
        if references is None:
            raise DegradationError(
                f"{path} is DDNSR's degradation network, which takes noise from real LR images: give their folder, "
                f"{path}{SEPARATOR}FOLDER"
            )
        images = find_images(references, 1)
    except (ModelError, DataError) as error:
        raise DegradationError(str(error)) from error
    return Ddnsr(network, [as_float(images[index]) for index in range(len(images))], scale)


def _profiled(path: Path, share: str, scale: int) -> Degradation:
    try:
        general = float(share or 0)
    except ValueError as error:
        raise DegradationError(f"{path}{SEPARATOR}{share}: '{share}' is not a share from 0 to 1") from error
    return Profiled(read_profile(path), scale, general)


@lru_cache(maxsize=4)
def _learned(path: Path, _changed: int, _size: int, scale: int, references: Path | None) -> Degradation:
    """Read once in a process, as long as the file stays the same."""
    return learned_degradation(path, scale, references)
