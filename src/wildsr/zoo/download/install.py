"""Adds models to the user's folder: published ones by download, others from a file. Imports torch only to check
weights."""

import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from wildsr.storage.digest import sha256_of
from wildsr.zoo.catalogue import (
    ALIASES,
    EMBEDDED,
    PUBLISHED,
    SUFFIXES,
    PublishedModel,
    describe,
    models_folder,
    user_models,
)
from wildsr.zoo.download.transfer import PATIENT, OnBytes, Patience, download
from wildsr.zoo.errors import ModelError

if TYPE_CHECKING:
    from wildsr.zoo.model import Contract

MIRROR_VARIABLE = "WILDSR_MIRROR"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def pull(
    name: str,
    *,
    overwrite: bool = False,
    on_bytes: OnBytes | None = None,
    patience: Patience = PATIENT,
) -> Path:
    """Download a published checkpoint into the models folder, and return its file.

    An existing file is kept, unless ``overwrite``. The variable WILDSR_MIRROR is an address that is tried first, as
    ``WILDSR_MIRROR/NAME.pth``: a copy of a models folder on any web server.

    Copies by others come last; see :attr:`wildsr.zoo.catalogue.PublishedModel.copies`.

    Raises:
        ModelError: for an unknown name, or when the download fails; says what to do.
    """
    entry = describe(name)
    if entry.path is not None and not (overwrite and entry.checkpoint):
        return entry.path
    checkpoint = PUBLISHED[entry.name]
    mirror = os.environ.get(MIRROR_VARIABLE, "").rstrip("/")
    urls = [*([f"{mirror}/{checkpoint.saved_as}"] if mirror else []), *checkpoint.urls]
    if not urls and not checkpoint.copies:
        raise ModelError(f"'{checkpoint.name}' cannot be pulled: {checkpoint.how_to_get}")
    reasons = []
    # Without a checksum, the weights must at least belong to the claimed network.
    for addresses, verified in ((urls, True), (checkpoint.copies, False)):
        exact = verified and checkpoint.sha256 is not None
        try:
            if addresses:
                return download(
                    addresses,
                    models_folder() / checkpoint.saved_as,
                    sha256=checkpoint.sha256 if verified else None,
                    size=checkpoint.size if verified else None,
                    check=None if exact else lambda path: _require_architecture(path, checkpoint),
                    on_bytes=on_bytes,
                    patience=patience,
                )
        except ModelError as error:
            reasons.append(str(error))
    raise ModelError(f"{'; '.join(reasons)}. By hand: {checkpoint.by_hand}")


def add(file: Path, name: str, *, overwrite: bool = False) -> Path:
    """Copy a model file into the models folder under ``name``, and return the copy.

    Under the name of a published checkpoint it must be that file: its SHA-256 where that is known, and its
    architecture and scale. Under any other name it must be a model that wildsr can run.

    Raises:
        ModelError: for any other file, and for a name that is taken.
    """
    checkpoint = PUBLISHED.get(name)
    _require_free(name, overwrite)
    if not file.is_file():
        raise ModelError(f"there is no file {file}")
    file, *beside = _parts(file)
    suffix = file.suffix.lower() if file.suffix.lower() in SUFFIXES else ".pth"
    target = models_folder() / (checkpoint.saved_as if checkpoint else f"{name}{suffix}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # The copy is checked, so that the file cannot change in between.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".adding-") as folder:
            copy = Path(shutil.copyfile(file, Path(folder) / target.name))
            for other in beside:
                shutil.copyfile(other, copy.with_suffix(other.suffix.lower()))
            _require_right(file, copy, checkpoint)
            for other in beside:
                copy.with_suffix(other.suffix.lower()).replace(target.with_suffix(other.suffix.lower()))
            copy.replace(target)
    except OSError as error:
        raise ModelError(f"cannot copy {file} to {target}: {error.strerror or error}") from error
    return target


def remove(name: str) -> list[Path]:
    """Delete an installed model from the models folder, and return its files: one, or the two of ncnn.

    Raises:
        ModelError: the model comes with wildsr, is not installed or unknown, or its file cannot be deleted.
    """
    entry = describe(name)
    if entry.name in EMBEDDED:
        raise ModelError(f"'{entry.name}' comes with wildsr and cannot be removed")
    if entry.path is None:
        raise ModelError(f"'{entry.name}' is not installed")
    files = _parts(entry.path)
    for file in files:
        try:
            file.unlink()
        except OSError as error:
            raise ModelError(f"cannot delete {file}: {error.strerror or error}") from error
    return files


def _parts(file: Path) -> list[Path]:
    """The files of a model, first the one to load: ncnn has a graph and a weights file."""
    if file.suffix.lower() not in (".param", ".bin"):
        return [file]
    return [part for suffix in (".param", ".bin") if (part := file.with_suffix(suffix)).is_file()] or [file]


def _require_free(name: str, overwrite: bool) -> None:
    if name in EMBEDDED or name in ALIASES:
        raise ModelError(f"'{name}' is the name of a model that comes with wildsr; choose another one")
    if not _NAME.fullmatch(name):
        raise ModelError(
            f"'{name}' is no name for a model; use letters, digits, dots, dashes and underscores"
        )
    there = user_models().get(name)
    if there is not None and not overwrite:
        raise ModelError(f"{there} is there already; use --overwrite to replace it, or another name")


def _require_right(file: Path, copy: Path, checkpoint: PublishedModel | None) -> None:
    if checkpoint is None:
        _contract_of(copy, file)
        return
    if checkpoint.sha256 is None:
        _require_architecture(copy, checkpoint, file)
    elif (digest := sha256_of(copy)) != checkpoint.sha256:
        raise ModelError(
            f"{file} is not the published {checkpoint.file} (SHA-256 {digest} instead of {checkpoint.sha256}): it "
            "is damaged, another version or a conversion; download it again, or add it under another name"
        )


def _require_architecture(path: Path, checkpoint: PublishedModel, file: Path | None = None) -> None:
    found = _contract_of(path, file or path)
    if (found.architecture, found.scale) != (checkpoint.architecture, checkpoint.scale):
        raise ModelError(
            f"{file or path} is {found.architecture} x{found.scale}, but '{checkpoint.name}' is "
            f"{checkpoint.architecture} x{checkpoint.scale}"
        )
    wrong = [
        f"{name} {found.sizes[name]} instead of {size}"
        for name, size in checkpoint.sizes
        if found.sizes.get(name, size) != size
    ]
    if wrong:
        raise ModelError(
            f"{file or path} is {found.architecture} of other sizes than '{checkpoint.name}': {', '.join(wrong)}"
        )


def _contract_of(path: Path, file: Path) -> "Contract":
    from wildsr.zoo.load import load

    try:
        return load(path).contract
    except ModelError as error:
        raise ModelError(str(error).replace(str(path), str(file))) from error
