"""The named models, and the folder of the user's own. Imports no torch."""

import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import platformdirs

from wildsr.zoo.catalogue.published import PUBLISHED
from wildsr.zoo.catalogue.published_model import PublishedModel
from wildsr.zoo.errors import ModelError
from wildsr.zoo.header import Header, read_metadata

SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".h5", ".param", ".onnx")
FOLDER_VARIABLE = "WILDSR_MODELS"


@dataclass(frozen=True)
class ModelEntry:
    """Facts about a model that are known without reading its weights; an unknown scale is None.

    ``trained_on`` are the metrics of `wildsr evaluate` that served as a loss in training, as far as known.
    ``path`` is None for a published model that is not downloaded, ``checkpoint`` for all but published models.
    """

    name: str
    path: Path | None
    architecture: str
    scale: int | None
    licence: str
    origin: str
    good_at: str
    checkpoint: PublishedModel | None = None
    trained_on: tuple[str, ...] = ()


_WEIGHTS = Path(__file__).parents[1] / "weights"

EMBEDDED = {
    "wildsr-compact-x4": ModelEntry(
        name="wildsr-compact-x4",
        path=_WEIGHTS / "wildsr-compact-x4.safetensors",
        architecture="ResUNet",
        scale=4,
        licence="Apache-2.0",
        origin="trained by the wildsr authors; comes with the package",
        good_at="photographs, scans and web JPEGs, fast on an ordinary CPU",
        trained_on=("psnr", "lpips-alex", "lpips-squeeze", "grid"),
    ),
    "wildsr-faithful-x4": ModelEntry(
        name="wildsr-faithful-x4",
        path=_WEIGHTS / "wildsr-faithful-x4.safetensors",
        architecture="ResUNet",
        scale=4,
        licence="Apache-2.0",
        origin="trained by the wildsr authors; comes with the package",
        good_at="the same images, softer: it adds no invented detail",
        trained_on=("psnr",),
    ),
    "wildsr-photo-x4": ModelEntry(
        name="wildsr-photo-x4",
        path=_WEIGHTS / "wildsr-photo-x4.safetensors",
        architecture="SRVGGNetCompact",
        scale=4,
        licence="BSD-3-Clause",
        origin="trained by the wildsr authors from realesr-general-x4v3 (Copyright (c) 2021, Xintao Wang); comes with "
        "the package",
        good_at="photographs, text and drawings: crisp edges, natural texture and clean areas without halos",
        trained_on=("flat-noise", "grid", "lpips-squeeze"),
    ),
    "wildsr-photo-faithful-x4": ModelEntry(
        name="wildsr-photo-faithful-x4",
        path=_WEIGHTS / "wildsr-photo-faithful-x4.safetensors",
        architecture="SRVGGNetCompact",
        scale=4,
        licence="BSD-3-Clause",
        origin="trained by the wildsr authors from realesr-general-x4v3 (Copyright (c) 2021, Xintao Wang); comes with "
        "the package",
        good_at="the same images as wildsr-photo-x4, softer: it invents no detail",
        trained_on=("grid", "psnr"),
    ),
    "wildsr-photo-fast-x4": ModelEntry(
        name="wildsr-photo-fast-x4",
        path=_WEIGHTS / "wildsr-photo-fast-x4.safetensors",
        architecture="ResUNet",
        scale=4,
        licence="Apache-2.0",
        origin="trained by the wildsr authors from wildsr-compact-x4, with wildsr-photo-x4 as its teacher; comes with "
        "the package",
        good_at="photographs, scans and web JPEGs: up to three times as fast as wildsr-photo-x4, but softer",
        trained_on=("flat-noise", "grid", "lpips-squeeze"),
    ),
}
ALIASES = {"default": "wildsr-photo-x4"}


def models_folder() -> Path:
    """The folder of the user's model files: WILDSR_MODELS, or else ``models`` in the user's data folder."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_data_dir("wildsr", appauthor=False)) / "models"


def user_models() -> dict[str, Path]:
    """The model files in :func:`models_folder` by stem; among files of one stem, safetensors is preferred."""
    try:
        files = sorted(path for path in models_folder().iterdir() if path.is_file())
    except OSError:
        return {}
    models: dict[str, Path] = {}
    for suffix in SUFFIXES:
        for path in files:
            if path.suffix.lower() == suffix:
                models.setdefault(path.stem, path)
    return models


def available() -> list[ModelEntry]:
    """Every model that :func:`wildsr.load` finds by name: embedded, published and downloaded, the user's own."""
    return [entry for entry in catalogue() if entry.path is not None]


def catalogue() -> list[ModelEntry]:
    """Every model with a name: embedded, published (downloaded or not), then the user's own.

    Facts about a user's file come from its header, if it has one; no weights are read.
    """
    own = user_models()
    return [
        *EMBEDDED.values(),
        *(_published_entry(checkpoint, own.get(name)) for name, checkpoint in PUBLISHED.items()),
        *(_own_entry(name, path) for name, path in sorted(own.items()) if not _is_known(name)),
    ]


def describe(name: str) -> ModelEntry:
    """The entry of a name.

    Raises:
        ModelError: for an unknown name, with the nearest known names.
    """
    wanted = ALIASES.get(name, name)
    for entry in catalogue():
        if entry.name == wanted:
            return entry
    raise ModelError(f"there is no model named '{name}'{_nearest(Path(name)) or _known()}")


def find(name_or_path: str | os.PathLike[str]) -> tuple[str, Path, ModelEntry | None]:
    """The name, file and catalogue entry of a name or a path.

    A name of the catalogue comes first, then an existing file, then a file of the user's folder; write
    ``./name`` for a file that has the name of a model.

    Raises:
        ModelError: for a missing file, a published model that is not downloaded (says how to get it), or an unknown
            name, with the nearest known names.
    """
    given = os.fspath(name_or_path)
    if isinstance(name_or_path, str) and _is_known(given):
        entry = describe(given)
        return entry.name, _installed(entry), entry
    path = Path(given).expanduser()
    if path.is_file():
        return path.stem, path, None
    own = user_models().get(given)
    if own is not None:
        return given, own, None
    if path.is_dir():
        raise ModelError(f"{given} is a folder; give the model file inside it")
    if path.suffix.lower() in SUFFIXES or len(path.parts) > 1:
        raise ModelError(f"there is no file {given}{_nearest(path)}")
    raise ModelError(f"there is no model named '{given}'{_nearest(path) or _known()}")


def _is_known(name: str) -> bool:
    return name in EMBEDDED or name in ALIASES or name in PUBLISHED


def _installed(entry: ModelEntry) -> Path:
    if entry.path is None:
        assert entry.checkpoint is not None
        raise ModelError(f"the model '{entry.name}' is not here yet; {entry.checkpoint.how_to_get}")
    if not entry.path.is_file():
        raise ModelError(
            f"the file of the model '{entry.name}' is missing from {entry.path.parent}; reinstall wildsr"
        )
    return entry.path


def _nearest(path: Path) -> str:
    stem = path.stem if path.suffix.lower() in SUFFIXES else path.name
    names = [*ALIASES, *(entry.name for entry in catalogue())]
    near = get_close_matches(stem.lower(), names, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def _known() -> str:
    here = [*ALIASES, *(entry.name for entry in available())]
    return f"; models that are here: {', '.join(here)} (`wildsr models` also lists what can be fetched)"


def _published_entry(checkpoint: PublishedModel, path: Path | None) -> ModelEntry:
    return ModelEntry(
        name=checkpoint.name,
        path=path,
        architecture=checkpoint.architecture,
        scale=checkpoint.scale,
        licence=checkpoint.project.licence,
        origin=checkpoint.project.repository,
        good_at=checkpoint.good_at,
        checkpoint=checkpoint,
    )


def _own_entry(name: str, path: Path) -> ModelEntry:
    header = Header.parse(read_metadata(path) if path.suffix.lower() == ".safetensors" else {})
    return ModelEntry(
        name=name,
        path=path,
        architecture=header.architecture,
        scale=header.scale,
        licence=header.licence or "unknown",
        origin=header.source or str(path),
        good_at=header.good_at,
        trained_on=header.trained_on,
    )
