"""The named checkpoints, and the folder where a user keeps their own. Imports no torch."""

import json
import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import platformdirs

from wildsr.zoo.errors import ModelError

SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt")
FOLDER_VARIABLE = "WILDSR_MODELS"


@dataclass(frozen=True)
class Entry:
    """What is known about a checkpoint without reading its weights; an unknown scale is None."""

    name: str
    path: Path
    architecture: str
    scale: int | None
    licence: str
    origin: str
    good_at: str


_EMBEDDED = Path(__file__).parent / "weights"

CATALOGUE = {
    "wildsr-compact-x4": Entry(
        name="wildsr-compact-x4",
        path=_EMBEDDED / "wildsr-compact-x4.safetensors",
        architecture="SRVGGNetCompact",
        scale=4,
        licence="Apache-2.0",
        origin="trained by the wildsr authors; comes with the package",
        good_at="photographs, scans and web JPEGs, fast on an ordinary CPU",
    ),
}
ALIASES = {"default": "wildsr-compact-x4"}
_RESERVED = {*CATALOGUE, *ALIASES}
_LONGEST_HEADER = 1 << 24


def models_folder() -> Path:
    """Where a user keeps model files: the variable WILDSR_MODELS, or else the user's data folder."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_data_dir("wildsr", appauthor=False)) / "models"


def user_models() -> dict[str, Path]:
    """The model files in :func:`models_folder` by stem; among files of one stem, safetensors wins."""
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


def available() -> list[Entry]:
    """Every model that :func:`wildsr.load` finds by name: the catalogue's, then the user's own.

    What a user's file says about itself is taken from its header, where it has one; its weights are not read.
    """
    own = sorted(user_models().items())
    return [*CATALOGUE.values(), *(_own_entry(name, path) for name, path in own if name not in _RESERVED)]


def find(name_or_path: str | os.PathLike[str]) -> tuple[str, Path, Entry | None]:
    """The name, file and catalogue entry that a name or a path stands for.

    A catalogue name comes first, then an existing file, then a file of the user's folder; write ``./name``
    for a file that has the name of a model.

    Raises:
        ModelError: for a missing file or an unknown name, with the nearest known names.
    """
    given = os.fspath(name_or_path)
    if isinstance(name_or_path, str):
        name = ALIASES.get(given, given)
        if name in CATALOGUE:
            return name, _installed(CATALOGUE[name]), CATALOGUE[name]
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


def _installed(entry: Entry) -> Path:
    if not entry.path.is_file():
        raise ModelError(
            f"the file of the model '{entry.name}' is missing from {entry.path.parent}; reinstall wildsr"
        )
    return entry.path


def _nearest(path: Path) -> str:
    stem = path.stem if path.suffix.lower() in SUFFIXES else path.name
    near = get_close_matches(stem.lower(), _names(), n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(map(repr, near))}?" if near else ""


def _known() -> str:
    return f"; known models: {', '.join(_names())}"


def _names() -> list[str]:
    return [*ALIASES, *CATALOGUE, *sorted(set(user_models()) - _RESERVED)]


def _own_entry(name: str, path: Path) -> Entry:
    header = _header(path) if path.suffix.lower() == ".safetensors" else {}
    scale = header.get("scale", "")
    return Entry(
        name=name,
        path=path,
        architecture=header.get("architecture", ""),
        scale=int(scale) if scale.isdecimal() else None,
        licence=header.get("licence", "unknown"),
        origin=header.get("source", str(path)),
        good_at=header.get("good_at", ""),
    )


def _header(path: Path) -> dict[str, str]:
    """The metadata of a safetensors file; empty when there is none or the file is damaged."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            metadata = json.loads(file.read(min(length, _LONGEST_HEADER))).get("__metadata__", {})
    except (OSError, ValueError, AttributeError, RecursionError):
        return {}
    return {str(key): str(value) for key, value in metadata.items()} if isinstance(metadata, dict) else {}
